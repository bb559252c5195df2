"""TensorFlow's tensors as raw tensors of the Open Inference Protocol, and back.

A tensor's values are raw in ``tensor_content``, or in the list of its type, where fewer values than
the shape holds mean that the last one is repeated.
Source: https://github.com/tensorflow/tensorflow, core/framework/tensor.proto and types.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from seatrial.adapters.grpc.calls import Misformed
from seatrial.serving.codec.description import DATATYPE_OF, TF_DATATYPE_OF
from seatrial.serving.codec.tensor import DATATYPES


@dataclass(frozen=True, slots=True)
class _Type:
    """Args: number: of TensorFlow's type. word: the protocol's. field: where its values are."""

    number: int
    word: str
    field: str


_TYPES: Final = (
    _Type(1, "FP32", "float_val"),
    _Type(2, "FP64", "double_val"),
    _Type(3, "INT32", "int_val"),
    _Type(4, "UINT8", "int_val"),
    _Type(5, "INT16", "int_val"),
    _Type(6, "INT8", "int_val"),
    _Type(7, "BYTES", "string_val"),
    _Type(9, "INT64", "int64_val"),
    _Type(10, "BOOL", "bool_val"),
    _Type(17, "UINT16", "int_val"),
    _Type(19, "FP16", "half_val"),
    _Type(22, "UINT32", "uint32_val"),
    _Type(23, "UINT64", "uint64_val"),
)
_BY_NUMBER: Final[Mapping[int, _Type]] = {known.number: known for known in _TYPES}
_BY_WORD: Final[Mapping[str, _Type]] = {known.word: known for known in _TYPES}

NUMBERS: Final[Mapping[str, int]] = {
    word: _BY_WORD[DATATYPE_OF[dtype]].number for dtype, word in TF_DATATYPE_OF.items()
}
"""TensorFlow's number of each type a signature may have, by TensorFlow's word."""

WORDS: Final[Mapping[int, str]] = {known.number: known.word for known in _TYPES}
"""The Open Inference Protocol's word for TensorFlow's number of a type."""

TF_WORDS: Final[Mapping[str, str]] = {
    "DT_FLOAT": "FP32",
    "DT_DOUBLE": "FP64",
    "DT_INT32": "INT32",
    "DT_UINT8": "UINT8",
    "DT_INT16": "INT16",
    "DT_INT8": "INT8",
    "DT_STRING": "BYTES",
    "DT_INT64": "INT64",
    "DT_BOOL": "BOOL",
    "DT_UINT16": "UINT16",
    "DT_HALF": "FP16",
    "DT_UINT32": "UINT32",
    "DT_UINT64": "UINT64",
}
"""The same for TensorFlow's words."""

_MAX_RANK: Final = 64
_LENGTH: Final = struct.Struct("<I")


def raw_tensor(name: str, tensor: Any, *, max_bytes: int) -> tuple[dict[str, Any], bytes]:
    """A tensor as an input of the protocol, and its raw values.

    Args: max_bytes: that its values may take; a few bytes of a message may stand for any number.
    Raises: Misformed.
    """
    named = repr(name[:100])
    known = _BY_NUMBER.get(tensor.dtype)
    if known is None:
        raise Misformed(
            f"The tensor {named} has the dtype {tensor.dtype}, which is not served. Send "
            "numbers, booleans or strings."
        )
    shape = _shape(named, tensor.tensor_shape)
    dtype = DATATYPES[known.word]
    if (size := prod(shape)) * dtype.itemsize > max_bytes:
        raise Misformed(
            f"The tensor {named} takes more than {max_bytes} bytes as {shape}. Send fewer "
            "rows at once."
        )
    content = bytes(tensor.tensor_content)
    if not content or dtype.kind == "O":
        content = _raw(named, known, getattr(tensor, known.field), size, max_bytes)
    return {"name": name, "datatype": known.word, "shape": shape}, content


def fields_of(datatype: str, shape: list[int], raw: bytes) -> dict[str, Any]:
    """The fields of a tensor from raw values, which are in the list of its type.

    TF Serving itself answers so, and many clients read that list and nothing else.
    """
    known = _BY_WORD[datatype]
    values = _strings(raw) if datatype == "BYTES" else _numbers(known, raw)
    dim = [{"size": size} for size in shape]
    return {"dtype": known.number, "tensor_shape": {"dim": dim}, known.field: values}


def _shape(named: str, shape: Any) -> list[int]:
    sizes = [dim.size for dim in shape.dim]
    if shape.unknown_rank or len(sizes) > _MAX_RANK or any(size < 0 for size in sizes):
        raise Misformed(f"The tensor {named} has no definite shape. Send the size of each rank.")
    return sizes


def _raw(named: str, known: _Type, given: Any, size: int, max_bytes: int) -> bytes:
    """Listed values as raw ones."""
    values = list(given)  # a message's own container would let numbers wrap around
    if len(values) > size or (size and not values):
        raise Misformed(
            f"The tensor {named} holds {size} values, but {len(values)} are in {known.field}."
        )
    try:
        if known.word == "BYTES":
            return _texts(named, values, size, max_bytes)
        dtype = np.dtype("<u2") if known.word == "FP16" else DATATYPES[known.word]
        filled = np.full(size, values[-1] if values else 0, dtype)
        filled[: len(values)] = np.array(values, dtype)
    except OverflowError as error:
        raise Misformed(f"The tensor {named} holds what {known.word} cannot: {error}.") from error
    return filled.tobytes()


def _texts(named: str, values: list[bytes], size: int, max_bytes: int) -> bytes:
    parts = [_LENGTH.pack(len(value)) + value for value in values]
    missing = size - len(parts)
    if missing * len(parts[-1] if parts else b"") > max_bytes:
        raise Misformed(f"The tensor {named} takes more than {max_bytes} bytes. Send fewer rows.")
    return b"".join(parts) + (parts[-1] * missing if parts else b"")


def _numbers(known: _Type, raw: bytes) -> list[Any]:
    dtype = np.dtype("<u2") if known.word == "FP16" else DATATYPES[known.word]
    numbers: list[Any] = np.frombuffer(raw, dtype).tolist()
    return numbers


def _strings(raw: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(raw):
        (length,) = _LENGTH.unpack_from(raw, place)
        place += _LENGTH.size
        found.append(raw[place : place + length])
        place += length
    return found
