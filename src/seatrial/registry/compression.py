"""How the bytes of a pickle are packed, and how to read them unpacked, within bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from seatrial.kernel.errors import LimitExceeded
from seatrial.registry.missing_library import missing_library

_CHUNK_BYTES: Final = 1 << 20


class ModelTooLarge(LimitExceeded):
    """The file, or what it unpacks to, is over the limit."""

    code = "model.too_large"


class Compression(StrEnum):
    """How the bytes of a pickle are packed."""

    NONE = "none"
    ZLIB = "zlib"
    GZIP = "gzip"
    BZ2 = "bz2"
    XZ = "xz"
    LZ4 = "lz4"


MAGIC: Final = (
    (b"\x1f\x8b", Compression.GZIP),
    (b"BZh", Compression.BZ2),
    (b"\xfd7zXZ\x00", Compression.XZ),
    (b"\x5d\x00\x00", Compression.XZ),
    (b"\x04\x22\x4d\x18", Compression.LZ4),
    (b"\x78\x01", Compression.ZLIB),
    (b"\x78\x5e", Compression.ZLIB),
    (b"\x78\x9c", Compression.ZLIB),
    (b"\x78\xda", Compression.ZLIB),
)


class _Bounded(io.RawIOBase):
    """A reader that refuses to give more than ``limit`` bytes in all, or more than there are."""

    def __init__(self, source: IO[bytes], raw: IO[bytes], limit: int, path: Path) -> None:
        self._source = source
        self._raw = raw
        self._limit = limit
        self._path = path
        self._given = 0

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._limit + 1 if size is None or size < 0 else size
        parts: list[bytes] = []
        while wanted > 0:
            part = self._source.read(min(wanted, _CHUNK_BYTES))
            if not part:
                break
            self._given += len(part)
            if self._given > self._limit:
                raise too_large(self._path, self._limit)
            parts.append(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readline(self, size: int | None = -1) -> bytes:
        line = self._source.readline(_CHUNK_BYTES if size is None or size < 0 else size)
        self._given += len(line)
        if self._given > self._limit:
            raise too_large(self._path, self._limit)
        return line

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def close(self) -> None:
        self._source.close()
        self._raw.close()  # readers that unpack leave it open
        super().close()


def too_large(path: Path, limit: int) -> ModelTooLarge:
    """The error for a file of more than ``limit`` bytes."""
    return ModelTooLarge(
        f"{path.name} holds more than {limit:,} bytes.",
        remedy="Save a smaller model, or raise the limit with --max-model-bytes.",
        limit=limit,
    )


def open_stream(path: Path, compression: Compression, *, limit: int) -> BinaryIO:
    """A reader over the unpacked bytes that stops at ``limit`` bytes.

    Raises: ModelTooLarge from the reader, MissingLibrary when lz4 is needed and not installed.
    """
    raw = path.open("rb")
    try:
        unpacked = _UNPACK[compression](raw)
    except BaseException:
        raw.close()
        raise
    return cast("BinaryIO", _Bounded(unpacked, raw, limit, path))


class _ZlibReader(io.RawIOBase):
    """A plain zlib stream as a file; the standard library has one for gzip only."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = b""
        while not data and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._raw.read(_CHUNK_BYTES)
            if not packed:
                raise EOFError("the zlib stream ends early")
            data = self._inflate.decompress(packed, len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _open_lz4(raw: BinaryIO) -> IO[bytes]:
    try:
        from lz4.frame import LZ4FrameFile  # noqa: PLC0415  only files packed so need it
    except ImportError as error:
        raise missing_library("lz4", path=Path(raw.name)) from error
    return cast("IO[bytes]", LZ4FrameFile(raw, mode="rb"))


_UNPACK: Final[dict[Compression, Callable[[BinaryIO], IO[bytes]]]] = {
    Compression.NONE: lambda raw: raw,
    Compression.ZLIB: lambda raw: io.BufferedReader(_ZlibReader(raw), _CHUNK_BYTES),
    Compression.GZIP: lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb")),
    Compression.BZ2: bz2.BZ2File,
    Compression.XZ: lzma.LZMAFile,
    Compression.LZ4: _open_lz4,
}
