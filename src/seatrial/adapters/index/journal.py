"""What was put into a draft since its last segment: appended, on the disk, and read again."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from seatrial.adapters.index.file import damaged, keep_names, translated
from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Document

_HEAD = struct.Struct("<QII")
"""Before each entry: its length, its checksum, and the checksum of these two."""


class _Put(msgspec.Struct, array_like=True, frozen=True):
    document: Document
    chunks: list[Chunk]
    vectors: bytes | None


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One change: documents that came or, without any, ids that went."""

    put: list[_Put] = []
    removed: list[str] = []

    @classmethod
    def of(cls, documents: Sequence[IndexedDocument]) -> Entry:
        """Documents that came."""
        return cls(
            put=[
                _Put(
                    one.document,
                    list(one.chunks),
                    None if one.vectors is None else np.ascontiguousarray(one.vectors).tobytes(),
                )
                for one in documents
            ]
        )

    def documents(self, dimensions: int) -> list[IndexedDocument]:
        """The documents that came."""
        return [
            IndexedDocument(
                document=one.document,
                chunks=one.chunks,
                vectors=None
                if one.vectors is None
                else np.frombuffer(one.vectors, np.float32).reshape(-1, dimensions),
            )
            for one in self.put
        ]


_entry = msgspec.msgpack.Decoder(Entry)


class Journal:
    """Entries in a file, each whole or not there.

    Args:
        path: made when absent. What a killed process left of an entry at its end is cut off.
    Raises: IndexUnavailable, IndexDenied.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        with translated(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            keep_names(path.parent)

    def entries(self) -> Iterator[Entry]:
        """All entries, once, before the first is appended.

        Raises: IndexDamaged.
        """
        data = self._path.read_bytes()
        while (start := self._end + _HEAD.size) <= len(data):
            length, checksum, of_head = _HEAD.unpack_from(data, self._end)
            if zlib.crc32(data[self._end : start - 4]) != of_head:
                if any(data[self._end :]):  # a lost write leaves zeros
                    raise damaged(self._path, "holds an entry other than it was written")
                break
            body = memoryview(data)[start : start + length]
            if zlib.crc32(body) != checksum:
                if start + length < len(data):
                    raise damaged(self._path, "holds an entry other than it was written")
                break
            yield _entry.decode(body)
            self._end = start + length
        self._cut()

    def append(self, entry: Entry) -> None:
        """Add an entry, which is on the disk on return; on an error nothing is added.

        Raises: IndexUnavailable, IndexDenied.
        """
        body = msgspec.msgpack.encode(entry)
        with translated(self._path):
            try:
                _write(self._file, _head(body), self._end)
                _write(self._file, body, self._end + _HEAD.size)
                os.fdatasync(self._file)
            except BaseException:
                self._cut()
                raise
        self._end += _HEAD.size + len(body)

    @property
    def n_bytes(self) -> int:
        """Its length."""
        return self._end

    def close(self) -> None:
        """Close the file; again is no error."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _cut(self) -> None:
        os.ftruncate(self._file, self._end)


def _head(body: bytes) -> bytes:
    head = _HEAD.pack(len(body), zlib.crc32(body), 0)[:-4]
    return head + zlib.crc32(head).to_bytes(4, "little")


def _write(file: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(file, left, at)
        left = left[written:]
        at += written
