"""What a provider of models must do: the suite for `gateway.chat.provider.Provider`."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Any, ClassVar

import pytest

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ProviderFailure, TimedOut, Unreachable
from seatrial.gateway.chat.messages import Message, Role, ToolResult, said
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import (
    ChatRequest,
    EmbeddingRequest,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.chat.response import (
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)

_WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def sample_call(*, within_s: float = 60.0) -> Call:
    """The circumstances of a call with time enough."""
    return Call(id="suite", deadline=time.monotonic() + within_s, journal=Journal())


class ProviderSuite:
    """Subclass it as ``Test...`` with an asynchronous fixture ``provider``.

    ``gaps`` names what the provider does not do, and the failure it must raise instead: of
    ``tools``, ``schema``, ``several`` (answers to one request) and ``embed``.
    """

    model: ClassVar[str] = "scripted"
    """What is asked for."""
    exact: ClassVar[bool] = True
    """Whether equal requests have equal answers, whole or in pieces."""
    tells_usage: ClassVar[bool] = True
    within_s: ClassVar[float] = 60.0
    """How long each call may take."""
    gaps: ClassVar[Mapping[str, type[ProviderFailure]]] = {}

    def call(self) -> Call:
        """The circumstances of a call with time enough."""
        return sample_call(within_s=self.within_s)

    def may(self, what: str) -> AbstractContextManager[object]:
        """A block that must do its work or, with a declared gap, raise exactly what it says."""
        if what not in self.gaps:
            return nullcontext()
        return pytest.raises(self.gaps[what])

    def request(self, text: str = "Say hello to the brave new world.", **more: Any) -> ChatRequest:
        """A request of one message."""
        given = {"model": self.model, "messages": (said(Role.USER, text),), "max_tokens": 16}
        return ChatRequest(**{**given, "temperature": 0.0, "seed": 1, **more})

    def tooled(self, **more: Any) -> ChatRequest:
        """A request that must call a tool."""
        tool = Tool(name="weather", description="Forecast of a city", parameters=_WEATHER)
        choice = ToolChoice(use=ToolUse.REQUIRED)
        return self.request(
            "How is Kyoto?", tools=(tool,), tool_choice=choice, max_tokens=64, **more
        )

    async def events(self, provider: Provider, request: ChatRequest) -> list[Event]:
        """All that a stream says."""
        async with aclosing(provider.stream(request, self.call())) as chunks:
            return [event async for chunk in chunks for event in chunk.events]

    async def test_a_whole_answer(self, provider: Provider) -> None:
        """It has a text, a reason for its end, and its tokens."""
        answer = await provider.chat(self.request(), self.call())
        assert answer.text
        assert answer.model
        assert [choice.index for choice in answer.choices] == [0]
        assert answer.choices[0].message.role is Role.ASSISTANT
        assert answer.choices[0].finish_reason in (FinishReason.STOP, FinishReason.CUT)
        assert (answer.usage is not None) == self.tells_usage
        assert answer.usage is None or answer.usage.input_tokens > 0
        assert answer.usage is None or answer.usage.output_tokens > 0

    async def test_an_answer_in_pieces(self, provider: Provider) -> None:
        """It begins once, says something, ends once, and is the answer that comes whole."""
        events = await self.events(provider, self.request())
        assert isinstance(events[0], Started)
        assert sum(isinstance(event, Started) for event in events) == 1
        assert [e.index for e in events if isinstance(e, Finished)] == [0]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        told = [event.usage for event in events if isinstance(event, UsageReported)]
        assert text
        assert bool(told) == self.tells_usage
        if self.exact:
            whole = await provider.chat(self.request(), self.call())
            assert text == whole.text
            assert whole.usage == (told[-1] if told else None)

    async def test_an_answer_ends_at_its_bound(self, provider: Provider) -> None:
        """And says so."""
        request = self.request("Count from one to a hundred in words, please.", max_tokens=3)
        answer = await provider.chat(request, self.call())
        assert answer.choices[0].finish_reason is FinishReason.CUT
        assert answer.usage is None or answer.usage.output_tokens <= 3
        last = (await self.events(provider, request))[-2:]
        assert Finished(reason=FinishReason.CUT) in last

    async def test_a_tool_is_called_and_its_result_taken(self, provider: Provider) -> None:
        """Arguments are JSON; the conversation goes on with the result."""
        request = self.tooled()
        with self.may("tools"):
            answer = await provider.chat(request, self.call())
            calls = answer.choices[0].message.tool_calls
            assert [call.name for call in calls] == ["weather"]
            assert isinstance(json.loads(calls[0].arguments)["days"], int)
            result = ToolResult(call_id=calls[0].id, content="sunny")
            after = ChatRequest(
                model=request.model,
                messages=(
                    *request.messages,
                    Message(role=Role.ASSISTANT, parts=answer.choices[0].message.parts),
                    Message(role=Role.TOOL, parts=(result,)),
                ),
                tools=request.tools,
                max_tokens=16,
            )
            assert (await provider.chat(after, self.call())).choices

    async def test_the_call_of_a_tool_in_pieces(self, provider: Provider) -> None:
        """The first piece has id and name, all together have the arguments."""
        with self.may("tools"):
            events = await self.events(provider, self.tooled())
            pieces = [event for event in events if isinstance(event, ToolCallDelta)]
            assert pieces[0].id
            assert pieces[0].name == "weather"
            assert {piece.position for piece in pieces} == {0}
            assert all(piece.id is None and piece.name is None for piece in pieces[1:])
            arguments = "".join(piece.arguments for piece in pieces)
            assert set(json.loads(arguments)) == {"city", "days"}

    async def test_an_answer_by_a_schema(self, provider: Provider) -> None:
        """It has what the schema requires."""
        form = ResponseFormat(form=Format.SCHEMA, name="weather", schema=_WEATHER, strict=True)
        with self.may("schema"):
            request = self.request(
                "How is Kyoto? Answer in JSON.", response_format=form, max_tokens=64
            )
            answer = await provider.chat(request, self.call())
            assert set(json.loads(answer.text)) == {"city", "days"}

    async def test_several_answers(self, provider: Provider) -> None:
        """As many as were asked for, each with its own end."""
        with self.may("several"):
            answer = await provider.chat(self.request(n=2), self.call())
            assert sorted(choice.index for choice in answer.choices) == [0, 1]
            events = await self.events(provider, self.request(n=2))
            assert sorted(e.index for e in events if isinstance(e, Finished)) == [0, 1]

    async def test_vectors_of_texts(self, provider: Provider) -> None:
        """One for each, all of one length, in order."""
        request = EmbeddingRequest(model=self.model, inputs=("cat", "dog", "cat"))
        with self.may("embed"):
            found = await provider.embed(request, self.call())
            assert len(found.vectors) == 3
            assert len({len(vector) for vector in found.vectors}) == 1
            assert found.vectors[0] == pytest.approx(found.vectors[2], abs=1e-3)
            assert found.vectors[0] != pytest.approx(found.vectors[1], abs=1e-3)

    async def test_a_stream_can_be_left(self, provider: Provider) -> None:
        """After its first piece, and the provider answers the next."""
        chunks = provider.stream(self.request(), self.call())
        await anext(chunks)
        await chunks.aclose()
        assert (await provider.chat(self.request(), self.call())).text

    async def test_a_call_can_be_cancelled(self, provider: Provider) -> None:
        """And the provider answers the next."""
        asking = asyncio.ensure_future(provider.chat(self.request(), self.call()))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await provider.chat(self.request(), self.call())).text

    async def test_many_at_once(self, provider: Provider) -> None:
        """Whole and in pieces."""
        whole = [provider.chat(self.request(max_tokens=4), self.call()) for _ in range(4)]
        pieces = [self.events(provider, self.request(max_tokens=4)) for _ in range(4)]
        answers, streams = await asyncio.gather(asyncio.gather(*whole), asyncio.gather(*pieces))
        assert all(answer.text for answer in answers)
        assert all(any(isinstance(e, Finished) for e in events) for events in streams)

    async def test_no_call_outlives_its_deadline(self, provider: Provider) -> None:
        """One that is over is not sent."""
        late = sample_call(within_s=-1.0)
        with pytest.raises((TimedOut, Unreachable)) as failed:
            await provider.chat(self.request(), late)
        assert failed.value.retryable
        assert failed.value.provider == provider.name
        with pytest.raises((TimedOut, Unreachable)):
            await anext(provider.stream(self.request(), late))

    async def test_the_request_stays_as_it_was(self, provider: Provider) -> None:
        """Another provider may be asked next."""
        message: dict[str, Any] = {"role": "user", "content": "hi"}
        raw = {"model": "other", "messages": [message], "stream": True, "unknown": [1]}
        sent = self.request(messages=(Message(role=Role.USER, raw=message),), raw=raw)
        before = copy.deepcopy(sent)
        await self.events(provider, self.request(raw=raw))
        assert sent == before
        assert provider.name
