"""Tensors of the Open Inference Protocol: datatypes, JSON data and raw bytes, to arrays and back.

Source: https://github.com/kserve/open-inference-protocol; Triton's binary tensor data extension.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.serving.exchange import BadInput, shown

DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype(object),
}

_JSON: dict[str, set[type]] = {
    "b": {bool},
    "i": {int, float},
    "u": {int, float},
    "f": {int, float, type(None)},
    "O": {str, type(None)},
}
"""The types a JSON value may have, by kind of dtype."""

_WORDS = {"b": "a boolean", "i": "an integer", "u": "an integer", "f": "a number", "O": "a string"}
_LENGTH = struct.Struct("<I")
_MAX = int(np.finfo(np.float64).max)


def dtype_of(datatype: str, name: str) -> np.dtype[Any]:
    """The numpy dtype of a datatype; object for BYTES.   Raises: BadInput."""
    dtype = DATATYPES.get(datatype)
    if dtype is None:
        raise BadInput(
            f"The tensor {shown(name)} has the datatype {shown(datatype)}, which is not known.",
            remedy=f"Use one of {', '.join(DATATYPES)}.",
            field=name,
        )
    return dtype


def flat(data: object, shape: Sequence[int], name: str) -> list[object]:
    """The values of JSON ``data``, flat or nested as ``shape``, row-major.

    Raises: BadInput: not a list, ragged, or not as many values as the shape holds.
    """
    if not isinstance(data, list):
        raise BadInput(
            f"The data of {shown(name)} is {shown(data)}, not a list.",
            remedy="Send the values as a flat list in row-major order.",
            field=name,
        )
    values, held = data, 1
    if len(data) == shape[0]:
        for length in shape[1:]:
            if not values or not isinstance(values[0], list):
                break
            for place, part in enumerate(values):
                if not isinstance(part, list) or len(part) != length:
                    raise BadInput(
                        f"Row {place // held} of {shown(name)} does not hold {length} values.",
                        remedy="Make all rows as long as the shape says.",
                        field=name,
                        row=place // held,
                    )
            values = list(chain.from_iterable(values))
            held *= length
    size = prod(shape)
    if len(values) != size:
        raise BadInput(
            f"{shown(name)} has {len(values)} values but its shape {list(shape)} holds {size}.",
            remedy="Send as many values as the product of the shape.",
            field=name,
        )
    return values


def from_json(
    values: list[object], dtype: np.dtype[Any], name: str, width: int = 1
) -> NDArray[Any]:
    """A flat array of JSON values; null is NaN in FP tensors and None in BYTES.

    Args:
        dtype: of the tensor as declared.
        width: values per row, to name the row of a bad one.
    Raises: BadInput: a value that is not of ``dtype`` or outside its range.
    """
    fitting = _JSON[dtype.kind]
    if not set(map(type, values)) <= fitting:
        place = next(i for i, v in enumerate(values) if type(v) not in fitting)
        raise _misfit(values[place], dtype, name, place // width)
    if dtype.kind == "O":
        strings = np.empty(len(values), object)
        strings[:] = values
        return strings
    if dtype.kind == "f":
        return _floats(values, dtype, name, width)
    if dtype.kind == "b":
        return np.array(values, dtype)
    return _integers(values, dtype, name, width)


def _integers(values: list[Any], dtype: np.dtype[Any], name: str, width: int) -> NDArray[Any]:
    """JSON knows no integers: 3.0 is one too."""
    try:
        if float not in set(map(type, values)):
            return np.array(values, dtype)
    except OverflowError:
        pass  # named below
    bounds = np.iinfo(dtype)
    for place, value in enumerate(values):
        if not (value == value // 1 and bounds.min <= value <= bounds.max):
            raise _misfit(value, dtype, name, place // width)
    return np.array([int(value) for value in values], dtype)


def _floats(values: list[object], dtype: np.dtype[Any], name: str, width: int) -> NDArray[Any]:
    try:
        wide = np.array(values, np.float64)  # None becomes NaN
    except OverflowError:
        place = next(i for i, v in enumerate(values) if isinstance(v, int) and abs(v) > _MAX)
        raise _misfit(values[place], dtype, name, place // width) from None
    with np.errstate(over="ignore"):
        return wide.astype(dtype)


def _misfit(value: object, dtype: np.dtype[Any], name: str, row: int) -> BadInput:
    return BadInput(
        f"{shown(name)} holds {shown(value)} in row {row}, "
        f"which is not {_WORDS[dtype.kind]} that {_declared(dtype)} can hold.",
        remedy="Send values of the datatype that is declared.",
        field=name,
        row=row,
    )


def _declared(dtype: np.dtype[Any]) -> str:
    return next(name for name, known in DATATYPES.items() if known == dtype)


def from_bytes(raw: memoryview, dtype: np.dtype[Any], size: int, name: str) -> NDArray[Any]:
    """A flat array of ``size`` elements from a raw tensor, without a copy where possible.

    Raises: BadInput: the length does not fit, or BYTES are not UTF-8.
    """
    if dtype.kind == "O":
        return _strings(raw, size, name)
    if len(raw) != size * dtype.itemsize:
        raise BadInput(
            f"The binary data of {shown(name)} is {len(raw)} bytes long, "
            f"but its shape and datatype need {size * dtype.itemsize}.",
            remedy="Set binary_data_size, shape and datatype so that they agree.",
            field=name,
        )
    if dtype.kind == "b":
        return np.frombuffer(raw, np.uint8).astype(np.bool_)
    return np.frombuffer(raw, dtype)


def _strings(raw: memoryview, size: int, name: str) -> NDArray[Any]:
    strings: list[str] = []
    place, end = 0, len(raw)
    while place < end and len(strings) <= size:
        start = place + _LENGTH.size
        if start > end:
            break
        (length,) = _LENGTH.unpack_from(raw, place)
        if start + length > end:
            break
        try:
            strings.append(str(raw[start : start + length], "utf-8"))
        except UnicodeDecodeError as error:
            raise BadInput(
                f"Element {len(strings)} of {shown(name)} is not UTF-8.",
                remedy="Encode strings as UTF-8.",
                field=name,
                row=len(strings),
            ) from error
        place = start + length
    if place != end or len(strings) != size:
        raise BadInput(
            f"The binary data of {shown(name)} does not hold {size} strings.",
            remedy="Put the length of each string before it, as 4 bytes, little-endian.",
            field=name,
        )
    array = np.empty(size, object)
    array[:] = strings
    return array


def to_bytes(array: NDArray[Any]) -> bytes:
    """The raw form of an output tensor."""
    if array.dtype.kind in "OUS":
        parts = (str(value).encode() for value in array.ravel().tolist())
        return b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
