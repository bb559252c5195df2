"""Golden examples: asked over the wire, within their money, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from seatrial.gateway.prompts.variant import Compare, Example, Golden, PromptVariant
from seatrial.registry.documents import register
from seatrial.release.answer_gates import AnswerReleaseConfig
from seatrial.release.rollout import Phase, Rollout, Staged
from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Fault, FaultKind, Says, Tokens
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.prompts.staging import PromptStage
from seatrial.wiring.workspace import open_workspace

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"topic": {"type": "string"}},
    "required": ["topic"],
}
VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n{{ what }}?",
    model="small",
    golden=Golden(
        examples=tuple(
            Example(variables={"what": str(n)}, expected={"topic": "a"}) for n in range(3)
        ),
        compare=Compare.JSON,
        least_score=0.5,
    ),
    answer=SCHEMA,
)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Staged]:
    """Tests a variant against a scripted model."""

    def staged(
        llm: ScriptedLLM, variant: PromptVariant = VARIANT, *, usd: float = 1, **gates: Any
    ) -> Staged:
        config = tmp_path / "seatrial.yaml"
        provider = {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"}
        sections = {
            "gateway": {
                "providers": {"one": provider},
                "models": {"small": "one/gpt-4o-mini"},
                "retry": {"attempts": 1},
            },
            "prompts": {"golden_usd": usd},
        }
        config.write_text(yaml.safe_dump(sections))
        workspace = open_workspace(home=tmp_path / "home", config=config, environment={})
        store = workspace.open_store()
        content, digest = variant.record(), variant.digest
        register(store, PROMPT, "ask", digest=digest, content=content, source_name="a", by="t")
        store.close()
        release = AnswerReleaseConfig.model_validate({"gates": gates})
        rollout = Rollout(
            release="ask-1-1",
            version=1,
            digest=digest,
            target="production",
            plan=release.plan(),
            phase=Phase.STAGING,
            kind=PROMPT,
        )
        return PromptStage(workspace)(rollout, "ask", lambda _: None)

    return staged


def test_good_answers_pass_and_their_report_is_written(
    stage: Callable[..., Staged], tmp_path: Path
) -> None:
    with ScriptedLLM(lambda _: Says(text='{"topic": "a"}')).in_thread() as llm:
        staged = stage(llm)
        assert staged.passed, staged.reason
        assert llm.bill.n_billed == 3
    report: Any = staged.report
    assert [test["name"] for test in report["tests"]] == ["answers", "parse rate", "score", "gates"]
    assert report["measured"]["score"] == 1.0
    assert report["measured"]["cost_usd"] > 0
    folder = tmp_path / "home" / "releases" / "ask" / "1"
    assert {file.name for file in folder.iterdir()} >= {"staging.txt", "staging.json"}
    assert "3 golden examples for 0.0000" in (folder / "staging.txt").read_text()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (Says(text="No idea."), "parse rate failed: 0 of 3 answers parsed, fewer than 100 %"),
        (Says(text='{"topic": "b"}'), "score failed: mean score 0 of 3, at least 0.5 is needed"),
        (Fault(kind=FaultKind.SERVER_ERROR), "answers failed: 3 of 3 failed"),
    ],
)
def test_what_is_not_good_enough_fails_and_says_why(
    stage: Callable[..., Staged], says: Says | Fault, why: str
) -> None:
    with ScriptedLLM(lambda _: says).in_thread() as llm:
        staged = stage(llm)
    assert not staged.passed
    assert why in staged.reason


def test_fewer_may_parse_where_the_file_says_so(stage: Callable[..., Staged]) -> None:
    golden = msgspec.structs.replace(VARIANT.golden, least_parse_rate=0.6, least_score=0)
    variant = msgspec.structs.replace(VARIANT, golden=golden)
    with ScriptedLLM(
        lambda asked: Says(text="No." if "2?" in str(asked.body) else '{"topic": "a"}')
    ).in_thread() as llm:
        staged = stage(llm, variant, error_rate=0.9)
    assert staged.passed, staged.reason
    assert "2 of 3 answers parsed" in str(staged.report)


def test_an_absolute_gate_is_judged_on_the_golden_examples(stage: Callable[..., Staged]) -> None:
    golden = Golden(examples=tuple(Example(variables={"what": str(n)}) for n in range(40)))
    variant = msgspec.structs.replace(VARIANT, golden=golden, answer=None)
    tokens = Tokens(input=10, output=1_000)
    with ScriptedLLM(lambda _: Says(text="Fine.", tokens=tokens)).in_thread() as llm:
        staged = stage(llm, variant, cost_per_request_usd=0.00001)
    assert not staged.passed
    assert "gates failed: cost of a request" in staged.reason


def test_their_money_is_bounded_over_restarts(stage: Callable[..., Staged]) -> None:
    """Worst cases are reserved: of a budget for about four, one run of three leaves too little."""
    asked = msgspec.structs.replace(
        VARIANT, parameters=msgspec.structs.replace(VARIANT.parameters, max_tokens=1_000)
    )
    tokens = Tokens(input=10, output=1_000)
    with ScriptedLLM(lambda _: Says(text='{"topic": "a"}', tokens=tokens)).in_thread() as llm:
        assert stage(llm, asked, usd=0.0026).passed
        again = stage(llm, asked, usd=0.0026)
        assert llm.bill.n_billed < 6
    assert not again.passed
    assert "budget" in again.reason
