"""What Feast writes into an online store: entity keys, values and times, by its own format.

Source: Feast 0.67, `infra/key_encoding_utils.py` (version 3 of entity keys),
`protos/feast/types/Value.proto`, `docs/specs/online_store_format.md`. Only what a model's input can
be is read: single numbers, texts, bytes, truth values and times.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seatrial.features.failures import EntityInvalid, OnlineStoreUnavailable
from seatrial.features.online import EntityKey, Value
from seatrial.features.view import Field, ValueType

KEY_VERSION = 3

_INT32, _INT64, _SIZE = struct.Struct("<i"), struct.Struct("<q"), struct.Struct("<II")
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_COUNT = struct.Struct("<I")


def _text(value: Any) -> bytes:
    encoded: bytes = value.encode()
    return encoded


_KEY_TYPES: Mapping[ValueType, tuple[int, Callable[[Any], bytes]]] = {
    ValueType.BYTES: (1, bytes),
    ValueType.STRING: (2, _text),
    ValueType.INT32: (3, _INT32.pack),
    ValueType.INT64: (4, _INT64.pack),
    ValueType.UNIX_TIMESTAMP: (8, _INT64.pack),
}
"""The number of a type in Feast's enumeration, and how a value of it is written."""


class KeyFormat:
    """Serializes the keys of one view: Feast's ``serialize_entity_key``, version 3.

    Args:
        join_keys: of the view; their types are single values that a key can have.
    """

    def __init__(self, join_keys: Sequence[Field]) -> None:
        self._names = [field.name for field in join_keys]
        order = sorted(range(len(join_keys)), key=lambda i: join_keys[i].name)
        names = [join_keys[i].name.encode() for i in order]
        self._prefix = _COUNT.pack(len(names)) + b"".join(
            _SIZE.pack(_KEY_TYPES[ValueType.STRING][0], len(name)) + name for name in names
        )
        self._values = [(i, *_KEY_TYPES[join_keys[i].type]) for i in order]

    def pack(self, key: EntityKey) -> bytes:
        """The bytes a store knows an entity by.   Raises: EntityInvalid."""
        parts = [self._prefix]
        for i, number, write in self._values:
            try:
                value = write(key[i])
            except (struct.error, UnicodeEncodeError, AttributeError, TypeError) as error:
                raise EntityInvalid(
                    f"The join key {self._names[i]!r} cannot be {ascii(key[i])[:60]} ({error}).",
                    remedy="Send a value of the type the feature repository gives this key.",
                    field=self._names[i],
                ) from error
            parts += (_SIZE.pack(number, len(value)), value)
        return b"".join(parts)


def read_value(data: bytes) -> Value:
    """The value of Feast's message ``Value``; None for null.

    Raises: OnlineStoreUnavailable: a value that no model can take, or none at all.
    """
    if not data:
        return None
    try:
        read = _READERS.get(data[0])
        if read is not None:
            return read(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise _unreadable(f"is cut off or damaged ({error})") from error
    if data[:2] == _NULL:
        return None
    raise _unreadable("is no single number, text, truth value or time")


def read_time_us(data: bytes) -> int:
    """Microseconds since 1970 of protobuf's ``Timestamp``.   Raises: OnlineStoreUnavailable."""
    seconds = nanos = at = 0
    try:
        while at < len(data):
            tag = data[at]
            number, at = _varint(data, at + 1)
            if tag == 0x08:
                seconds = number - (1 << 64) if number >> 63 else number
            elif tag == 0x10:
                nanos = number
            else:
                raise _unreadable("has a time that is none")
    except IndexError as error:
        raise _unreadable("has a time that is cut off") from error
    return seconds * 1_000_000 + nanos // 1_000


def murmur3_32(data: bytes) -> int:
    """MurmurHash3 of 32 bits with seed 0.   Source: A. Appleby, MurmurHash3.cpp (public domain)."""
    h, n = 0, len(data)
    whole = n & ~3
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        h ^= _mixed(word)
        h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if n > whole:
        h ^= _mixed(int.from_bytes(data[whole:], "little"))
    h ^= n
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def _mixed(word: int) -> int:
    word = word * 0xCC9E2D51 & 0xFFFFFFFF
    return (word << 15 | word >> 17) * 0x1B873593 & 0xFFFFFFFF


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number of at most 64 bits, and where it ends.   Raises: IndexError."""
    number = shift = 0
    while shift < 70:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise IndexError("more than 64 bits")


def _bytes(data: bytes) -> bytes:
    size, at = _varint(data, 1)
    if len(data) != at + size:
        raise IndexError("another length than it says")
    return bytes(data[at:])


def _whole(data: bytes) -> int:
    """An integer of two's complement."""
    number = _varint(data, 1)[0]
    return number - (1 << 64) if number >> 63 else number


def _moment(data: bytes) -> int | None:
    """Seconds since 1970; Feast writes the least number for no time at all."""
    seconds = _whole(data)
    return None if seconds == _NO_TIME else seconds


_NO_TIME = -(1 << 63)

_READERS: Mapping[int, Callable[[bytes], Value]] = {
    0x0A: _bytes,  # field 1
    0x12: lambda data: _bytes(data).decode(),  # field 2
    0x18: _whole,  # field 3, of 32 bits
    0x20: _whole,  # field 4
    0x29: lambda data: float(_DOUBLE.unpack_from(data, 1)[0]),  # field 5, eight bytes
    0x35: lambda data: float(_FLOAT.unpack_from(data, 1)[0]),  # field 6, four bytes
    0x38: lambda data: _varint(data, 1)[0] != 0,  # field 7
    0x40: _moment,  # field 8
}
"""How a value is read, by the first byte of its message: number of the field and wire type."""

_NULL = b"\x98\x01"
"""Field 19."""


def _unreadable(how: str) -> OnlineStoreUnavailable:
    return OnlineStoreUnavailable(
        f"A value of the online store {how}.",
        remedy="See that Feast is 0.67 or its format the same, and materialize again.",
    )
