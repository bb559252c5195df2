"""numpy's files of arrays, read row by row: an .npz archive of arrays by name, or an .npy of one.

Only the rows that are asked for are held, packed archives included. Pickles are not opened, and a
header is believed as far as its file is as long as it says.
Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from seatrial.registry.zip_faults import BROKEN

ONE: Final = "input"
"""What the array of an .npy file is called, which has no name for it."""

_NPY: Final = b"\x93NUMPY"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive starts that has parts, and one that has none."""
_SUFFIX: Final = ".npy"
_READERS: Final = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
_UNPARSED: Final = (SyntaxError, TokenError, TypeError, RecursionError)
"""What numpy lets through of a header that is no dictionary."""
_MAX_BYTES: Final = 1 << 30
"""Of an array of an archive that lies column by column, which only all of it shows the rows of."""


class BadArrays(ValueError):
    """The file holds no arrays that can be read; the message says why, as a sentence's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an array says of itself.

    Args:
        dtype: of its values; no objects.
        shape: the rows in front.
        by_column: whether its columns lie one after the other, not its rows.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    by_column: bool

    @property
    def n_rows(self) -> int:
        """How many there are; none of a single value."""
        return self.shape[0] if self.shape else 0

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * prod(self.shape[1:])


def is_arrays(head: bytes) -> bool:
    """Whether a file that starts so holds arrays, if it is sound."""
    return head.startswith((_NPY, *_ZIP))


def headers(path: Path) -> dict[str, Header]:
    """The arrays of a file, by name.   Raises: BadArrays."""
    with _said(), _Arrays(path) as arrays:
        return {name: arrays.opened(name)[1] for name in arrays.names}


def rows(path: Path, names: Iterable[str], sizes: Iterable[int]) -> Iterator[list[NDArray[Any]]]:
    """As many of the next rows of some arrays as each of ``sizes`` says, the rows in front.

    Args: names: that `headers` has, of as many rows each.
    Raises: BadArrays.
    """
    with _said(), _Arrays(path) as arrays:
        readers = [arrays.reader(name) for name in names]
        for n in sizes:
            yield [reader.take(n) for reader in readers]


class _Arrays:
    """An open file of arrays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends = ExitStack()
        self._parts: Mapping[str, zipfile.ZipInfo] = {}
        self._archive: zipfile.ZipFile | None = None
        with path.open("rb") as file:
            if file.read(len(_NPY)) == _NPY:
                return
        self._archive = self._ends.enter_context(zipfile.ZipFile(path))
        found = self._archive.infolist()
        if any(not part.filename.endswith(_SUFFIX) for part in found):
            raise BadArrays("it holds other files than arrays")
        self._parts = {part.filename.removesuffix(_SUFFIX): part for part in found}
        if len(self._parts) < len(found):
            raise BadArrays("it holds two arrays of one name")

    def __enter__(self) -> _Arrays:
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.close()

    @property
    def names(self) -> tuple[str, ...]:
        return (ONE,) if self._archive is None else tuple(self._parts)

    def opened(self, name: str) -> tuple[IO[bytes], Header]:
        """An array's file behind its header, which has been held against the file's length."""
        if self._archive is None:
            size = self._path.stat().st_size
            file: IO[bytes] = self._ends.enter_context(self._path.open("rb"))
        else:
            size = self._parts[name].file_size
            file = self._ends.enter_context(self._archive.open(self._parts[name]))
        header = _header(file)
        if size - file.tell() != header.dtype.itemsize * prod(header.shape):
            raise BadArrays(f"{name!r} is not as long as its shape {list(header.shape)} says")
        return file, header

    def reader(self, name: str) -> _Rows | _Columns:
        file, header = self.opened(name)
        if not header.by_column or len(header.shape) < 2:
            return _Rows(file, header)
        if self._archive is None:
            mapped = np.memmap(self._path, header.dtype, "r", file.tell(), header.shape, "F")
            return _Columns(mapped)
        if (size := header.dtype.itemsize * prod(header.shape)) > _MAX_BYTES:
            raise BadArrays(
                f"{name!r} lies column by column and takes more than {_MAX_BYTES:,} bytes; save "
                "numpy.ascontiguousarray of it, or an .npy file"
            )
        flat = np.frombuffer(_exactly(file, size), header.dtype)
        return _Columns(flat.reshape(header.shape, order="F"))


@dataclass(slots=True)
class _Rows:
    """Rows that lie one after the other."""

    file: IO[bytes]
    header: Header

    def take(self, n: int) -> NDArray[Any]:
        raw = _exactly(self.file, n * self.header.row_bytes)
        return np.frombuffer(raw, self.header.dtype).reshape(n, *self.header.shape[1:])


@dataclass(slots=True)
class _Columns:
    """An array whose columns lie one after the other."""

    array: NDArray[Any]
    at: int = 0

    def take(self, n: int) -> NDArray[Any]:
        self.at += n
        return np.ascontiguousarray(self.array[self.at - n : self.at])


def _header(file: IO[bytes]) -> Header:
    version = npy.read_magic(file)
    read = _READERS.get(version)
    if read is None:
        raise BadArrays(f"it is of numpy's format {version}, which only records need")
    shape, by_column, dtype = read(file)
    if dtype.hasobject:
        raise BadArrays("it holds objects, which are pickles and are not read")
    if dtype.itemsize == 0 or any(type(size) is not int or size < 0 for size in shape):
        raise BadArrays(f"it claims the shape {list(shape)} of {dtype}")
    return Header(dtype=dtype, shape=shape, by_column=by_column)


def _exactly(file: IO[bytes], n: int) -> bytes:
    raw = file.read(n)
    if len(raw) < n:
        raise BadArrays("it ends early")
    return raw


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except BadArrays:
        raise
    except (*BROKEN, *_UNPARSED, MemoryError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise BadArrays(said[:200].rstrip(".")) from error
