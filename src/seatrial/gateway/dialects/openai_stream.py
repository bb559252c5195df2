"""Streams of OpenAI's chat completions: pieces read from a provider, and written for a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import (
    Chunk,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.errors import openai_error
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.openai_messages import arguments_of
from seatrial.gateway.dialects.openai_reply import read_reason, write_reason
from seatrial.gateway.dialects.sse import DONE, data_event
from seatrial.gateway.dialects.usage import read_openai_usage, write_openai_usage
from seatrial.kernel.errors import SeatrialError


class ChunkReader:
    """Reads the pieces of one stream; of servers that are near enough to OpenAI's, too.

    They tell the usage beside choices, no role, no place of a tool call or the same for all, its
    id in every piece, text in parts, and the reason for the end twice or, at first, as "".
    """

    __slots__ = ("_calls", "_finished", "_places", "_seen", "_started")

    def __init__(self) -> None:
        self._started = False
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._calls: dict[int, list[str]] = {}
        self._places: dict[tuple[int, object], int] = {}

    @property
    def unfinished(self) -> list[int]:
        """The choices that began and were not finished; choice 0 begins with the stream."""
        return sorted((self._seen | {0}) - self._finished)

    def read(self, body: object) -> Chunk:
        """One piece.   Raises: RequestInvalid."""
        given = fields.mapping(body, "")
        events: list[Event] = []
        if not self._started and (given.get("id") or given.get("choices")):
            # Azure sends a piece about its filters before, without id and model.
            self._started = True
            events.append(
                Started(
                    id=fields.optional_text(given, "id") or "",
                    model=fields.optional_text(given, "model") or "",
                    created=fields.count(given, "created"),
                )
            )
        for n, choice in enumerate(fields.listed(given, "choices")):
            self._choice(fields.mapping(choice, f"choices[{n}]"), n, events)
        usage = given.get("usage")
        if usage is not None and (told := read_openai_usage(usage)) is not None:
            events.append(UsageReported(usage=told))
        return Chunk(events=tuple(events), dialect=DialectName.OPENAI, raw=given)

    def _choice(self, choice: Body, n: int, events: list[Event]) -> None:
        index = choice.get("index")
        index = index if type(index) is int else n
        self._seen.add(index)
        delta = choice.get("delta")
        if delta:
            place = f"choices[{n}].delta"
            self._delta(fields.mapping(delta, place), index, f"{place}.", events)
        reason = choice.get("finish_reason")
        if reason and index not in self._finished:
            self._finished.add(index)
            events.append(Finished(reason=read_reason(reason), index=index))

    def _delta(self, delta: Body, index: int, place: str, events: list[Event]) -> None:
        text = delta.get("content")
        if len(delta) == 1 and type(text) is str:  # nearly all are
            if text:
                events.append(TextDelta(text=text, index=index))
            return
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if type(thought) is str and thought:
            events.append(ReasoningDelta(text=thought, index=index))
        events.extend(
            TextDelta(text=said, index=index)
            for name in ("content", "refusal")
            if (said := _said(delta, name, place))
        )
        for k, call in enumerate(fields.listed(delta, "tool_calls", place)):
            at = f"{place}tool_calls[{k}]"
            events.append(self._call(fields.mapping(call, at), index, f"{at}."))
        if function := fields.optional_mapping(delta, "function_call", place):
            events.append(self._call({"index": -1, "function": function}, index, place))

    def _call(self, call: Body, index: int, place: str) -> ToolCallDelta:
        given_id = fields.optional_text(call, "id", place) or ""
        function = fields.optional_mapping(call, "function", place) or {}
        name = fields.optional_text(function, "name", f"{place}function.") or ""
        arguments = arguments_of(function)
        position = self._position(index, call.get("index"), given_id, name)
        if position is not None:
            return ToolCallDelta(position=position, arguments=arguments, index=index)
        begun = self._calls.setdefault(index, [])
        begun.append(given_id or name)
        self._places[index, call.get("index")] = len(begun) - 1
        return ToolCallDelta(
            position=len(begun) - 1,
            id=given_id or name,
            name=name,
            arguments=arguments,
            index=index,
        )

    def _position(self, index: int, told: object, given_id: str, name: str) -> int | None:
        """Of the call that a piece goes on with; None where it begins one.

        Servers that tell no place, or the same for all, give a new id and name to each call.
        """
        begun = self._calls.get(index, [])
        if told is None:
            if given_id:
                return begun.index(given_id) if given_id in begun else None
            return len(begun) - 1 if begun and not name else None
        position = self._places.get((index, told))
        if position is not None and name and given_id not in ("", begun[position]):
            return None
        return position


def _said(delta: Body, name: str, place: str) -> str | None:
    """The text; from the texts among parts, where a server (Mistral's) streams those."""
    if type(delta.get(name)) is list:
        return "".join(
            part["text"]
            for part in fields.listed(delta, name, place)
            if type(part) is dict and type(part.get("text")) is str
        )
    return fields.optional_text(delta, name, place)


class ChunkWriter:
    """Writes one stream for a client of OpenAI.

    Pieces that came in OpenAI's form go out as they came, but for the model's name and for usage
    that the client did not ask for.

    Args:
        include_usage: whether the client asked for the usage at the end.
        id: of an answer for which nobody gave one.
    """

    def __init__(self, *, include_usage: bool, id: str = "") -> None:  # noqa: A002
        self._include_usage = include_usage
        self._id = id
        self._created = 0
        self._model = ""
        self._begun: set[int] = set()
        self._usage: Usage | None = None
        self._told_usage = False

    def write(self, chunk: Chunk) -> bytes:
        """The events for one piece; may be empty."""
        for event in chunk.events:
            if isinstance(event, Started):
                self._id = event.id or self._id
                self._model = event.model
                self._created = event.created
            elif isinstance(event, UsageReported):
                self._usage = event.usage
        if chunk.dialect is DialectName.OPENAI and chunk.raw is not None:
            return self._as_it_came(dict(chunk.raw))
        return b"".join(data_event(body) for body in self._made(chunk))

    def _as_it_came(self, body: dict[str, Any]) -> bytes:
        if "usage" in body:
            if self._include_usage:
                self._told_usage = self._told_usage or bool(body["usage"])
            else:
                if body["usage"] and not body.get("choices"):
                    return b""
                del body["usage"]
        return data_event(body)

    def _made(self, chunk: Chunk) -> Iterator[dict[str, Any]]:
        for event in chunk.events:
            if isinstance(event, TextDelta):
                yield self._delta(event.index, {"content": event.text})
            elif isinstance(event, ReasoningDelta) and event.text:
                yield self._delta(event.index, {"reasoning_content": event.text})
            elif isinstance(event, ToolCallDelta):
                yield self._delta(event.index, {"tool_calls": [_call(event)]})
            elif isinstance(event, Finished):
                yield self._delta(event.index, {}, write_reason(event.reason))

    def _delta(
        self, index: int, delta: dict[str, Any], reason: str | None = None
    ) -> dict[str, Any]:
        if index not in self._begun:
            self._begun.add(index)
            delta = {"role": "assistant", "content": None, **delta}
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head(), "choices": [choice]}

    def _head(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }

    def end(self) -> bytes:
        """What ends a whole answer: the usage, where it was asked for and is known; the mark."""
        if not self._include_usage or self._told_usage or self._usage is None:
            return DONE
        body = {**self._head(), "choices": [], "usage": write_openai_usage(self._usage)}
        return data_event(body) + DONE

    def error(self, error: SeatrialError) -> bytes:
        """What ends an answer that broke off; no mark follows, so nobody takes it for a whole."""
        return data_event(openai_error(error))


def _call(event: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": event.arguments}
    body: dict[str, Any] = {"index": event.position, "function": function}
    if event.id is not None or event.name is not None:
        body |= {"id": event.id or "", "type": "function"}
        function["name"] = event.name or ""
    return body
