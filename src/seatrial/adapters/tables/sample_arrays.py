"""Sample rows that are tensors: numpy's .npz and .npy files, and lists in tables."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.packaging.sample import BadSample, Sample
from seatrial.registry.signature import Column
from seatrial.registry.zip_faults import BROKEN

_NPY: Final = b"\x93NUMPY"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive starts that has parts, and one that has none."""
_MAX_BYTES: Final = 1 << 30
_MAX_INT: Final = np.iinfo(np.int64).max
_ONE: Final = "input"
"""What the array of an .npy file is called, which has no name for it."""


def read_arrays(path: Path, *, max_rows: int) -> Sample | None:
    """The first rows of a file of arrays; None for a file of another kind.

    Args: max_rows: rows to keep, >= 1.
    Raises: BadSample.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_NPY):
        return _sample(path, {_ONE: _loaded(path)}, max_rows)
    if head.startswith(_ZIP):
        return _sample(path, _archive(path), max_rows)
    return None


def tensor_of(values: Any) -> Column | None:
    """A column of lists, all of one shape, as an array (n, ...); None where they are not."""
    try:
        array = np.array(values.to_pylist())
    except ValueError:  # lists of different lengths
        return None
    if array.ndim < 2 or array.dtype.kind not in "fiubU" or not array.size:
        return None
    return _plain(array)


def _loaded(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise _unreadable(path, error) from error
    return array


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_BYTES:
                raise BadSample(
                    f"{path.name} unpacks to more than {_MAX_BYTES:,} bytes.",
                    remedy="Give fewer rows; a few hundred are enough.",
                )
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (*BROKEN, MemoryError) as error:  # an array's header may claim any size
        raise _unreadable(path, error) from error
    if any(not isinstance(array, np.ndarray) for array in found.values()):
        raise _unreadable(path, ValueError("it holds other files than arrays"))
    return found


def _unreadable(path: Path, error: Exception) -> BadSample:
    return BadSample(
        f"{path.name} cannot be read as arrays: {str(error).splitlines()[0]}.",
        remedy="Save arrays of numbers, booleans or fixed-length strings with numpy.savez, one per "
        "input; object arrays are pickles and are not read.",
    )


def _sample(path: Path, arrays: dict[str, NDArray[Any]], max_rows: int) -> Sample:
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise BadSample(
            f"The arrays of {path.name} have {sorted(lengths) or 'no'} rows.",
            remedy="Give each input as an array with the rows in its first dimension.",
        )
    (total,) = lengths
    for name, array in arrays.items():
        if array.dtype == np.uint64 and array.size and array[:max_rows].max() > _MAX_INT:
            raise BadSample(
                f"The array {name!r} of {path.name} holds whole numbers of more than 63 bits.",
                remedy="Give them as int64, or as floats.",
                field=name,
            )
    columns = {name: _plain(array[:max_rows]) for name, array in arrays.items()}
    for name, column in columns.items():
        if column.dtype.kind not in "fiubO":
            raise BadSample(
                f"The array {name!r} of {path.name} holds {column.dtype}.",
                remedy="Give numbers, booleans or strings.",
                field=name,
            )
    return Sample(columns=columns, n_rows=min(total, max_rows), n_total=total)


def _plain(array: NDArray[Any]) -> Column:
    """The array in a dtype that samples have; tensors of floats and of bytes keep theirs."""
    if array.dtype == np.uint8 and array.ndim > 1:
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return array.astype(np.float64 if array.ndim == 1 else array.dtype.newbyteorder("="))
    return array.astype(object) if array.dtype.kind == "U" else array
