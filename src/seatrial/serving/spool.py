"""A bounded queue of records on disk that survives `kill -9`: segments of framed records.

A frame is the length and the CRC-32 of a payload (two little-endian 32-bit numbers) and the
payload. A writer appends to one open segment, which it holds locked; a segment that nobody holds is
finished, whatever ended its writer, and its torn tail, if any, is left out. Readers remove a
segment when all of it is safe elsewhere. What a payload means is not this module's business.
"""

from __future__ import annotations

import fcntl
import os
import struct
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from seatrial.kernel.clock import Clock

_HEADER = struct.Struct("<II")
_SUFFIX = ".segment"


class Spool:
    """Appends records to segments in a folder; used by one thread.

    Args:
        folder: made when missing; several spools may share it.
        name: of the writer, part of the names of its segments.
        clock: tells how old a segment is.
        max_segment_bytes: a segment is finished when it is larger.
        max_segment_s: a segment is finished when it is older, in seconds.
        max_total_bytes: of all segments in the folder; the oldest finished ones give way.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        clock: Clock,
        max_segment_bytes: int = 8 * 2**20,
        max_segment_s: float = 60.0,
        max_total_bytes: int = 256 * 2**20,
    ) -> None:
        self._folder = folder
        self._name = name
        self._clock = clock
        self._born = 0.0
        self._max_segment_bytes = max_segment_bytes
        self._max_segment_s = max_segment_s
        self._max_total_bytes = max_total_bytes
        self._file: _Open | None = None
        self.n_dropped = 0

    def append(self, records: Sequence[bytes]) -> None:
        """Write records; those the disk has no room for are dropped and counted in ``n_dropped``.

        Never raises for want of space: predictions must go on when their log cannot.
        """
        for record in records:
            frame = _HEADER.pack(len(record), zlib.crc32(record)) + record
            try:
                self._open().write(frame)
            except OSError:
                self.n_dropped += 1
        self.rotate()

    def rotate(self) -> None:
        """Finish the open segment when it is large or old enough; keep the bound of the disk."""
        if self._file is not None and (
            self._file.size >= self._max_segment_bytes
            or self._clock.monotonic() - self._born >= self._max_segment_s
        ):
            self.close()
        self._make_room()

    def close(self) -> None:
        """Finish the open segment."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> _Open:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Sorted by time of birth, and never the name of another: readers derive theirs from it.
            born_us = int(self._clock.now().timestamp() * 1e6)
            stem = f"{born_us:017d}-{self._name}-{uuid.uuid4().hex[:8]}"
            self._born = self._clock.monotonic()
            self._file = _Open(self._folder / (stem + _SUFFIX))
        return self._file

    def _make_room(self) -> None:
        sizes = {path: _size(path) for path in segments(self._folder)}
        excess = sum(sizes.values()) - self._max_total_bytes
        for path, size in sizes.items():
            if excess <= 0:
                return
            with claimed(path) as mine:
                if mine:
                    self.n_dropped += sum(1 for _ in frames(path))
                    path.unlink(missing_ok=True)
                    excess -= size


class _Open:
    """The segment that is written to. Its lock dies with the process, its bytes do not."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def write(self, frame: bytes) -> None:
        """Append a frame whole or not at all.   Raises: OSError."""
        try:
            written = os.write(self._fd, frame)
        except OSError:
            written = 0
        if written != len(frame):
            os.ftruncate(self._fd, self.size)
            raise OSError("the frame could not be written whole")
        self.size += written

    def close(self) -> None:
        os.close(self._fd)


def segments(folder: Path) -> list[Path]:
    """The segments in a folder, oldest first, finished or not; none when there is no folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    return []


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a segment so that nobody else reads or removes it.

    Yields: whether it is held; False when its writer, or another reader, holds it, or it is gone.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Between opening and locking, the one who held it may have removed it.
        yield os.fstat(fd).st_nlink > 0
    finally:
        os.close(fd)


def frames(path: Path) -> Iterator[bytes]:
    """The payloads of a segment in order, up to the first torn or damaged frame."""
    data = path.read_bytes()
    at = 0
    while at + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, at)
        payload = data[at + _HEADER.size : at + _HEADER.size + length]
        if len(payload) != length or zlib.crc32(payload) != checksum:
            return
        yield payload
        at += _HEADER.size + length


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
