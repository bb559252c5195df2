"""Streams of Anthropic's messages: pieces read from a provider, pieces written for a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.anthropic_reply import NO_USAGE, read_reason, write_reason
from seatrial.gateway.dialects.errors import anthropic_error
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.sse import named_event
from seatrial.gateway.dialects.usage import read_anthropic_usage, write_anthropic_usage
from seatrial.kernel.errors import SeatrialError


class ChunkReader:
    """Reads the pieces of one stream."""

    __slots__ = ("_calls", "_usage", "finished", "stopped")

    def __init__(self) -> None:
        self.finished = False
        """Whether the reason for the end was told."""
        self.stopped = False
        """Whether the last piece came."""
        self._calls: dict[int, int] = {}
        self._usage = NO_USAGE

    def read(self, body: object) -> Chunk:
        """One piece.   Raises: RequestInvalid."""
        given = fields.mapping(body, "")
        kind = fields.text(given, "type")
        events: list[Event] = []
        if kind == "content_block_delta":
            self._delta(given, events)
        elif kind == "content_block_start":
            self._block(given, events)
        elif kind == "message_start":
            message = fields.mapping(given.get("message"), "message")
            name = fields.optional_text(message, "model", "message.") or ""
            events.append(
                Started(id=fields.optional_text(message, "id", "message.") or "", model=name)
            )
            self._count(message, events)
        elif kind == "message_delta":
            reason = fields.mapping(given.get("delta"), "delta").get("stop_reason")
            if reason is not None and not self.finished:
                self.finished = True
                events.append(Finished(reason=read_reason(reason)))
            self._count(given, events)
        elif kind == "message_stop":
            self.stopped = True
        return Chunk(events=tuple(events), dialect=DialectName.ANTHROPIC, raw=given, event=kind)

    def _count(self, body: Body, events: list[Event]) -> None:
        """Usage is told at both ends; counts only grow, and those of the end may lack the input."""
        told = read_anthropic_usage(body.get("usage"))
        if told is None:
            return
        before = self._usage
        largest = {
            name: max(getattr(before, name), getattr(told, name))
            for name in Usage.__struct_fields__
        }
        self._usage = msgspec.structs.replace(before, **largest)
        events.append(UsageReported(usage=self._usage))

    def _block(self, body: Body, events: list[Event]) -> None:
        block = fields.mapping(body.get("content_block"), "content_block")
        kind = block.get("type")
        if kind == "tool_use":
            position = len(self._calls)
            self._calls[_index(body)] = position
            given = block.get("input")
            events.append(
                ToolCallDelta(
                    position=position,
                    id=fields.text(block, "id", "content_block."),
                    name=fields.text(block, "name", "content_block."),
                    arguments=orjson.dumps(given).decode() if given else "",
                )
            )
        elif kind == "text" and (said := fields.optional_text(block, "text", "content_block.")):
            events.append(TextDelta(text=said))
        elif kind == "thinking" and (
            thought := fields.optional_text(block, "thinking", "content_block.")
        ):
            events.append(ReasoningDelta(text=thought))

    def _delta(self, body: Body, events: list[Event]) -> None:
        delta = fields.mapping(body.get("delta"), "delta")
        kind = delta.get("type")
        if kind == "text_delta":
            events.append(TextDelta(text=fields.text(delta, "text", "delta.")))
        elif kind == "input_json_delta":
            position = self._calls.get(_index(body))
            piece = fields.text(delta, "partial_json", "delta.")
            if position is not None and piece:
                events.append(ToolCallDelta(position=position, arguments=piece))
        elif kind == "thinking_delta":
            events.append(ReasoningDelta(text=fields.text(delta, "thinking", "delta.")))
        elif kind == "signature_delta":
            events.append(ReasoningDelta(signature=fields.text(delta, "signature", "delta.")))


def _index(body: Body) -> int:
    value = body.get("index")
    if type(value) is int:
        return value
    raise fields.wrong("index", value, "a whole number")


class ChunkWriter:
    """Writes one stream for a client of Anthropic.

    Pieces that came in Anthropic's form go out as they came. Of others only the first choice is
    told, in blocks: one for each run of text or thoughts and each call.

    Args:
        id: of an answer for which nobody gave one.
    """

    def __init__(self, *, id: str = "") -> None:  # noqa: A002
        self._id = id
        self._begun = False
        self._stopped = False
        self._open: tuple[str, int] | None = None
        self._n_blocks = 0
        self._calls: dict[int, int] = {}
        self._usage: Usage | None = None
        self._reason = FinishReason.OTHER

    def write(self, chunk: Chunk) -> bytes:
        """The events for one piece; may be empty."""
        if chunk.dialect is DialectName.ANTHROPIC and chunk.raw is not None:
            return self._as_it_came(chunk)
        return b"".join(piece for event in chunk.events for piece in self._told(event))

    def _as_it_came(self, chunk: Chunk) -> bytes:
        if chunk.event == "message_start":
            self._begun = True
        elif chunk.event == "message_stop":
            self._stopped = True
        return named_event(chunk.event, chunk.raw or {})

    def _told(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, Started):
            yield from self._start(event.id, event.model)
        elif isinstance(event, UsageReported):
            self._usage = event.usage
        elif event.index != 0:
            return
        elif isinstance(event, Finished):
            self._reason = event.reason
        else:
            yield from self._start("", "")
            yield from self._piece(event)

    def _start(self, given_id: str, model: str) -> Iterator[bytes]:
        if self._begun:
            return
        self._begun = True
        message: dict[str, Any] = {
            "id": given_id or self._id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_anthropic_usage(self._usage or NO_USAGE),
        }
        yield _event("message_start", message=message)

    def _piece(self, event: TextDelta | ReasoningDelta | ToolCallDelta) -> Iterator[bytes]:
        if isinstance(event, ToolCallDelta):
            yield from self._call(event)
        elif isinstance(event, TextDelta):
            yield from self._enter("text", {"type": "text", "text": ""})
            yield self._more({"type": "text_delta", "text": event.text})
        else:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            yield from self._enter("thinking", block)
            if event.text:
                yield self._more({"type": "thinking_delta", "thinking": event.text})
            if event.signature is not None:
                yield self._more({"type": "signature_delta", "signature": event.signature})

    def _call(self, event: ToolCallDelta) -> Iterator[bytes]:
        at = self._calls.get(event.position)
        if at is None:
            named = {"id": event.id or "", "name": event.name or ""}
            block = {"type": "tool_use", **named, "input": {}}
            yield from self._enter("tool_use", block, event.position)
            at = self._calls[event.position] = self._n_blocks - 1
        if event.arguments:
            # A call that goes on after another began keeps its index: clients collect by it.
            delta = {"type": "input_json_delta", "partial_json": event.arguments}
            yield _event("content_block_delta", index=at, delta=delta)

    def _enter(self, kind: str, block: dict[str, Any], position: int = 0) -> Iterator[bytes]:
        """Begin a block, unless the last one of its kind is still open."""
        if self._open == (kind, position):
            return
        yield from self._leave()
        self._open = (kind, position)
        yield _event("content_block_start", index=self._n_blocks, content_block=block)
        self._n_blocks += 1

    def _leave(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _event("content_block_stop", index=self._n_blocks - 1)

    def _more(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._n_blocks - 1, delta=delta)

    def end(self) -> bytes:
        """What ends a whole answer."""
        return b"" if self._stopped else b"".join(self._ended())

    def _ended(self) -> Iterator[bytes]:
        yield from self._start("", "")
        yield from self._leave()
        reason = write_reason(self._reason, calls=bool(self._calls))
        usage = write_anthropic_usage(self._usage or NO_USAGE)
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield _event("message_delta", delta=delta, usage=usage)
        yield _event("message_stop")

    def error(self, error: SeatrialError) -> bytes:
        """What ends an answer that broke off."""
        return named_event("error", anthropic_error(error))


def _event(kind: str, **given: object) -> bytes:
    return named_event(kind, {"type": kind, **given})
