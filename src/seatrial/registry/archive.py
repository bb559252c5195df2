"""Bundles as one file: a gzipped tar that is written the same every time and read with suspicion.

Reading does not use `tarfile`'s own reader. That one obeys extended headers, links and sparse maps,
which bundles never have and attacks are made of (a compressed extended header is read into memory
whole, before any filter is asked). Here a block is a plain header or the archive is refused.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.kernel.errors import Conflict, Denied, Invalid, LimitExceeded, SeatrialError
from seatrial.registry.bundle import Bundle, settle
from seatrial.registry.bundle_files import BundleIncomplete, BundleNotFound, verified_chunks
from seatrial.registry.incoming import CHUNK, incoming, land, write_file
from seatrial.registry.manifest import (
    MANIFEST_FILE,
    BundleTampered,
    Manifest,
    decode_manifest,
    encode_manifest,
    safe_path,
)

SUFFIX = ".seatrial.tar.gz"
MAX_ARCHIVE_BYTES = 16 << 30
MAX_ARCHIVE_FILES = 1000
_BLOCK = tarfile.BLOCKSIZE
_TAIL_BYTES = 1 << 20
_MANIFEST_BYTES = 16 << 20


class ArchiveUnsafe(Denied):
    """The archive holds what no bundle holds: a link, a device, a path that leaves its folder."""

    code = "bundle.archive_unsafe"


class ArchiveUnreadable(Invalid):
    """The file is not an archive, or ends too early."""

    code = "bundle.archive_unreadable"


class ArchiveTooLarge(LimitExceeded):
    """The archive unpacks to more than is allowed."""

    code = "bundle.archive_too_large"


class FolderTaken(Conflict):
    """There is something else where a bundle was to be unpacked."""

    code = "bundle.folder_taken"


def pack(bundle: Bundle, archive: Path) -> None:
    """Write a bundle to ``archive``; equal bundles give equal bytes.

    Raises: BundleTampered when the folder changed since it was opened, BundleDiskFull,
        BundleNotWritten.
    """
    with incoming(archive.parent) as folder:
        write_file(folder, "archive", _packed(bundle))
        (folder / "archive").replace(archive)


def is_archive(path: Path) -> bool:
    """Whether a file says that it is an archive: by its name, or as a tar in its first block.

    A pickle may be gzipped too, so the first two bytes do not tell.
    """
    if path.name.endswith(SUFFIX):
        return True
    try:
        with gzip.open(path) as stream:
            return stream.read(_BLOCK)[257:262] == b"ustar"
    except (OSError, EOFError, zlib.error):
        return False


def unpack(archive: Path, root: Path, *, max_bytes: int = MAX_ARCHIVE_BYTES) -> Bundle:
    """Unpack into ``root/<digest>`` and verify it; nothing is written anywhere else.

    Args:
        archive: a file written by `pack`.
        root: the folder that holds bundles.
        max_bytes: how much it may unpack to, all files together.
    Raises: BundleNotFound, ArchiveUnreadable, ArchiveUnsafe, ArchiveTooLarge, and what
        `Bundle.open` raises.
    """
    with incoming(root) as fresh:
        manifest = _unpacked(archive, fresh, max_bytes)
        return settle(fresh, root, manifest)


def unpack_as(archive: Path, folder: Path, *, max_bytes: int = MAX_ARCHIVE_BYTES) -> Bundle:
    """Unpack as ``folder``, which must not be there yet, be empty, or be this very bundle.

    Raises: FolderTaken, and what `unpack` raises.
    """
    with incoming(folder.parent) as fresh:
        manifest = _unpacked(archive, fresh, max_bytes)
        if land(fresh, folder):
            return Bundle(path=folder, manifest=manifest)
    try:
        return Bundle.open(folder, digest=manifest.digest)
    except SeatrialError as error:
        raise FolderTaken(
            f"The folder {str(folder)!r} is there already and holds something else.",
            remedy="Name another one; nothing in it was changed.",
            folder=str(folder),
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """The verified bundle in a folder or an archive; unpacked for as long as the block lasts.

    Raises: BundleNotFound and its kin; for an archive what `unpack` raises.
    """
    if path.is_dir():
        yield Bundle.open(path)
        return
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        yield unpack(path, Path(scratch))


def packed_name(archive: Path) -> str | None:
    """The name of the model in an archive, by its first entry alone; nothing else is looked at.

    Returns: None where the first entry is not the manifest, as `pack` has it.
    Raises: BundleNotFound, ArchiveUnreadable, BundleTooNew.
    """
    with _reading(archive) as stream:
        info = tarfile.TarInfo.frombuf(_exactly(stream, _BLOCK), "ascii", "surrogateescape")
        if info.name != MANIFEST_FILE or not 0 <= info.size <= _MANIFEST_BYTES:
            return None
        raw = _exactly(stream, info.size)
    try:
        return decode_manifest(raw).name
    except BundleTampered as error:
        raise _unreadable(archive, str(error.facts["reason"])) from error


def _unpacked(archive: Path, folder: Path, max_bytes: int) -> Manifest:
    with _reading(archive) as stream:
        _extract(stream, folder, max_bytes)
    try:
        return Bundle.open(folder).manifest
    except (BundleIncomplete, BundleTampered) as error:
        fault = error.facts.get("reason") or f"it lacks {error.facts['file']!r}"
        raise type(error)(
            f"The archive {str(archive)!r} does not hold what was packed: {fault}.",
            remedy="Get it again from where it was packed.",
            **error.facts,
        ) from error


@contextmanager
def _reading(archive: Path) -> Iterator[gzip.GzipFile]:
    """What an archive unpacks to; damage that is met on the way names the archive."""
    if not archive.is_file():
        raise BundleNotFound(
            f"There is no file {str(archive)!r}.",
            remedy="Check the path of the archive.",
            archive=str(archive),
        )
    try:
        with _stream(archive) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unreadable(archive, str(error)) from error
    except tarfile.HeaderError as error:
        raise _unreadable(archive, "a header is damaged") from error


def _stream(archive: Path) -> gzip.GzipFile:
    try:
        return gzip.open(archive)
    except OSError as error:
        raise _unreadable(archive, error.strerror or str(error)) from error


def _packed(bundle: Bundle) -> Iterator[bytes]:
    out = _Pieces()
    # gzip writes the time and the name it is told: none, so that equal bundles pack alike.
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=6, mtime=0) as stream:
        manifest = encode_manifest(bundle.manifest)
        stream.write(_header(MANIFEST_FILE, len(manifest)) + manifest + _padding(len(manifest)))
        for record in bundle.manifest.files:
            stream.write(_header(record.path, record.size))
            for chunk in verified_chunks(bundle.path, record):
                stream.write(chunk)
                yield out.take()
            stream.write(_padding(record.size))
        stream.write(bytes(2 * _BLOCK))
    yield out.take()


class _Pieces:
    """Collects what is written until somebody takes it."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._held.append(bytes(piece))

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def take(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        return held


def _header(path: str, size: int) -> bytes:
    info = tarfile.TarInfo(path)
    info.size = size
    info.mode = 0o644
    return info.tobuf(format=tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _extract(stream: gzip.GzipFile, folder: Path, max_bytes: int) -> None:
    seen: set[str] = set()
    left = max_bytes
    while (block := _exactly(stream, _BLOCK)).strip(b"\0"):
        info = tarfile.TarInfo.frombuf(block, "ascii", "surrogateescape")
        _check(info, seen)
        left -= info.size
        if left < 0 or len(seen) >= MAX_ARCHIVE_FILES:
            raise ArchiveTooLarge(
                f"The archive unpacks to more than {max_bytes} bytes or {MAX_ARCHIVE_FILES} files.",
                remedy="Check where it came from; a bundle that large needs a larger limit.",
                limit=max_bytes,
            )
        seen.add(info.name)
        try:
            write_file(folder, info.name, _content(stream, info.size))
        except (FileExistsError, NotADirectoryError):
            raise _unsafe(info.name, "is both a file and a folder") from None
        _exactly(stream, -info.size % _BLOCK)
    # Reading on to the end makes gzip compare its checksum.
    if len(tail := stream.read(_TAIL_BYTES)) == _TAIL_BYTES or tail.strip(b"\0"):
        raise ArchiveUnsafe(
            "The archive goes on after its end.", remedy="Get it again from where it was packed."
        )


def _check(info: tarfile.TarInfo, seen: set[str]) -> None:
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        fault = "is not a plain file"
    elif info.name != MANIFEST_FILE and not safe_path(info.name):
        fault = "has a path that no bundle has"
    elif info.name in seen:
        fault = "is there twice"
    elif info.size < 0:
        fault = "has a negative size"
    else:
        return
    raise _unsafe(info.name, fault)


def _unsafe(name: str, fault: str) -> ArchiveUnsafe:
    return ArchiveUnsafe(
        f"The archive's entry {name!r} {fault}.",
        remedy="Do not unpack it by other means; get one that seatrial packed.",
        entry=ascii(name),
    )


def _content(stream: gzip.GzipFile, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = stream.read(min(size, CHUNK))
        if not chunk:
            raise EOFError("a file ends too early")
        size -= len(chunk)
        yield chunk


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    return b"".join(_content(stream, size))


def _unreadable(archive: Path, reason: str) -> ArchiveUnreadable:
    return ArchiveUnreadable(
        f"{str(archive)!r} is not a bundle's archive: {reason}.",
        remedy="Check the path, and get the file again from where it was packed.",
        archive=str(archive),
    )
