"""A structured answer as it grows: partial objects, then the whole, verified."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Message, Role, Text, ToolCall
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    FinishReason,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.structured.ask import Answer, answer
from seatrial.gateway.structured.form import Said, asking
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.partial_json import PartialJson
from seatrial.gateway.structured.settle import Settling, Spent
from seatrial.gateway.structured.shape import Shape, rooted

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Partial(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer so far.

    Args:
        value: plain JSON, with complete scalars only unless open strings are asked for; None
            before anything came. The same object all along, which grows.
        ready: keys of the object whose values are complete, in order.
        typed: an instance of the model with the fields that are complete and fit; the others have
            their defaults or are missing. None where the shape has no models.
    """

    value: object
    ready: tuple[str, ...]
    typed: T | None


@runtime_checkable
class PartialShape(Protocol[T_co]):
    """A shape that can type a part of an answer."""

    def parts(self, values: Mapping[str, object]) -> dict[str, object]:
        """Those of the named fields that fit, by their names in the type."""
        ...

    def partial(self, fields: Mapping[str, object]) -> T_co | None:
        """An instance with these fields alone; None where there is no such thing."""
        ...


async def stream_answer(
    provider: Provider,
    request: ChatRequest,
    call: Call,
    shape: Shape[T],
    *,
    options: StructuredOptions,
    now: Callable[[], float],
    open_strings: bool = False,
) -> AsyncGenerator[Partial[T] | Answer[T], None]:
    """Partial answers as they grow, and at last the whole `Answer`.

    The whole may differ from its parts: where it did not fit it was asked for again. Parts come
    only while the text is strict JSON from its first bracket on.

    Args, Raises: as `ask`; StreamCut of a stream that broke.
        open_strings: see `PartialJson`.
    """
    outer = rooted(shape)
    first = asking(request, outer, options.mode)
    spent = Spent(call.journal)
    growing = _Growing(shape, boxed=outer is not shape, open_strings=open_strings)
    hearing = _Hearing(outer.name if options.mode is Mode.TOOL else None)
    chunks = provider.stream(msgspec.structs.replace(first, stream=True, include_usage=True), call)
    async with aclosing(chunks):
        async for chunk in chunks:
            piece = hearing.piece(chunk)
            if piece and growing.grew(piece):
                yield growing.partial()
    settling = Settling(
        provider,
        first,
        call,
        outer,
        options=options,
        now=now,
        fillers=options.mode is not Mode.PROMPT,
        spent=spent,
    )
    settled = await settling.settle(hearing.said())
    yield answer(settled, hearing.usage, settled.response)


class _Growing(Generic[T]):
    """The parts of one answer; a field is typed once, when it is complete."""

    def __init__(self, shape: Shape[T], *, boxed: bool, open_strings: bool) -> None:
        self._json = PartialJson(open_strings=open_strings)
        self._shape = shape if isinstance(shape, PartialShape) else None
        self._boxed = boxed
        self._typed: dict[str, object] = {}
        self._n_typed = 0

    def grew(self, piece: str) -> bool:
        """Read on; whether there is something to show."""
        if self._json.broken or self._json.complete:
            return False
        before = self._json.n_changes
        self._json.push(piece)
        return self._json.n_changes > before

    def partial(self) -> Partial[T]:
        """What there is."""
        value, ready = self._json.value, self._json.ready
        if self._boxed:
            inner = value.get("value") if isinstance(value, dict) else None
            return Partial(value=inner, ready=(), typed=None)
        if self._shape is None or not isinstance(value, dict):
            return Partial(value=value, ready=tuple(ready), typed=None)
        fresh = ready[self._n_typed :]
        self._n_typed = len(ready)
        self._typed |= self._shape.parts({key: value[key] for key in fresh})
        return Partial(
            value=value, ready=tuple(ready), typed=self._shape.partial(dict(self._typed))
        )


class _Hearing:
    """The answer in a stream of pieces: the text of the first choice, or a tool's arguments."""

    def __init__(self, tool: str | None) -> None:
        self.usage: Usage | None = None
        self._tool = tool
        self._text: list[str] = []
        self._arguments: list[str] = []
        self._id = ""
        self._reason = FinishReason.OTHER

    def piece(self, chunk: Chunk) -> str:
        """What of the answer is in a piece."""
        found: list[str] = []
        for event in chunk.events:
            if isinstance(event, UsageReported):
                self.usage = event.usage
            elif not isinstance(event, _INDEXED) or event.index != 0:
                continue
            elif isinstance(event, TextDelta):
                self._text.append(event.text)
                if self._tool is None:
                    found.append(event.text)
            elif isinstance(event, Finished):
                self._reason = event.reason
            elif self._tool is not None:
                found += self._argument(event)
        return "".join(found)

    def _argument(self, event: ToolCallDelta) -> list[str]:
        if event.position != 0:
            return []
        self._id = event.id or self._id
        self._arguments.append(event.arguments)
        return [event.arguments]

    def said(self) -> Said:
        """The answer, whole."""
        text = "".join(self._text)
        message = Message(role=Role.ASSISTANT, parts=(Text(text),))
        if self._tool is None or not self._arguments:
            return Said(text, self._reason, message)
        arguments = "".join(self._arguments)
        call = ToolCall(id=self._id, name=self._tool, arguments=arguments)
        return Said(arguments, self._reason, message, call)


_INDEXED = (TextDelta, ToolCallDelta, Finished)
