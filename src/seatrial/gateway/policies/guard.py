"""Guards: what may go in, and what may come out.

A guard sees a request before anything else does. It lets it pass, as it is or changed, or raises
`Blocked`; and it may read along what is answered, piece by piece. Whatever has these two methods
is one: `SizeLimits`, `DenyList` and `Pseudonyms` are those that come along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Protocol

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Part, Reasoning, Text, ToolCall
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from seatrial.kernel.errors import Denied


class Blocked(Denied):
    """A guard lets a request not pass.

    Args:
        guard: its name in the configuration.
    """

    code = "gateway.request_blocked"

    def __init__(self, problem: str, *, remedy: str, guard: str, **facts: object) -> None:
        super().__init__(problem, remedy=remedy, guard=guard, **facts)


class AnswerBlocked(Blocked):
    """A guard lets an answer not pass, or not the rest of it."""

    code = "gateway.answer_blocked"


class Spoken(StrEnum):
    """What a text of an answer is."""

    TEXT = "text"
    REASONING = "reasoning"
    ARGUMENTS = "arguments"
    """Of a call of a tool: JSON text."""


class Reader(Protocol):
    """Reads one text of an answer along."""

    def feed(self, text: str, /) -> str:
        """More of it.

        Returns: what may be passed on now; the rest is held back until more has come.
        Raises: AnswerBlocked.
        """
        ...

    def end(self) -> str:
        """What was held back, at the end of the text.   Raises: AnswerBlocked."""
        ...


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may go on.

    Args:
        reader: makes what reads each text of the answer; None where nobody needs to.
    """

    request: ChatRequest
    reader: Callable[[Spoken], Reader] | None = None


