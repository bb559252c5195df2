"""Sample rows that are tensors: numpy's .npz and .npy files, and lists in tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables import array_file
from seatrial.packaging.sample import BadSample, Sample
from seatrial.registry.signature import Column

_MAX_BYTES: Final = 1 << 30
_MAX_INT: Final = np.iinfo(np.int64).max


def read_arrays(path: Path, *, max_rows: int) -> Sample | None:
    """The first rows of a file of arrays; None for a file of another kind.

    Args: max_rows: rows to keep, >= 1.
    Raises: BadSample.
    """
    with path.open("rb") as file:
        if not array_file.is_arrays(file.read(8)):
            return None
    try:
        return _read(path, max_rows)
    except array_file.BadArrays as error:
        raise _unreadable(path, error) from error


def _read(path: Path, max_rows: int) -> Sample:
    found = array_file.headers(path)
    lengths = {header.n_rows for header in found.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise BadSample(
            f"The arrays of {path.name} have {sorted(lengths) or 'no'} rows.",
            remedy="Give each input as an array with the rows in its first dimension.",
        )
    (total,) = lengths
    n = min(total, max_rows)
    if n * sum(header.row_bytes for header in found.values()) > _MAX_BYTES:
        raise BadSample(
            f"{n:,} rows of {path.name} take more than {_MAX_BYTES:,} bytes.",
            remedy="Give fewer rows; a few hundred are enough.",
        )
    arrays = next(array_file.rows(path, found, [n]))
    return _sample(path, dict(zip(found, arrays, strict=True)), total)


def tensor_of(values: Any) -> Column | None:
    """A column of lists, all of one shape, as an array (n, ...); None where they are not."""
    try:
        array = np.array(values.to_pylist())
    except ValueError:  # lists of different lengths
        return None
    if array.ndim < 2 or array.dtype.kind not in "fiubU" or not array.size:
        return None
    return _plain(array)


def _unreadable(path: Path, error: Exception) -> BadSample:
    return BadSample(
        f"{path.name} cannot be read as arrays: {str(error).splitlines()[0]}.",
        remedy="Save arrays of numbers, booleans or fixed-length strings with numpy.savez, one per "
        "input; object arrays are pickles and are not read.",
    )


def _sample(path: Path, arrays: dict[str, NDArray[Any]], total: int) -> Sample:
    for name, array in arrays.items():
        if array.dtype == np.uint64 and array.size and array.max() > _MAX_INT:
            raise BadSample(
                f"The array {name!r} of {path.name} holds whole numbers of more than 63 bits.",
                remedy="Give them as int64, or as floats.",
                field=name,
            )
    columns = {name: _plain(array) for name, array in arrays.items()}
    for name, column in columns.items():
        if column.dtype.kind not in "fiubO":
            raise BadSample(
                f"The array {name!r} of {path.name} holds {column.dtype}.",
                remedy="Give numbers, booleans or strings.",
                field=name,
            )
    return Sample(columns=columns, n_rows=len(next(iter(arrays.values()))), n_total=total)


def _plain(array: NDArray[Any]) -> Column:
    """The array in a dtype that samples have; tensors of floats and of bytes keep theirs."""
    if array.dtype == np.uint8 and array.ndim > 1:
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return array.astype(np.float64 if array.ndim == 1 else array.dtype.newbyteorder("="))
    return array.astype(object) if array.dtype.kind == "U" else array
