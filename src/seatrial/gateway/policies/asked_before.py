"""Questions that were asked before, as they are kept: a few under one key, for one answer each.

A record begins with its version and a digest over its key and its content, as those of answers do:
a damaged or exchanged one is not there.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import sha256
from math import fsum, isfinite, sqrt
from operator import mul
from typing import Final

import msgspec

_VERSION: Final = b"\x01"
_HEAD: Final = len(_VERSION) + 16
_MOST_BYTES: Final = 1024 * 1024


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A question that has an answer.

    Args:
        key: of the request that asks it; see `answer_key.chat_key`.
        answer: the key of its answer: its own, or that of a question it was taken for.
        until: when the answer expires, in seconds since 1970.
        text: as it was asked.
        vector: as `packed` makes it; empty while nobody asked for it.
    """

    key: str
    answer: str
    until: float
    text: str
    vector: bytes = b""

    @property
    def is_own(self) -> bool:
        """Whether the answer was given to this very question."""
        return self.key == self.answer


def packed(vector: Sequence[float]) -> bytes:
    """A vector, shape (d,), at length 1 as 32-bit numbers; empty where it has no direction."""
    if not vector or not all(map(isfinite, vector)):
        return b""
    length = sqrt(fsum(x * x for x in vector))
    if not 0 < length < float("inf"):
        return b""
    return array("f", [x / length for x in vector]).tobytes()


def cosine(one: bytes, other: bytes) -> float:
    """Of two packed vectors, in [-1, 1]; -1 where they cannot be compared."""
    if not one or len(one) != len(other):
        return -1.0
    a, b = array("f"), array("f")
    a.frombytes(one)
    b.frombytes(other)
    product: float = sum(map(mul, a, b))
    return max(-1.0, min(1.0, product))


def written(key: str, asked: Sequence[Asked]) -> bytes:
    """Questions as bytes."""
    body = _ENCODER.encode(list(asked))
    return _VERSION + _digest(key, body) + body


def read(key: str, value: bytes) -> list[Asked]:
    """The questions that were written under ``key``; none for anything else."""
    body = value[_HEAD:]
    if len(value) > _MOST_BYTES or value[:_HEAD] != _VERSION + _digest(key, body):
        return []
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:
        return []


def _digest(key: str, body: bytes) -> bytes:
    return sha256(b"asked\0" + key.encode() + b"\0" + body).digest()[:16]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[Asked])
