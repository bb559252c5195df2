"""The whole gateway over the wire: every fault of a provider in every kind of request.

`tests/gateway/policies/test_faults.py` has the same for policies alone, in a time that is not real.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, Tool
from seatrial.gateway.chat.response import TextDelta, ToolCallDelta
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.structured.failures import AnswerInvalid
from seatrial.testing.llm_script import Asked
from seatrial.testing.scripted_llm import Fault, FaultKind, Says, ScriptedLLM, Step
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.workspace import open_workspace

pytestmark = pytest.mark.integration

DEADLINE_S = 6.0
OF_THE_REQUEST = {FaultKind.BAD_REQUEST}
"""What another provider is not asked about, since it would say the same."""
MIDWAY = {FaultKind.CUT, FaultKind.HANG_MIDWAY, FaultKind.NO_END, FaultKind.ERROR_EVENT}
"""Faults that come after the first words of a stream."""
FAULTY, GOOD = "faulty", "good"


class Works(BaseModel):
    """The record asked for."""

    works: bool


async def chat(gateway: Gateway, model: str) -> str:
    return (await gateway.chat(model, "It works.", max_tokens=50)).text


async def stream(gateway: Gateway, model: str) -> str:
    chunks = gateway.stream(model, "It works.", max_tokens=50)
    return "".join([e.text async for c in chunks for e in c.events if isinstance(e, TextDelta)])


async def structured(gateway: Gateway, model: str) -> str:
    answer = await gateway.structured(model, "Does it work?", of=Works, max_tokens=50)
    return type(answer.value.works).__name__


TOOLS = ChatRequest(
    model="",
    messages=(said(Role.USER, "Look it up."),),
    tools=(Tool(name="look_up", parameters={"type": "object", "properties": {}}),),
    max_tokens=50,
)


async def tools(gateway: Gateway, model: str) -> str:
    (call,) = (await gateway.chat(model, request=TOOLS)).response.choices[0].message.tool_calls
    return call.name


async def tools_streamed(gateway: Gateway, model: str) -> str:
    chunks = gateway.stream(model, request=TOOLS)
    names = [e.name async for c in chunks for e in c.events if isinstance(e, ToolCallDelta)]
    return "".join(name or "" for name in names)


RIGHT = {
    chat: "It works.",
    stream: "It works.",
    structured: "bool",
    tools: "look_up",
    tools_streamed: "look_up",
}
STREAMED = (stream, tools_streamed)
every_way = pytest.mark.parametrize("ask", RIGHT, ids=lambda ask: ask.__name__)
every_fault = pytest.mark.parametrize("kind", FaultKind)


@asynccontextmanager
async def gateway_before(
    llm: ScriptedLLM, folder: Path, *, dialect: str, native: bool
) -> AsyncIterator[Gateway]:
    """Two models: one has a provider that fails, the other one that is well besides."""
    url = {"openai": llm.openai_url, "anthropic": llm.anthropic_url}
    other = {"openai": "anthropic", "anthropic": "openai"}[dialect]
    one = {"kind": dialect, "base_url": url[dialect], "timeout": "300ms", "json_schema": native}
    two = {"kind": other, "base_url": url[other], "timeout": "2s"}
    section: dict[str, Any] = {
        "providers": {"one": one, "two": two},
        "models": {"alone": f"one/{FAULTY}", "backed": [f"one/{FAULTY}", f"two/{GOOD}"]},
        "deadline": f"{DEADLINE_S}s",
        "retry": {"attempts": 2, "first": "1ms", "most": "5ms"},
        "breaker": {"failures": 1000},
        "prices": [{"model": "*", "input": "1", "output": "1"}],
        "budgets": [{"limit_usd": "1000", "window": "total"}],
    }
    config = folder / "seatrial.yaml"
    config.write_text(yaml.safe_dump({"gateway": section}))
    space = open_workspace(home=folder / "home", config=config, environment={})
    async with gateway_of(space, environment={}) as gateway:
        yield gateway


def always(kind: FaultKind) -> Any:
    def decide(asked: Asked) -> Step:
        return Fault(kind=kind, after=2) if asked.model == FAULTY else Says()

    return decide


@every_way
@every_fault
@pytest.mark.parametrize(("dialect", "native"), [("openai", True), ("anthropic", False)])
async def test_every_fault_ends_in_the_right_answer_or_in_an_error_that_says_what_it_was(
    ask: Any, kind: FaultKind, dialect: str, native: bool, tmp_path: Path
) -> None:
    async with (
        ScriptedLLM(always(kind)) as llm,
        gateway_before(llm, tmp_path, dialect=dialect, native=native) as gateway,
    ):
        began = time.monotonic()
        with pytest.raises((ProviderFailure, AnswerInvalid)) as told:
            await ask(gateway, "alone")
        assert told.value.code.startswith("gateway.")
        assert told.value.remedy
        if kind not in OF_THE_REQUEST and not (ask in STREAMED and kind in MIDWAY):
            assert await ask(gateway, "backed") == RIGHT[ask]
        else:
            with pytest.raises(ProviderFailure):
                await ask(gateway, "backed")
        assert time.monotonic() - began < 2 * DEADLINE_S
