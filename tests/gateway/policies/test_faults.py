"""Every fault of a provider, in every kind of request: the right answer, or a typed error."""

import asyncio
import json
from dataclasses import dataclass
from random import Random

import pytest
from msgspec.structs import replace

from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    ContextTooLong,
    Overloaded,
    ProviderFailure,
    RateLimited,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from seatrial.gateway.chat.messages import Role, ToolCall, said
from seatrial.gateway.chat.request import ChatRequest, Format, ResponseFormat, Tool
from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    Started,
    TextDelta,
    ToolCallDelta,
)
from seatrial.gateway.policies.breaker import Breaker, Circuit
from seatrial.gateway.policies.concurrency import Concurrency, Places
from seatrial.gateway.policies.course import Candidate
from seatrial.gateway.policies.fallback import Fallback
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    call_within,
    read_all,
)

DEADLINE_S = 30.0
LOOK_UP = ToolCall(id="t1", name="look_up", arguments='{"word": "sea"}')
SCHEMA = {"type": "object", "properties": {"works": {"type": "boolean"}}}


@dataclass(frozen=True)
class Mode:
    """A kind of request, and its right answer."""

    request: ChatRequest
    answer: Turn
    streamed: bool


PLAIN = ChatRequest(model="route", messages=(said(Role.USER, "Does it work?"),))
TOOLS = ChatRequest(model="route", messages=PLAIN.messages, tools=(Tool(name="look_up"),))
FORMED = ChatRequest(
    model="route",
    messages=PLAIN.messages,
    response_format=ResponseFormat(form=Format.SCHEMA, schema=SCHEMA),
)
MODES = {
    "chat": Mode(PLAIN, Turn(text="It works, mostly."), False),
    "stream": Mode(PLAIN, Turn(text="It works, mostly."), True),
    "tools": Mode(TOOLS, Turn(text="", tool_calls=(LOOK_UP,)), False),
    "tools streamed": Mode(TOOLS, Turn(text="", tool_calls=(LOOK_UP,)), True),
    "structured": Mode(FORMED, Turn(text='{"works": true}'), False),
    "structured streamed": Mode(FORMED, Turn(text='{"works": true}'), True),
}


@dataclass(frozen=True)
class Fault:
    """What a provider does wrong.

    Args:
        failure: as its adapter calls it; None where it does nothing.
        after: pieces of a stream that come before.
        seen: what a caller with no other provider sees when it stays; None for the right answer.
        mends: whether asking the same provider again may help.
        moves: whether another provider is asked.
    """

    failure: type[ProviderFailure] | None = None
    retry_after_s: float | None = None
    status: int | None = None
    after: int = 0
    hangs: bool = False
    wait_s: float = 0.0
    seen: type[ProviderFailure] | None = None
    mends: bool = True
    moves: bool = True

    def turn(self, mode: Mode) -> Turn:
        if self.failure is None and not self.hangs:
            answer = mode.answer
            return Turn(text=answer.text, tool_calls=answer.tool_calls, wait_s=self.wait_s)
        failure = self.failure and self.failure(
            "It failed.",
            remedy="Wait.",
            provider="a",
            status=self.status,
            retry_after_s=self.retry_after_s,
        )
        return Turn(failure=failure, after=self.after, hangs=self.hangs, wait_s=self.wait_s)


FAULTS = {
    "429 with Retry-After": Fault(RateLimited, 3, 429, seen=RateLimited),
    "429 with a Retry-After beyond the deadline": Fault(
        RateLimited, 600, 429, seen=RateLimited, mends=False
    ),
    "429 without Retry-After": Fault(RateLimited, None, 429, seen=RateLimited),
    "500": Fault(ServerFault, None, 500, seen=ServerFault),
    "502": Fault(ServerFault, None, 502, seen=ServerFault),
    "503": Fault(Overloaded, None, 503, seen=Overloaded),
    "529": Fault(Overloaded, None, 529, seen=Overloaded),
    "connection refused": Fault(Unreachable, seen=Unreachable),
    "connection lost": Fault(ConnectionLost, seen=ConnectionLost),
    "hang": Fault(hangs=True, seen=TimedOut),
    "timeout of the provider": Fault(TimedOut, None, 504, seen=TimedOut),
    "cut before the first word": Fault(StreamCut, None, 200, after=1, seen=StreamCut),
    "hang before the first word": Fault(hangs=True, after=1, seen=TimedOut),
    "broken JSON": Fault(BadReply, None, 200, seen=BadReply),
    "wrong content type": Fault(BadReply, None, 200, seen=BadReply),
    "empty body": Fault(BadReply, None, 200, seen=BadReply),
    "slow first word": Fault(wait_s=6),
    "400": Fault(Rejected, None, 400, seen=Rejected, mends=False, moves=False),
    "401": Fault(Unauthorized, None, 401, seen=Unauthorized, mends=False),
    "context too long": Fault(ContextTooLong, None, 400, seen=ContextTooLong, mends=False),
}
AFTER_THE_FIRST_WORD = {
    "cut": Fault(StreamCut, None, 200, after=2),
    "connection lost": Fault(ConnectionLost, after=2),
    "429 in the stream": Fault(RateLimited, 1, 429, after=2),
    "529 in the stream": Fault(Overloaded, None, 529, after=2),
    "broken JSON in the stream": Fault(BadReply, None, 200, after=2),
    "hang": Fault(hangs=True, after=2),
}


