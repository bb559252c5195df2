"""Files of an index: written whole or not at all, and known again when a byte of them changed.

A segment's file holds named arrays, each with its checksum, and is read by mapping it. Small files
hold JSON under their checksum.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import SeatrialError
from seatrial.rag.index.failures import IndexBeingBuilt, IndexDamaged, IndexDenied, IndexUnavailable

_MAGIC = b"seatrix1"
_TAIL = struct.Struct("<QQI8s")
"""At the end: where the list of arrays begins, its length and checksum, and who wrote it."""

_ALIGNED = 64
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_UNCHECKED = frozenset({"vectors", "text"})
"""Large and read in small parts: only an audit reads all of them."""
_LET_GO = frozenset({"records", "word_rows", "word_counts"})
"""Read in small parts, too, once they were compared with their checksums."""


class _Placed(msgspec.Struct, array_like=True, frozen=True):
    """Where an array lies in its file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    n_bytes: int
    checksum: int


_list = msgspec.msgpack.Decoder(list[_Placed])


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a file of arrays; it is there, whole and on the disk, on return.

    Raises: IndexUnavailable, IndexDenied.
    """
    with replacing(path) as file:
        offset = file.write(_MAGIC)
        placed = []
        for name, array in arrays.items():
            offset += file.write(bytes(-offset % _ALIGNED))
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            dtype = array.dtype.newbyteorder("<").str
            checksum = zlib.crc32(data)
            placed.append(_Placed(name, dtype, array.shape, offset, data.nbytes, checksum))
            offset += file.write(data)
        listed = msgspec.msgpack.encode(placed)
        file.write(listed)
        file.write(_TAIL.pack(offset, len(listed), zlib.crc32(listed), _MAGIC))


class MappedArrays(Mapping[str, NDArray[Any]]):
    """The arrays of a file, which stay readable when it is deleted.

    All but vectors and text are compared with their checksums when they are first asked for.

    Raises: IndexDamaged, IndexDenied, FileNotFoundError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path), path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < len(_MAGIC) + _TAIL.size:
                raise damaged(path, "is too short")
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._placed = {one.name: one for one in self._listed()}
        self._seen: dict[str, NDArray[Any]] = {}
        self._intact: set[str] = set()

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._seen:
            if name not in self._placed:
                raise damaged(self._path, f"has no {name!r}")
            if name not in _UNCHECKED and not self._is_intact(name):
                raise damaged(self._path, f"holds {name!r} other than it was written")
            self._seen[name] = self._array(self._placed[name])
        return self._seen[name]

    def __contains__(self, name: object) -> bool:
        return name in self._placed

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed)

    def __len__(self) -> int:
        return len(self._placed)

    def changed(self) -> list[str]:
        """Names of the arrays that are not as they were written: all bytes are read, again."""
        self._intact.clear()
        return [name for name in self._placed if not self._is_intact(name)]

    def _is_intact(self, name: str) -> bool:
        one = self._placed[name]
        if name not in self._intact:
            with memoryview(self._mapped) as whole:
                if zlib.crc32(whole[one.offset : one.offset + one.n_bytes]) != one.checksum:
                    return False
            self._intact.add(name)
            if name in _LET_GO:
                self._let_go(one)
        return True

    def _let_go(self, one: _Placed) -> None:
        """Take an array out of the memory of the process; what is read of it comes back."""
        start = -(-one.offset // mmap.PAGESIZE) * mmap.PAGESIZE
        n_bytes = one.offset + one.n_bytes - start
        if n_bytes > 0:
            self._mapped.madvise(mmap.MADV_DONTNEED, start, n_bytes)

    def _listed(self) -> list[_Placed]:
        tail = len(self._mapped) - _TAIL.size
        start, length, checksum, magic = _TAIL.unpack(self._mapped[tail:])
        if magic != _MAGIC or self._mapped[: len(_MAGIC)] != _MAGIC or start + length != tail:
            raise damaged(self._path, "is not whole")
        listed = self._mapped[start:tail]
        if zlib.crc32(listed) != checksum:
            raise damaged(self._path, "holds a list of its parts other than it was written")
        return _list.decode(listed)

    def _array(self, one: _Placed) -> NDArray[Any]:
        dtype = np.dtype(one.dtype)
        if not one.n_bytes:
            return np.empty(one.shape, dtype)
        n = one.n_bytes // dtype.itemsize
        return np.frombuffer(self._mapped, dtype, n, one.offset).reshape(one.shape)


def write_json(path: Path, body: object) -> None:
    """Replace a small file, which is on the disk on return.

    Raises: IndexUnavailable, IndexDenied.
    """
    write_checked(path, json.dumps(body, ensure_ascii=False, indent=1).encode())


def read_json(path: Path) -> Any:
    """What `write_json` wrote.   Raises: as `read_checked`."""
    return json.loads(read_checked(path))


def write_checked(path: Path, body: bytes) -> None:
    """Replace a file of bytes under their checksum.   Raises: as `write_json`."""
    with replacing(path) as file:
        file.write(f"{zlib.crc32(body):08x}\n".encode())
        file.write(body)


def read_checked(path: Path) -> bytes:
    """What `write_checked` wrote.

    Raises: IndexDamaged, IndexDenied, FileNotFoundError.
    """
    with translated(path):
        checksum, _, body = path.read_bytes().partition(b"\n")
    if checksum != f"{zlib.crc32(body):08x}".encode():
        raise damaged(path, "is not what was written")
    return body


@contextmanager
def replacing(path: Path) -> Iterator[Any]:
    """A file beside a path, which takes its place when all of it is on the disk."""
    aside = path.with_name(f".{path.name}.part")
    with translated(path):
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            keep_names(path.parent)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def keep_names(folder: Path) -> None:
    """Bring what was made, renamed and removed in a folder to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a file, which ends with the process.

    Raises: IndexBeingBuilt, when another holds it and `wait` is false.
    """
    with translated(path):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if wait:
            fcntl.flock(opened, fcntl.LOCK_EX)
        elif not _taken(opened, fcntl.LOCK_EX, tries=5):  # a look (`is_locked`) is soon over
            os.close(opened)
            raise IndexBeingBuilt(
                f"Another process or thread builds the index {path.parent.name!r}.",
                remedy="Wait until it has published, or end it: its draft is kept.",
            )
    try:
        yield
    finally:
        os.close(opened)


def is_locked(path: Path) -> bool:
    """Whether another process or thread holds the lock of a file."""
    with translated(path):
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _taken(opened, fcntl.LOCK_SH, tries=1)
        finally:
            os.close(opened)


def _taken(opened: int, kind: int, *, tries: int) -> bool:
    for _ in range(tries - 1):
        with suppress(BlockingIOError):
            fcntl.flock(opened, kind | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    with suppress(BlockingIOError):
        fcntl.flock(opened, kind | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of the operating system in words of an index; a missing file stays what it is."""
    try:
        yield
    except (FileNotFoundError, SeatrialError):
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise IndexUnavailable(
                f"There is no room left to write {path} ({error.strerror}).",
                remedy="Free space on its drive, or raise the quota, and build again: what was"
                " acknowledged is kept.",
            ) from error
        if error.errno in _DENIED:
            raise IndexDenied(
                f"{path} may not be used so ({error.strerror}).",
                remedy="Give this user the right to read and write the folder of the index.",
            ) from error
        raise IndexUnavailable(
            f"{path} does not answer ({error.strerror}).", remedy="Check its drive and try again."
        ) from error


def damaged(path: Path, how: str) -> IndexDamaged:
    """The error for a file that is not what was written."""
    return IndexDamaged(
        f"The file {path} {how}.",
        remedy="Activate another version, restore a backup, or delete the index and build it anew.",
        path=str(path),
    )
