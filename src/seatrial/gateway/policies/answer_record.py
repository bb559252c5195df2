"""Answers as they are kept: in memory to be given again, in a store as bytes.

A record begins with its version and a digest over its key and its content, so that a damaged, cut
or exchanged one is noticed; it is then not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias, cast

import msgspec

from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
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
from seatrial.gateway.chat.transcript import assembled, pieces

_VERSION: Final = b"\x01"
_DIGEST_BYTES: Final = 16
_HEAD: Final = len(_VERSION) + _DIGEST_BYTES


class KeptChat:
    """The answer to a chat as it was given, whole or in pieces; it serves both.

    Args:
        given: the whole, or all pieces of a complete stream.
    """

    __slots__ = ("_pieces", "_whole", "given")

    def __init__(self, given: ChatResponse | tuple[Chunk, ...]) -> None:
        self.given = given
        self._whole: ChatResponse | None = None
        self._pieces: tuple[Chunk, ...] | None = None
        if isinstance(given, ChatResponse):
            self._whole = given
        else:
            self._pieces = given

    @property
    def whole(self) -> ChatResponse | None:
        """The whole answer; None where the pieces do not make one."""
        if self._whole is None and self._pieces is not None:
            self._whole = assembled(self._pieces)
        return self._whole

    @property
    def pieces(self) -> tuple[Chunk, ...] | None:
        """The answer as a stream; None where it cannot be one."""
        if self._pieces is None and self._whole is not None:
            self._pieces = pieces(self._whole)
        return self._pieces


Kept: TypeAlias = KeptChat | Embeddings


def written(key: str, kept: Kept) -> bytes | None:
    """An answer as bytes; None for one that has no such form (a number beyond 64 bits)."""
    given = kept.given if isinstance(kept, KeptChat) else kept
    try:
        body = _ENCODER.encode(_record(given))
    except (TypeError, ValueError, OverflowError):
        return None
    return _VERSION + _digest(key, body) + body


def read(key: str, value: bytes) -> Kept | None:
    """The answer that was written under ``key``; None for anything else."""
    body = value[_HEAD:]
    if value[:_HEAD] != _VERSION + _digest(key, body):
        return None
    try:
        record: _Whole | _Pieces | _Vectors = _DECODER.decode(body)
        match record:
            case _Vectors():
                return Embeddings(
                    model=record.model,
                    vectors=record.vectors,
                    usage=record.usage,
                    raw=record.raw,
                )
            case _Pieces():
                return KeptChat(tuple(_chunk(piece) for piece in record.pieces))
            case whole:
                return KeptChat(_response(whole))
    except (msgspec.MsgspecError, KeyError):
        return None


def _digest(key: str, body: bytes) -> bytes:
    return sha256(key.encode() + b"\0" + body).digest()[:_DIGEST_BYTES]


class _Named(msgspec.Struct, frozen=True, array_like=True):
    """One of several kinds, which share no tag of their own."""

    kind: str
    held: msgspec.Raw


class _Message(msgspec.Struct, frozen=True, array_like=True):
    role: Role
    parts: list[_Named]
    name: str | None
    raw: dict[str, Any] | None


class _Choice(msgspec.Struct, frozen=True, array_like=True):
    index: int
    message: _Message
    finish_reason: FinishReason


class _Whole(msgspec.Struct, frozen=True, array_like=True, tag="whole"):
    id: str
    model: str
    choices: list[_Choice]
    usage: Usage | None
    created: int
    dialect: DialectName | None
    raw: dict[str, Any] | None


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    events: list[_Named]
    dialect: DialectName | None
    raw: dict[str, Any] | None
    event: str


class _Pieces(msgspec.Struct, frozen=True, array_like=True, tag="pieces"):
    pieces: list[_Piece]


class _Vectors(msgspec.Struct, frozen=True, array_like=True, tag="vectors"):
    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None
    raw: dict[str, Any] | None


_KINDS: Final[Mapping[str, type[Part | Event]]] = {
    "text": Text,
    "image": Image,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "reasoning": Reasoning,
    "other": Other,
    "started": Started,
    "text_delta": TextDelta,
    "reasoning_delta": ReasoningDelta,
    "tool_call_delta": ToolCallDelta,
    "finished": Finished,
    "usage": UsageReported,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_READERS: Final = {name: msgspec.msgpack.Decoder(kind) for name, kind in _KINDS.items()}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Whole | _Pieces | _Vectors)


_Row: TypeAlias = tuple[object, ...]
"""A record before it is written, in the order of the fields it is read into: as bytes it is the
same."""


def _named(several: Sequence[Part | Event]) -> list[_Row]:
    return [(_NAMES[type(one)], one) for one in several]


def _plain(raw: Mapping[str, object] | None) -> Mapping[str, object] | None:
    return raw if raw is None or type(raw) is dict else dict(raw)


def _record(given: ChatResponse | tuple[Chunk, ...] | Embeddings) -> _Row:
    match given:
        case Embeddings():
            return ("vectors", given.model, given.vectors, given.usage, _plain(given.raw))
        case ChatResponse():
            return _whole(given)
        case chunks:
            return (
                "pieces",
                [(_named(c.events), c.dialect, _plain(c.raw), c.event) for c in chunks],
            )


def _whole(given: ChatResponse) -> _Row:
    return (
        "whole",
        given.id,
        given.model,
        [_choice(one) for one in given.choices],
        given.usage,
        given.created,
        given.dialect,
        _plain(given.raw),
    )


def _choice(given: Choice) -> _Row:
    said = given.message
    return (
        given.index,
        (said.role, _named(said.parts), said.name, _plain(said.raw)),
        given.finish_reason,
    )


def _response(record: _Whole) -> ChatResponse:
    return ChatResponse(
        id=record.id,
        model=record.model,
        choices=tuple(
            Choice(
                index=one.index,
                message=Message(
                    role=one.message.role,
                    parts=tuple(cast("Part", part) for part in _those(one.message.parts)),
                    name=one.message.name,
                    raw=one.message.raw,
                ),
                finish_reason=one.finish_reason,
            )
            for one in record.choices
        ),
        usage=record.usage,
        created=record.created,
        dialect=record.dialect,
        raw=record.raw,
    )


def _chunk(record: _Piece) -> Chunk:
    return Chunk(
        events=tuple(cast("Event", event) for event in _those(record.events)),
        dialect=record.dialect,
        raw=record.raw,
        event=record.event,
    )


def _those(several: list[_Named]) -> list[object]:
    return [_READERS[one.kind].decode(one.held) for one in several]
