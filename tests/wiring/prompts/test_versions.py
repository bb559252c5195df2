"""Prompts between the gateway and the tables of serving: opened, picked, measured."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from seatrial.gateway.chat.failures import Overloaded
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.prompts.failures import (
    AnswerUnknown,
    PromptInvalid,
    PromptNotFound,
    VariablesInvalid,
)
from seatrial.gateway.prompts.live import LivePrompt
from seatrial.gateway.prompts.variant import Example, Golden, PromptVariant
from seatrial.gateway.routes.prompted import Outcome
from seatrial.registry.documents import DocumentUnknown, register
from seatrial.release.measurement import BadSummary, Summary
from seatrial.release.variant import Split
from seatrial.serving.record import OUTSIDE, Recorder
from seatrial.serving.router import Router, StillLoading
from seatrial.testing import MemoryStore
from seatrial.testing.clock import FakeClock
from seatrial.wiring.prompts.versions import (
    PROMPT,
    LoadedPrompt,
    PickedPrompt,
    PromptShelf,
    RoutedPrompts,
    scorer_of,
)

VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n{{ what }}?",
    model="small",
    golden=Golden(examples=(Example(variables={"what": "Why"}),)),
)
FULL = Overloaded("No room.", remedy="Wait.", provider="p")
REFUSED = VariablesInvalid("what is missing.", remedy="Give it.")


class Tables:
    """Version 1 in production, version 2 with all the traffic of a trial."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.recorder = Recorder(worker="w", clock=FakeClock())
        self.router: Router[LoadedPrompt] = Router(self.recorder)
        self.prompts = RoutedPrompts(self.router, self.recorder)
        loaded = {n: LoadedPrompt(LivePrompt("ask", n, VARIANT)) for n in (1, 2)}
        self.router.apply("ask", 7, Split(stable=1, canary=2, canary_share=1.0), loaded)

    def measured(self) -> dict[tuple[int, int], Summary]:
        """What was recorded, by version and revision."""
        self.recorder.flush(self.store)
        found: dict[tuple[int, int], Summary] = {}
        for _, piece in self.store.read_slices("ask"):
            key = (piece.version, piece.revision)
            found[key] = found.get(key, Summary.empty()) + Summary.decode(piece.summary)
        return found


@pytest.fixture
def tables() -> Tables:
    return Tables()


def test_who_answers_follows_the_split_or_the_testers_wish(tables: Tables) -> None:
    picked = tables.prompts.pick("ask", b"ana", None)
    assert (picked.live.version, picked.rival and picked.rival.version) == (2, 1)
    assert tables.prompts.pick("ask", b"ana", 1).live.version == 1
    assert tables.prompts.names() == ["ask"]


def test_a_prompt_that_does_not_exist_is_told_apart_from_one_that_loads(tables: Tables) -> None:
    with pytest.raises(PromptNotFound, match="no prompt 'other' here"):
        tables.prompts.pick("other", None, None)
    tables.router.expect(["other"])
    with pytest.raises(StillLoading):
        tables.prompts.pick("other", None, None)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome(latency_s=1), (1, 0, 0, 0)),
        (Outcome(latency_s=1, problem=FULL), (1, 1, 0, 0)),
        (Outcome(latency_s=1, problem=ZeroDivisionError()), (1, 1, 0, 0)),
        (Outcome(latency_s=1, problem=REFUSED), (0, 0, 1, 0)),
        (Outcome(latency_s=1, problem=BudgetExceeded("Spent.", remedy="Wait.")), (0, 0, 1, 0)),
    ],
)
def test_outcomes_count_as_those_of_models_do(
    tables: Tables, outcome: Outcome, counts: tuple[int, ...]
) -> None:
    tables.prompts.pick("ask", None, None).tell(outcome)
    summary = tables.measured()[2, 7]
    assert (summary.n, summary.n_errors, summary.n_rejected, summary.n_shed) == counts


