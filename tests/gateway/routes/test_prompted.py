"""Prompts by name: the version that is picked is asked, and is told what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from seatrial.gateway.chat.call import Attempt, Call
from seatrial.gateway.chat.failures import Overloaded, TimedOut
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.prompts.failures import VariablesInvalid
from seatrial.gateway.prompts.live import LivePrompt
from seatrial.gateway.prompts.variant import Example, Golden, PromptVariant
from seatrial.gateway.routes.gateway import Caller, Gateway
from seatrial.gateway.routes.prompted import Outcome, Scoring
from seatrial.gateway.routes.table import ModelTable, ModelUnknown, Route
from seatrial.gateway.structured.failures import AnswerCut, AnswerInvalid
from seatrial.kernel.errors import SeatrialError
from seatrial.testing import ScriptedProvider
from seatrial.testing.scripted_provider import answers, fails

VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n{{ what }}?",
    model="m",
    golden=Golden(examples=(Example(variables={"what": "Why"}),)),
)
PARSED = msgspec.structs.replace(VARIANT, answer={"type": "object"})
OTHER = msgspec.structs.replace(VARIANT, prompt="---\nvariables: {who: {}}\n---\n{{ who }}?")
PAID = Attempt(provider="p", model="m", began=0, ended=1, cost_usd=Decimal("0.002"))


class Told:
    """A version that keeps what it is told; see `Served`."""

    def __init__(self, live: LivePrompt, rival: LivePrompt | None = None) -> None:
        self.live, self.rival = live, rival
        self.outcomes: list[Outcome] = []
        self.scores: list[float] = []

    @property
    def mark(self) -> str:
        return f"{self.live.version}.7"

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def score(self, score: float) -> None:
        self.scores.append(score)


class House:
    """A gateway with one prompt; see `Prompts`."""

    def __init__(self, served: Told, provider: ScriptedProvider) -> None:
        self.served, self.asked_for = served, list[tuple[str, bytes | None, int | None]]()
        self.scored: list[tuple[str, str, float]] = []
        table = ModelTable({"m": Route(name="m", provider=provider, deadline_s=10)})
        self.gateway = Gateway(table, now=lambda: 100.0, closing=self.close, prompts=self)

    def names(self) -> list[str]:
        return ["ask"]

    async def refresh(self) -> None:
        """Nothing is released meanwhile."""

    def pick(self, name: str, key: bytes | None, version: int | None) -> Told:
        self.asked_for.append((name, key, version))
        return self.served

    def score(self, name: str, answer: str, score: float) -> bool:
        self.scored.append((name, answer, score))
        return True

    async def close(self) -> None:
        """Nothing is held."""


def served(variant: PromptVariant = VARIANT, **more: object) -> Told:
    return Told(LivePrompt("ask", 3, variant, **more))  # type: ignore[arg-type]


async def test_the_picked_version_is_asked_and_told_what_it_cost() -> None:
    told, provider = served(), ScriptedProvider()
    house = House(told, provider)
    caller = Caller(user="ana", tags={"team": "a"})
    answer = await house.gateway.prompt("ask", {"what": "Why"}, "And?", caller=caller)
    assert (answer.text, answer.version) == ("It works.", 3)
    heard = provider.heard[-1]
    assert isinstance(heard.request, ChatRequest)
    assert [m.text for m in heard.request.messages] == ["Why?", "And?"]
    assert heard.call.tags == {"team": "a", "prompt": "ask", "prompt_version": "3"}
    assert house.asked_for == [("ask", b"ana", None)]
    assert answer.answer_id.startswith("3.7.")
    assert house.gateway.score("ask", answer.answer_id, 0.5)
    assert house.scored == [("ask", answer.answer_id, 0.5)]
    (outcome,) = told.outcomes
    assert (outcome.problem, outcome.fits, outcome.cost_usd) == (None, None, None)


async def test_a_key_stands_before_the_user_and_a_version_may_be_named() -> None:
    house = House(served(), ScriptedProvider())
    await house.gateway.prompt(
        "ask", {"what": "Why"}, key="k", version=2, caller=Caller(user="ana")
    )
    assert house.asked_for == [("ask", b"k", 2)]


async def test_a_stream_is_told_when_it_is_whole() -> None:
    told = served(scorer=lambda _, answer: 1.0 if answer == "It works." else 0.0)
    house = House(told, ScriptedProvider())
    prompted, call = house.gateway.prompted("ask", {"what": "Why"}, Caller(), key=None)
    request = ChatRequest(model="prompt/ask", messages=(), stream=True)
    async with aclosing(prompted.stream(request, call)) as chunks:
        assert [_ async for _ in chunks]
        assert len(told.outcomes) == 1
    await house.gateway.close()
    assert told.scores == [1.0]


async def test_a_client_that_leaves_is_no_outcome() -> None:
    told = served()
    house = House(told, ScriptedProvider())
    prompted, call = house.gateway.prompted("ask", {"what": "Why"}, Caller(), key=None)
    chunks = prompted.stream(ChatRequest(model="m", messages=(), stream=True), call)
    await anext(chunks)
    await chunks.aclose()
    assert told.outcomes == []


@pytest.mark.parametrize(
    ("error", "fits"),
    [
        (AnswerInvalid("Not JSON.", remedy="Ask again.", provider="p"), False),
        (Overloaded("No room.", remedy="Wait.", provider="p"), None),
    ],
)
async def test_what_fails_is_told_and_raised(error: SeatrialError, fits: bool | None) -> None:
    told = served(PARSED)
    house = House(told, ScriptedProvider([fails(error)]))
    with pytest.raises(type(error)):
        await house.gateway.prompt("ask", {"what": "Why"})
    (outcome,) = told.outcomes
    assert (outcome.problem, outcome.fits) == (error, fits)


async def test_an_answer_with_a_schema_that_came_is_one_that_parsed() -> None:
    told = served(PARSED)
    await House(told, ScriptedProvider([answers("{}")])).gateway.prompt("ask", {"what": "Why"})
    assert told.outcomes[0].fits is True


@pytest.mark.parametrize(("rival", "outside"), [(VARIANT, True), (OTHER, False)])
async def test_variables_that_both_versions_refuse_say_nothing_about_either(
    rival: PromptVariant, outside: bool
) -> None:
    told = Told(LivePrompt("ask", 3, VARIANT), LivePrompt("ask", 2, rival))
    provider = ScriptedProvider()
    with pytest.raises(VariablesInvalid):
        await House(told, provider).gateway.prompt("ask", {"who": "me"})
    assert told.outcomes[0].outside is outside
    assert provider.heard == []


class Paid(ScriptedProvider):
    """Writes attempts, as the budget does."""

    def __init__(self, *attempts: Attempt) -> None:
        super().__init__()
        self._attempts = attempts

    async def chat(self, request: ChatRequest, call: Call):
        call.journal.attempts += self._attempts
        return await super().chat(request, call)


@pytest.mark.parametrize(
    ("attempts", "cost"),
    [
        ([], None),
        ([PAID, PAID], Decimal("0.004")),
        ([msgspec.structs.replace(PAID, cost_usd=None, failure="x"), PAID], Decimal("0.002")),
        ([PAID, msgspec.structs.replace(PAID, cost_usd=None)], None),
    ],
)
async def test_the_cost_is_that_of_all_attempts_unless_one_that_answered_has_no_price(
    attempts: list[Attempt], cost: Decimal | None
) -> None:
    told = served()
    await House(told, Paid(*attempts)).gateway.prompt("ask", {"what": "Why"})
    assert told.outcomes[0].cost_usd == cost


async def test_a_scorer_that_fails_scores_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def scorer(_: Mapping[str, object], __: object) -> float:
        raise ZeroDivisionError

    told = served(scorer=scorer)
    scoring = Scoring()
    scoring.begin(told, {}, "text")
    await scoring.close()
    assert told.scores == []
    assert "the scorer of ask version 3 failed: ZeroDivisionError()" in caplog.text


async def test_only_so_many_answers_are_scored_at_once() -> None:
    told, scoring = served(scorer=lambda *_: 1.0), Scoring()
    for _ in range(200):
        scoring.begin(told, {}, "text")
    await scoring.close()
    await asyncio.sleep(0)
    assert len(told.scores) == 64


async def test_a_gateway_without_prompts_has_none() -> None:
    house = House(served(), ScriptedProvider())
    house.gateway.prompts = None
    with pytest.raises(ModelUnknown, match="no model 'prompt/ask'"):
        await house.gateway.prompt("ask", {})
    with pytest.raises(ModelUnknown, match="no model 'prompt/ask'"):
        house.gateway.score("ask", "3.7.abc", 1)


CUT = AnswerCut("Cut off.", remedy="Raise max_tokens.", provider="p")
LATE = TimedOut("No answer.", remedy="Wait longer.", provider="p")


@pytest.mark.parametrize(
    ("error", "asked", "outside"),
    [
        (CUT, {"max_tokens": 1}, True),
        (CUT, {}, False),
        (LATE, {"timeout_s": 0.001}, True),
        (LATE, {"timeout_s": 10}, False),
        (LATE, {}, False),
    ],
)
async def test_a_caller_who_leaves_too_little_says_nothing_about_the_version(
    error: SeatrialError, asked: dict[str, Any], outside: bool
) -> None:
    told = served(PARSED)
    with pytest.raises(type(error)):
        await House(told, ScriptedProvider([fails(error)])).gateway.prompt(
            "ask", {"what": "Why"}, **asked
        )
    assert told.outcomes[0].outside is outside