class Guard(Protocol):
    """Lets requests pass or not; both methods take time linear in the request."""

    def chat(self, request: ChatRequest) -> Passed:
        """The request as it may go on.   Raises: Blocked."""
        ...

    def embed(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """The request as it may go on.   Raises: Blocked."""
        ...


class Guarded:
    """`Provider` behind guards; the first sees the request first and the answer last.

    Args:
        provider: what is guarded.
        guards: in order.
    """

    def __init__(self, provider: Provider, guards: Sequence[Guard]) -> None:
        self._provider = provider
        self._guards = tuple(guards)

    @property
    def name(self) -> str:
        """See Provider."""
        return self._provider.name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider.   Raises: Blocked, AnswerBlocked."""
        request, readers = self._pass(request)
        response = await self._provider.chat(request, call)
        return _read_along(response, readers) if readers else response

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider.   Raises: Blocked, AnswerBlocked, the latter also after first pieces."""
        request, readers = self._pass(request)
        async with aclosing(self._provider.stream(request, call)) as chunks:
            if not readers:
                async for chunk in chunks:
                    yield chunk
                return
            along = _Along(readers)
            async for chunk in chunks:
                read = along.chunk(chunk)
                if read is not None:
                    yield read
            rest = tuple(along.rest())
            if rest:
                yield Chunk(events=rest)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider.   Raises: Blocked."""
        for guard in self._guards:
            request = guard.embed(request)
        return await self._provider.embed(request, call)

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()

    def _pass(self, request: ChatRequest) -> tuple[ChatRequest, Readers]:
        readers = []
        for guard in self._guards:
            passed = guard.chat(request)
            request = passed.request
            if passed.reader is not None:
                readers.append(passed.reader)
        return request, tuple(reversed(readers))


Readers = tuple[Callable[[Spoken], Reader], ...]


class _Several:
    """Readers one after the other, as one."""

    def __init__(self, readers: Iterable[Reader]) -> None:
        self._readers = tuple(readers)

    def feed(self, text: str) -> str:
        for reader in self._readers:
            text = reader.feed(text)
        return text

    def end(self) -> str:
        text = ""
        for reader in self._readers:
            text = reader.feed(text) + reader.end()
        return text


def _made(readers: Readers, spoken: Spoken) -> _Several:
    return _Several(reader(spoken) for reader in readers)


def _read_along(response: ChatResponse, readers: Readers) -> ChatResponse:
    choices = tuple(_choice(choice, readers) for choice in response.choices)
    if all(read is given for read, given in zip(choices, response.choices, strict=True)):
        return response
    # The raw form has what was written over.
    return msgspec.structs.replace(response, choices=choices, raw=None, dialect=None)


def _choice(choice: Choice, readers: Readers) -> Choice:
    parts = tuple(_part(part, readers) for part in choice.message.parts)
    if all(read is given for read, given in zip(parts, choice.message.parts, strict=True)):
        return choice
    message = msgspec.structs.replace(choice.message, parts=parts, raw=None)
    return msgspec.structs.replace(choice, message=message)


def _part(part: Part, readers: Readers) -> Part:
    match part:
        case Text(text=text):
            read = _whole(text, readers, Spoken.TEXT)
            return part if read == text else Text(read)
        case Reasoning(text=text):
            read = _whole(text, readers, Spoken.REASONING)
            return part if read == text else msgspec.structs.replace(part, text=read)
        case ToolCall(arguments=text):
            read = _whole(text, readers, Spoken.ARGUMENTS)
            return part if read == text else msgspec.structs.replace(part, arguments=read)
        case _:
            return part


def _whole(text: str, readers: Readers, spoken: Spoken) -> str:
    several = _made(readers, spoken)
    return several.feed(text) + several.end()


class _Along:
    """Reads a stream along: of each choice, the text that is being spoken."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._spoken: dict[int, tuple[Spoken, int, _Several]] = {}

    def chunk(self, chunk: Chunk) -> Chunk | None:
        """What may be passed on; None where all of it is held back."""
        events = tuple(one for event in chunk.events for one in self._event(event))
        if events == chunk.events:
            return chunk
        return Chunk(events=events) if events else None

    def rest(self) -> Iterator[Event]:
        for index in list(self._spoken):
            yield from self._over(index)

    def _event(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta(text=text, index=index):
                yield from self._changed(index, Spoken.TEXT, 0)
                yield from self._said(event, self._feed(index, text))
            case ReasoningDelta(text=text, index=index, signature=signature):
                yield from self._changed(index, Spoken.REASONING, 0)
                read = self._feed(index, text)
                if signature is not None:
                    read += self._spoken.pop(index)[2].end()
                yield from self._said(event, read)
            case ToolCallDelta(arguments=text, index=index, position=position):
                yield from self._changed(index, Spoken.ARGUMENTS, position)
                yield msgspec.structs.replace(event, arguments=self._feed(index, text))
            case Finished(index=index):
                yield from self._over(index)
                yield event
            case _:
                yield event

    def _said(self, event: TextDelta | ReasoningDelta, read: str) -> Iterator[Event]:
        if read == event.text:
            yield event
        elif read or (isinstance(event, ReasoningDelta) and event.signature is not None):
            yield msgspec.structs.replace(event, text=read)

    def _feed(self, index: int, text: str) -> str:
        return self._spoken[index][2].feed(text)

    def _changed(self, index: int, spoken: Spoken, position: int) -> Iterator[Event]:
        before = self._spoken.get(index)
        if before is None or before[:2] != (spoken, position):
            yield from self._over(index)
            self._spoken[index] = spoken, position, _made(self._readers, spoken)

    def _over(self, index: int) -> Iterator[Event]:
        before = self._spoken.pop(index, None)
        if before is None:
            return
        spoken, position, several = before
        text = several.end()
        if not text:
            return
        match spoken:
            case Spoken.TEXT:
                yield TextDelta(text=text, index=index)
            case Spoken.REASONING:
                yield ReasoningDelta(text=text, index=index)
            case Spoken.ARGUMENTS:
                yield ToolCallDelta(position=position, arguments=text, index=index)
