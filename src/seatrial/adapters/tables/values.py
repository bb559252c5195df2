"""Names and numbers of Arrow columns: coding texts, and reading one as the other."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Coded

if TYPE_CHECKING:
    import pyarrow as pa

_TRUTH: Final = {"true": 1.0, "false": 0.0}


def numpy_of(array: pa.Array) -> NDArray[Any]:
    """Numbers or booleans of Arrow, none missing, as numpy's; numbers are not copied.

    Arrow's own ``to_numpy`` loads pandas when that is installed, which takes a second.
    """
    import pyarrow as pa

    data, start, n = array.buffers()[1], array.offset, len(array)
    if data is None or not n:
        return np.empty(0, bool if pa.types.is_boolean(array.type) else _dtype(array.type))
    if pa.types.is_boolean(array.type):
        first, last = start // 8, (start + n + 7) // 8
        packed = np.frombuffer(data, np.uint8, last - first, first)
        bits = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + n]
        return bits.view(bool)
    dtype = _dtype(array.type)
    return np.frombuffer(data, dtype, n, start * dtype.itemsize)


def _dtype(kind: pa.DataType) -> np.dtype[Any]:
    names = {"halffloat": "float16", "float": "float32", "double": "float64"}
    return np.dtype(names.get(str(kind), str(kind)))


def coded_texts(array: pa.Array) -> Coded:
    """A column of texts, plain or dictionary-encoded, as codes; values are distinct."""
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = _encoded(array)
    values = tuple(array.dictionary.to_pylist())
    codes = array.indices
    if codes.null_count:
        # As wide as codes are here; unsigned ones have no place for -1.
        codes = codes.cast(pa.int32()).fill_null(-1)
    return _distinct(numpy_of(codes), values)


def coded_numbers(array: pa.Array) -> Coded:
    """A column of numbers or booleans as names: ``3``, ``0.5``, ``true``; whole floats as ``3``.

    NaN is missing.
    """
    import pyarrow as pa

    encoded = _encoded(array)
    values = tuple(_name(value) for value in encoded.dictionary.to_pylist())
    codes = encoded.indices.cast(pa.int64()).fill_null(-1)
    return _distinct(numpy_of(codes), values)


def numbers_of(coded: Coded) -> tuple[NDArray[np.float64], int, str | None]:
    """Texts read as numbers, ``true`` and ``false`` as 1 and 0.

    Returns: shape (n,), NaN where missing or no number; how many are no number; the first of them.
    """
    read = [_number(value) for value in coded.values]
    numbers = np.array([np.nan if r is None else r for r in read] + [np.nan])
    bad = np.array([r is None for r in read] + [False])
    wrong = bad[coded.codes]
    n_bad = int(np.count_nonzero(wrong))
    example = coded.values[coded.codes[int(np.argmax(wrong))]] if n_bad else None
    return numbers[coded.codes], n_bad, example


def _encoded(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return array.dictionary_encode()


def _distinct(codes: NDArray[np.integer], values: tuple[str | None, ...]) -> Coded:
    """Codes into values that are distinct and there; Arrow's dictionaries need be neither."""
    known = {value: i for i, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
    if len(known) == len(values):
        return Coded(codes.astype(np.int32, copy=False), tuple(known))
    again = np.array([-1 if v is None else known[v] for v in values] + [-1], np.int32)
    return Coded(again[codes], tuple(known))


def _name(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return None if value is None else str(value)


def _number(text: str) -> float | None:
    truth = _TRUTH.get(text.lower())
    if truth is not None:
        return truth
    try:
        return None if "_" in text else float(text)  # Python reads 1_000, nobody else does
    except ValueError:
        return None