class Route:
    """The policies around one provider or two, as they are used."""

    def __init__(self, *scripts: list[Turn]) -> None:
        self.providers = [
            ScriptedProvider(script, name=name) for script, name in zip(scripts, "ab", strict=False)
        ]
        self.places = [Places(now=now) for _ in scripts]
        candidates = []
        for provider, places in zip(self.providers, self.places, strict=True):
            inner = Breaker(Concurrency(provider, places), Circuit(now=now))
            options = RetryOptions(attempt_timeout_s=8, gap_timeout_s=5)
            candidates.append(
                Candidate(provider=Retry(inner, options, now=now), model=provider.name.upper())
            )
        self.fallback = Fallback(candidates, name="route", now=now)
        self.pieces: list[Chunk] = []

    async def ask(self, mode: Mode) -> Turn:
        """What came, as the turn it would be."""
        begun, call, self.pieces = now(), call_within(DEADLINE_S), []
        try:
            if mode.streamed:
                await read_all(self.fallback.stream(mode.request, call), self.pieces)
                return told(self.pieces)
            message = (await self.fallback.chat(mode.request, call)).choices[0].message
            return Turn(text=message.text, tool_calls=message.tool_calls)
        finally:
            assert now() - begun <= DEADLINE_S
            assert [provider.running for provider in self.providers] == [0] * len(self.providers)
            assert all(places.n_taken == 0 for places in self.places)


def told(pieces: list[Chunk]) -> Turn:
    """The turn that a whole stream tells of."""
    events = [event for piece in pieces for event in piece.events]
    assert sum(isinstance(event, Started) for event in events) == 1
    assert sum(isinstance(event, Finished) for event in events) == 1
    calls = tuple(
        ToolCall(id=event.id or "", name=event.name or "", arguments=event.arguments)
        for event in events
        if isinstance(event, ToolCallDelta)
    )
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return Turn(text=text, tool_calls=calls)


every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@every_mode
@every_fault
@in_fake_time
async def test_a_fault_that_stays_ends_in_an_error_that_names_it(fault, mode):
    route = Route([fault.turn(mode)])
    if fault.seen is None:
        assert await route.ask(mode) == mode.answer
        return
    with pytest.raises(ProviderFailure) as caught:
        await route.ask(mode)
    assert type(caught.value) is fault.seen
    assert route.pieces == []
    n_asked = len(route.providers[0].heard)
    assert n_asked == (3 if fault.mends else 1)


@every_mode
@every_fault
@in_fake_time
async def test_a_fault_that_passes_is_not_seen(fault, mode):
    route = Route([fault.turn(mode), mode.answer])
    if fault.mends:
        assert await route.ask(mode) == mode.answer
    else:
        with pytest.raises(ProviderFailure):
            await route.ask(mode)


@every_mode
@every_fault
@in_fake_time
async def test_with_another_provider_that_is_well_nothing_is_lost(fault, mode):
    route = Route([fault.turn(mode)], [mode.answer])
    if fault.moves:
        assert await route.ask(mode) == mode.answer
    else:
        with pytest.raises(Rejected):
            await route.ask(mode)
        assert route.providers[1].heard == []


@pytest.mark.parametrize("mode", [m for m in MODES.values() if m.streamed])
@pytest.mark.parametrize("n_providers", [1, 2])
@pytest.mark.parametrize("fault", AFTER_THE_FIRST_WORD.values(), ids=AFTER_THE_FIRST_WORD)
@in_fake_time
async def test_a_fault_after_the_first_word_is_never_passed_on_as_the_end(fault, n_providers, mode):
    broken = fault.turn(mode)
    broken = Turn(
        text=mode.answer.text,
        tool_calls=mode.answer.tool_calls,
        failure=broken.failure,
        after=broken.after,
        hangs=broken.hangs,
    )
    route = Route(*[[broken], [mode.answer]][:n_providers])
    with pytest.raises(StreamCut):
        await route.ask(mode)
    events = [event for piece in route.pieces for event in piece.events]
    assert len(events) == 2
    assert not any(isinstance(event, Finished) for event in events)
    assert [len(provider.heard) for provider in route.providers] == [1, 0][:n_providers]


@every_mode
@in_fake_time
async def test_a_provider_that_stays_down_is_soon_left_alone_and_nobody_waits_for_it(mode):
    down = Fault(hangs=True)
    route = Route([down.turn(mode)], [mode.answer])
    for _ in range(10):
        assert await route.ask(mode) == mode.answer
    begun = now()
    n_asked = len(route.providers[0].heard)
    assert await route.ask(mode) == mode.answer
    assert len(route.providers[0].heard) == n_asked
    assert now() == begun
    assert set(route.providers[1].endings) == {Ending.ANSWERED}


def one_in_five(mode: Mode, chance: Random) -> Turn:
    if chance.random() < 0.8:
        return replace(mode.answer, wait_s=chance.random())
    return chance.choice([fault for fault in FAULTS.values() if fault.mends]).turn(mode)


@every_mode
@in_fake_time
async def test_of_thousands_with_one_fault_in_five_none_is_lost_and_few_go_elsewhere(mode):
    chance = Random(4)
    route = Route([one_in_five(mode, chance) for _ in range(3000)], [mode.answer])

    async def ask_many() -> None:
        for _ in range(20):
            if mode.streamed:
                pieces = await read_all(route.fallback.stream(mode.request, call_within(60)))
                assert told(pieces) == mode.answer
            else:
                await route.fallback.chat(mode.request, call_within(60))

    await asyncio.gather(*(ask_many() for _ in range(100)))
    assert len(route.providers[1].heard) < 40  # one in 125 meets three faults; circuits stay closed


def test_the_right_answers_differ_in_what_matters():
    assert json.loads(MODES["structured"].answer.text) == {"works": True}
    assert len(FAULTS) + len(AFTER_THE_FIRST_WORD) >= 17
