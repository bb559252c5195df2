import asyncio
from contextlib import aclosing

import pytest

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import Overloaded, StreamCut
from seatrial.gateway.chat.messages import Role, ToolCall, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    ONE_ANSWER,
    Ending,
    ScriptedProvider,
    Turn,
    answers,
    fails,
    hangs,
)

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Does it work?"),))
CALL = Call(id="one", deadline=1060.0, journal=Journal())
FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")
CUT = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")


async def read(provider: ScriptedProvider, at_most: int = 99) -> list[Chunk]:
    chunks = []
    async with aclosing(provider.stream(REQUEST, CALL)) as stream:
        async for chunk in stream:
            chunks.append(chunk)
            if len(chunks) == at_most:
                break
    return chunks


@in_fake_time
async def test_turns_are_played_in_order_and_the_last_one_again():
    provider = ScriptedProvider([fails(FULL), answers("one"), answers("two")])
    with pytest.raises(Overloaded):
        await provider.chat(REQUEST, CALL)
    texts = [(await provider.chat(REQUEST, CALL)).text for _ in range(3)]
    assert texts == ["one", "two", "two"]
    assert provider.endings == [Ending.FAILED, *[Ending.ANSWERED] * 3]
    assert [heard.request for heard in provider.heard] == [REQUEST] * 4


@in_fake_time
async def test_the_pieces_of_a_stream_make_up_the_whole_answer():
    asked = ToolCall(id="t1", name="look", arguments='{"at": 1}')
    provider = ScriptedProvider([Turn(text=" It  works,\nwell. ", tool_calls=(asked,))])
    whole = await provider.chat(REQUEST, CALL)
    events = [event for chunk in await read(provider) for event in chunk.events]
    assert events[0] == Started(id="scripted", model="small")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == whole.text
    assert ToolCallDelta(position=0, id="t1", name="look", arguments='{"at": 1}') in events
    assert events[-2:] == [
        Finished(reason=FinishReason.TOOL_CALLS),
        UsageReported(usage=ONE_ANSWER),
    ]
    assert whole.choices[0].finish_reason is FinishReason.TOOL_CALLS
    assert whole.choices[0].message.tool_calls == (asked,)


@in_fake_time
async def test_every_answer_that_was_asked_for_is_given():
    provider = ScriptedProvider()
    request = ChatRequest(model="small", messages=REQUEST.messages, n=2)
    assert [choice.index for choice in (await provider.chat(request, CALL)).choices] == [0, 1]


@in_fake_time
async def test_a_stream_fails_after_as_many_pieces_as_told():
    provider = ScriptedProvider([fails(CUT, after=2)])
    got = []

    async def read_all() -> None:
        async for chunk in provider.stream(REQUEST, CALL):
            got.append(chunk)  # noqa: PERF401 - what came before the failure is the point

    with pytest.raises(StreamCut):
        await read_all()
    assert [chunk.speaks for chunk in got] == [False, True]
    assert provider.heard[0].n_pieces == 2
    assert provider.endings == [Ending.FAILED]


@in_fake_time
async def test_waits_take_the_time_of_the_loop():
    provider = ScriptedProvider([Turn(wait_s=2, gap_s=0.5)])
    begun = now()
    chunks = await read(provider)
    assert now() - begun == pytest.approx(2 + 0.5 * (len(chunks) - 1))
    await provider.chat(REQUEST, CALL)
    assert provider.heard[1].ended == pytest.approx(provider.heard[1].began + 2)


@in_fake_time
async def test_who_hangs_up_is_noted():
    provider = ScriptedProvider([answers(), hangs()])
    assert len(await read(provider, at_most=1)) == 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await provider.chat(REQUEST, CALL)
    assert provider.endings == [Ending.CLOSED, Ending.CANCELLED]
    assert provider.running == 0


@in_fake_time
async def test_a_stream_that_nobody_closes_still_runs():
    provider = ScriptedProvider()
    stream = provider.stream(REQUEST, CALL)
    await anext(stream)
    assert provider.running == 1
    await stream.aclose()
    assert provider.running == 0


@in_fake_time
async def test_texts_become_vectors():
    provider = ScriptedProvider([Turn(), fails(FULL)])
    request = EmbeddingRequest(model="vectors", inputs=("a", "bcd"))
    assert (await provider.embed(request, CALL)).vectors == ((1.0, 1.0), (3.0, 1.0))
    with pytest.raises(Overloaded):
        await provider.embed(request, CALL)


@in_fake_time
async def test_nothing_may_be_asked_of_a_closed_one():
    provider = ScriptedProvider()
    await provider.close()
    with pytest.raises(AssertionError, match="closed"):
        await provider.chat(REQUEST, CALL)