def test_what_both_versions_refuse_is_no_evidence(tables: Tables) -> None:
    refused = Outcome(latency_s=1, problem=REFUSED, outside=True)
    tables.prompts.pick("ask", None, None).tell(refused)
    assert {key: s.n_rejected for key, s in tables.measured().items()} == {(2, OUTSIDE): 1}


def test_form_cost_and_score_are_kept_under_the_revision_of_the_answer(tables: Tables) -> None:
    picked: PickedPrompt = tables.prompts.pick("ask", None, None)
    picked.tell(Outcome(latency_s=1, fits=True, cost_usd=Decimal("0.002")))
    tables.router.apply("ask", 9, Split(stable=2), {2: picked._pick.version})
    picked.score(0.25)
    quality = tables.measured()[2, 7].quality
    assert (quality.n_checked, quality.n_unfit, quality.costs.total) == (1, 0, 2_000_000)
    assert (quality.n_scored, quality.lost_millionths) == (1, 750_000)
    with pytest.raises(BadSummary):
        picked.score(7)


def registered(variant: PromptVariant) -> MemoryStore:
    store = MemoryStore()
    content, digest = variant.record(), variant.digest
    register(store, PROMPT, "ask", digest=digest, content=content, source_name="a", by="test")
    return store


@pytest.fixture
def scorers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_scorers.py").write_text("def one(variables, answer): return 1.0\nNONE = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("scorers")
def test_a_version_is_opened_from_the_store_alone() -> None:
    variant = msgspec.structs.replace(VARIANT, scorer="my_scorers:one")
    loaded = PromptShelf(registered(variant), ["small"])("ask", 4, variant.digest)
    assert (loaded.live.version, loaded.live.variant) == (4, variant)
    assert loaded.live.score({}, "text") == 1.0


def test_a_version_that_cannot_be_served_says_why() -> None:
    store = registered(VARIANT)
    with pytest.raises(PromptInvalid, match="model 'small', which the gateway does not have"):
        PromptShelf(store, ["large"])("ask", 1, VARIANT.digest)
    with pytest.raises(DocumentUnknown):
        PromptShelf(store, ["small"])("ask", 1, "0" * 64)


@pytest.mark.usefixtures("scorers")
@pytest.mark.parametrize(
    ("scorer", "why"),
    [
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError"),
        ("my_scorers:two", "cannot be imported: AttributeError"),
        ("my_scorers:NONE", "is no function"),
    ],
)
def test_a_scorer_that_is_none_is_refused(scorer: str, why: str) -> None:
    with pytest.raises(PromptInvalid, match=why):
        scorer_of(msgspec.structs.replace(VARIANT, scorer=scorer))


def test_a_score_that_comes_later_counts_once_for_the_version_that_answered(
    tables: Tables,
) -> None:
    answer = tables.prompts.pick("ask", None, None).mark + ".abc"
    live = tables.router.get("ask", 2)
    tables.router.apply("ask", 9, Split(stable=2), {2: live})
    assert tables.prompts.score("ask", answer, 0.25)
    assert not tables.prompts.score("ask", answer, 1)
    quality = tables.measured()[2, 7].quality
    assert (quality.n_scored, quality.lost_millionths) == (1, 750_000)


@pytest.mark.parametrize("answer", ["", "2", "2.7.", "3.7.abc", "2.8.abc", "2.-7.abc", "x.7.abc"])
def test_what_no_version_answered_cannot_be_scored(tables: Tables, answer: str) -> None:
    with pytest.raises(AnswerUnknown):
        tables.prompts.score("ask", answer, 1)


def test_a_score_that_is_none_is_refused_and_may_be_sent_again(tables: Tables) -> None:
    with pytest.raises(BadSummary):
        tables.prompts.score("ask", "2.7.abc", 1.5)
    assert tables.prompts.score("ask", "2.7.abc", 1)
    with pytest.raises(PromptNotFound):
        tables.prompts.score("other", "2.7.abc", 1)


def test_feedback_is_no_function() -> None:
    assert scorer_of(msgspec.structs.replace(VARIANT, scorer="feedback")) is None
