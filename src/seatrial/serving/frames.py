"""Messages between the server and the child process that holds a model.

A frame is two big-endian lengths of 4 bytes, a msgpack header, and a payload of raw array bytes.
Numeric arrays stand in the header as extension 1 (dtype, shape, offset into the payload) and are
read without copying; arrays of strings stand there as extension 2 (shape, values). Nothing that
could run code can be expressed, so neither side needs to trust the other.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid, LimitExceeded

PREFIX: Final = struct.Struct(">II")
MAX_FRAME_BYTES: Final = 1 << 30
"""Bytes a header, or a payload, may have."""

_ARRAY: Final = 1
_STRINGS: Final = 2
_ALIGNMENT: Final = 64
_NUMERIC: Final = frozenset("biuf")

Buffer: TypeAlias = bytes | bytearray | memoryview


class BadFrame(Invalid):
    """The other side sent something that is no frame."""

    code = "engine.bad_frame"


class FrameTooLarge(LimitExceeded):
    """A message is larger than a frame may be."""

    code = "engine.frame_too_large"


class _Packer:
    """Collects the buffers of one message while msgpack walks it."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.size = 0

    def __call__(self, value: object) -> object:
        if isinstance(value, np.ndarray):
            return self._array(value) if value.dtype.kind in _NUMERIC else _strings(value)
        if isinstance(value, np.generic):
            return value.item()
        raise NotImplementedError(f"{type(value).__name__} cannot be sent")

    def _array(self, array: NDArray[np.generic]) -> msgspec.msgpack.Ext:
        dense = np.ascontiguousarray(array)
        gap = -self.size % _ALIGNMENT
        if gap:
            self.buffers.append(bytes(gap))
        offset = self.size + gap
        if dense.size:
            self.buffers.append(dense.reshape(-1).view(np.uint8).data)
        self.size = offset + dense.nbytes
        entry = (array.dtype.str, array.shape, offset)
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(entry))


def _strings(array: NDArray[np.generic]) -> msgspec.msgpack.Ext:
    if array.dtype.kind not in "OUS":
        raise NotImplementedError(f"arrays of {array.dtype} cannot be sent")
    flat = array.reshape(-1).tolist()
    return msgspec.msgpack.Ext(
        _STRINGS, msgspec.msgpack.encode((array.shape, flat), enc_hook=_scalar)
    )


def _scalar(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a {type(value).__name__} inside an array cannot be sent")


def pack(message: Mapping[str, object]) -> list[Buffer]:
    """The buffers of a frame, to be written one after the other.

    Args:
        message: of what msgpack knows, arrays of numbers, of booleans and of strings or None.
    Raises: BadFrame for a value that cannot be sent, FrameTooLarge.
    """
    packer = _Packer()
    try:
        header = msgspec.msgpack.encode(message, enc_hook=packer)
    except (NotImplementedError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadFrame(
            f"A value cannot be sent to or from a model's process: {error}.",
            remedy="Give numbers, booleans, strings, lists, mappings and arrays of them.",
        ) from error
    _check_sizes(len(header), packer.size)
    return [PREFIX.pack(len(header), packer.size) + header, *packer.buffers]


def sizes(prefix: Buffer) -> tuple[int, int]:
    """The lengths of header and payload that a prefix announces.

    Raises: FrameTooLarge.
    """
    header, payload = PREFIX.unpack(prefix)
    _check_sizes(header, payload)
    return header, payload


def _check_sizes(header: int, payload: int) -> None:
    if max(header, payload) > MAX_FRAME_BYTES:
        raise FrameTooLarge(
            f"A message of {header + payload:,} bytes is over the limit of {MAX_FRAME_BYTES:,}.",
            remedy="Send fewer rows at once.",
            limit=MAX_FRAME_BYTES,
        )


def unpack(header: Buffer, payload: Buffer) -> dict[str, object]:
    """The message of a frame; its arrays look into ``payload`` and are writable if that is.

    Raises: BadFrame.
    """

    def extension(code: int, data: memoryview) -> object:
        if code == _ARRAY:
            dtype, shape, offset = msgspec.msgpack.decode(data, type=tuple[str, list[int], int])
            return _view(dtype, shape, offset, payload)
        if code == _STRINGS:
            lengths, flat = msgspec.msgpack.decode(data, type=tuple[list[int], list[object]])
            return _objects(lengths, flat)
        raise ValueError(f"extension {code} is unknown")

    try:
        message = msgspec.msgpack.decode(header, ext_hook=extension, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise BadFrame(
            f"A message from a model's process cannot be read: {error}.",
            remedy="Restart the server; if it happens again, report the model's kind.",
        ) from error
    return message


def _view(dtype: str, shape: list[int], offset: int, payload: Buffer) -> NDArray[np.generic]:
    element = np.dtype(dtype)
    if element.kind not in _NUMERIC or offset < 0 or any(n < 0 for n in shape):
        raise ValueError(f"an array of {dtype!r} at {offset}")
    return np.ndarray(tuple(shape), element, payload, offset)


def _objects(shape: list[int], flat: list[object]) -> NDArray[np.generic]:
    if prod(shape) != len(flat) or any(n < 0 for n in shape):
        raise ValueError(f"{len(flat)} values for the shape {shape}")
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array.reshape(shape)
