"""DSPy's programs over a model of the gateway, in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMError

import seatrial
from seatrial.adapters.frameworks.dspy_lm import dspy_lm
from seatrial.gateway import Caller
from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Fault, FaultKind, Says

SAYS = Says(
    text="[[ ## reasoning ## ]]\nThe log says so.\n\n[[ ## answer ## ]]\n12 metres\n\n"
    "[[ ## completed ## ]]"
)


@pytest.fixture
def llm() -> Iterator[ScriptedLLM]:
    with ScriptedLLM(lambda _: SAYS).in_thread() as llm:
        yield llm


@pytest.fixture
def lm(llm: ScriptedLLM, tmp_path: Path) -> Iterator[Any]:
    gateway = {
        "providers": {"one": {"kind": "openai", "base_url": llm.openai_url}},
        "models": {"small": "one/gpt-4o-mini"},
        "retry": {"attempts": 1},
        "budgets": [{"limit_usd": 0, "scope": "user", "name": "broke"}],
    }
    config = tmp_path / "seatrial.yaml"
    config.write_text(json.dumps({"gateway": gateway}), "utf-8")
    opened = partial(seatrial.open_gateway, home=tmp_path / "home", config=config)
    made = dspy_lm("small", opened, temperature=0.0, max_tokens=99)
    yield made
    made.engine.close()


def test_a_prediction_is_asked_of_the_gateway(lm: Any, llm: ScriptedLLM) -> None:
    with dspy.context(lm=lm):
        found = dspy.Predict("question -> answer")(question="How long is the Heron?")
    assert found.answer == "12 metres"
    body = llm.asked[0].body
    assert (body["model"], body["temperature"]) == ("gpt-4o-mini", 0.0)
    assert "How long is the Heron?" in body["messages"][-1]["content"]
    assert lm.history[-1]["usage"]["completion_tokens"] > 0


def test_a_chain_of_thought_reasons_first(lm: Any) -> None:
    with dspy.context(lm=lm):
        found = dspy.ChainOfThought("question -> answer")(question="How long is the Heron?")
    assert (found.reasoning, found.answer) == ("The log says so.", "12 metres")


def test_equal_questions_are_asked_again(lm: Any, llm: ScriptedLLM) -> None:
    with dspy.context(lm=lm):
        for _ in range(2):
            dspy.Predict("question -> answer")(question="How long?")
    assert llm.n_asked == 2


def test_programs_with_an_event_loop_wait_for_it(lm: Any) -> None:
    async def ask() -> Any:
        with dspy.context(lm=lm):
            return await dspy.Predict("question -> answer").acall(question="How long?")

    assert asyncio.run(ask()).answer == "12 metres"


def test_a_schema_reaches_the_provider(lm: Any, llm: ScriptedLLM) -> None:
    llm.then(Says(text='{"answer": 12}'))
    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        found = dspy.Predict("question -> answer: int")(question="How long?")
    assert found.answer == 12
    assert llm.asked[0].body["response_format"]["type"] == "json_schema"


def test_pieces_of_an_answer_make_up_the_whole(lm: Any) -> None:
    request = dspy.lm15.Request(model="small", messages=(dspy.lm15.Message.user("How long?"),))
    told = "".join(one.delta.text for one in lm.engine.stream(request) if one.type == "delta")
    assert told == SAYS.text


def test_a_failure_is_one_of_dspys_and_says_whose(lm: Any, llm: ScriptedLLM) -> None:
    llm.decide = lambda _: Fault(kind=FaultKind.SERVER_ERROR)
    with dspy.context(lm=lm), pytest.raises(LMError, match=r"gateway\.provider_fault"):
        lm("How long?")


def test_budgets_hold(lm: Any, llm: ScriptedLLM, tmp_path: Path) -> None:
    opened = partial(
        seatrial.open_gateway, home=tmp_path / "home", config=tmp_path / "seatrial.yaml"
    )
    broke = dspy_lm("small", opened, caller=Caller(user="broke"))
    with pytest.raises(LMError, match=r"gateway\.budget_exceeded"):
        broke("How long?")
    broke.engine.close()
    assert llm.n_asked == 0


def test_a_picture_is_refused(lm: Any) -> None:
    parts = [dspy.lm15.TextPart("What is it?"), dspy.lm15.ImagePart(url="http://x/y.png")]
    request = dspy.lm15.Request(model="small", messages=(dspy.lm15.Message.user(parts),))
    with pytest.raises(dspy.lm15.UnsupportedFeatureError, match="image"):
        lm.engine.complete(request)
