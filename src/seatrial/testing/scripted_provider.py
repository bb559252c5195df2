"""A provider in memory that answers, fails, dawdles or hangs as its script says.

It waits by the running loop's clock: run what waits in `seatrial.testing.fake_time`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.messages import Message, Role, Text, ToolCall
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)

ONE_ANSWER = Usage(input_tokens=10, output_tokens=2)
_WORD = re.compile(r"\s*\S+\s*|\s+")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one request.

    Args:
        text, tool_calls, finish_reason: of the answer.
        usage: None for a provider that does not tell it.
        model: that answers; None for the one asked for.
        chunks: of a stream; None for those that make up the answer: `Started`, a piece for every
            word, one for every tool call, `Finished`, the usage.
        wait_s: before the first piece, the whole answer or the failure.
        gap_s: before each piece of a stream but the first.
        after: how many pieces of a stream come before the failure, or before it hangs.
        failure: raised in place of an answer; in a stream, after ``after`` pieces.
        hangs: whether nothing ever comes; in a stream, after ``after`` pieces.
    """

    text: str = "It works."
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = ONE_ANSWER
    model: str | None = None
    chunks: tuple[Chunk, ...] | None = None
    wait_s: float = 0.0
    gap_s: float = 0.0
    after: int = 0
    failure: ProviderFailure | None = None
    hangs: bool = False

    def response(self, request: ChatRequest) -> ChatResponse:
        """The answer, whole."""
        parts = ((Text(self.text),) if self.text else ()) + self.tool_calls
        message = Message(role=Role.ASSISTANT, parts=parts)
        choices = tuple(
            Choice(index=index, message=message, finish_reason=self._reason)
            for index in range(request.n)
        )
        model = self.model or request.model
        return ChatResponse(id="scripted", model=model, choices=choices, usage=self.usage)

    def pieces(self, request: ChatRequest) -> tuple[Chunk, ...]:
        """The answer as a stream gives it."""
        if self.chunks is not None:
            return self.chunks
        return tuple(Chunk(events=(event,)) for event in self._events(request))

    @property
    def _reason(self) -> FinishReason:
        if self.finish_reason is not None:
            return self.finish_reason
        return FinishReason.TOOL_CALLS if self.tool_calls else FinishReason.STOP

    def _events(
        self, request: ChatRequest
    ) -> Iterator[Started | TextDelta | ToolCallDelta | Finished | UsageReported]:
        yield Started(id="scripted", model=self.model or request.model)
        for index in range(request.n):
            for word in _WORD.findall(self.text):
                yield TextDelta(text=word, index=index)
            for position, asked in enumerate(self.tool_calls):
                yield ToolCallDelta(
                    position=position,
                    id=asked.id,
                    name=asked.name,
                    arguments=asked.arguments,
                    index=index,
                )
            yield Finished(reason=self._reason, index=index)
        if self.usage is not None:
            yield UsageReported(usage=self.usage)


def call_within(seconds: float = 60.0, *, key: str | None = None) -> Call:
    """A call that is due so many seconds of the running loop's time from now."""
    deadline = asyncio.get_running_loop().time() + seconds
    return Call(id="scripted", deadline=deadline, journal=Journal(), key=key)


async def read_all(stream: Chunks, into: list[Chunk] | None = None) -> list[Chunk]:
    """All pieces of a stream; with ``into``, those before a failure can be seen, too."""
    pieces = [] if into is None else into
    async with aclosing(stream):
        async for piece in stream:
            pieces.append(piece)
    return pieces


def text_of(pieces: Sequence[Chunk]) -> str:
    """The text of the first answer."""
    events = [event for piece in pieces for event in piece.events]
    return "".join(e.text for e in events if isinstance(e, TextDelta) and not e.index)


def answers(text: str = "It works.", *, wait_s: float = 0.0) -> Turn:
    """A turn that ends well."""
    return Turn(text=text, wait_s=wait_s)


def fails(failure: ProviderFailure, *, after: int = 0, wait_s: float = 0.0) -> Turn:
    """A turn that fails; in a stream, after so many pieces."""
    return Turn(failure=failure, after=after, wait_s=wait_s)


def hangs(*, after: int = 0) -> Turn:
    """A turn that never ends; in a stream, after so many pieces."""
    return Turn(hangs=True, after=after)


class Ending(StrEnum):
    """How a request ended, as the provider saw it."""

    RUNNING = "running"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    """The reader of a stream closed it before it was at its end."""


@dataclass(slots=True)
class Heard:
    """A request, and what became of it; times are the loop's, in s."""

    request: ChatRequest | EmbeddingRequest
    call: Call
    began: float
    ended: float | None = None
    ending: Ending = Ending.RUNNING
    n_pieces: int = 0


@dataclass(slots=True)
class ScriptedProvider:
    """`gateway.chat.provider.Provider` that plays a script.

    Args:
        script: a turn for each request, in the order in which they begin; the last one is played
            again for all that come after. At least one.
        name: as configured.
    """

    script: Sequence[Turn] = (Turn(),)
    name: str = "scripted"
    heard: list[Heard] = field(init=False, default_factory=list)
    closed: bool = field(init=False, default=False)

    @property
    def running(self) -> int:
        """Requests that were not answered, failed, cancelled or closed yet."""
        return sum(heard.ending is Ending.RUNNING for heard in self.heard)

    @property
    def endings(self) -> list[Ending]:
        """Of all requests, in the order in which they began."""
        return [heard.ending for heard in self.heard]

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        with self._hearing(request, call) as (turn, heard):
            await _play(turn)
            heard.ending = Ending.ANSWERED
            return turn.response(request)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        with self._hearing(request, call) as (turn, heard):
            pieces = turn.pieces(request)
            broken = turn.hangs or turn.failure is not None
            for number, piece in enumerate(pieces[: turn.after] if broken else pieces):
                await asyncio.sleep(turn.gap_s if number else turn.wait_s)
                heard.n_pieces += 1
                yield piece
            if broken:
                await _play(turn, waited=turn.after > 0)
            heard.ending = Ending.ANSWERED

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider; the vector of a text is its length and 1."""
        with self._hearing(request, call) as (turn, heard):
            await _play(turn)
            heard.ending = Ending.ANSWERED
            vectors = tuple((float(len(text)), 1.0) for text in request.inputs)
            return Embeddings(model=turn.model or request.model, vectors=vectors, usage=turn.usage)

    async def close(self) -> None:
        """See Provider."""
        self.closed = True

    @contextmanager
    def _hearing(
        self, request: ChatRequest | EmbeddingRequest, call: Call
    ) -> Iterator[tuple[Turn, Heard]]:
        if self.closed:
            raise AssertionError(f"{self.name} was asked after it was closed")
        turn = self.script[min(len(self.heard), len(self.script) - 1)]
        clock = asyncio.get_running_loop().time
        heard = Heard(request, call, clock())
        self.heard.append(heard)
        try:
            yield turn, heard
        except asyncio.CancelledError:
            heard.ending = Ending.CANCELLED
            raise
        except GeneratorExit:
            heard.ending = Ending.CLOSED
            raise
        except ProviderFailure:
            heard.ending = Ending.FAILED
            raise
        finally:
            heard.ended = clock()


async def _play(turn: Turn, *, waited: bool = False) -> None:
    """Wait, hang or fail as the turn says."""
    if not waited:
        await asyncio.sleep(turn.wait_s)
    if turn.hangs:
        await asyncio.get_running_loop().create_future()
    if turn.failure is not None:
        raise turn.failure.with_traceback(None)
