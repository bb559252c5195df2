"""Folders that appear whole or not at all.

A folder is written under a hidden name in the same file system, flushed, and renamed. Whoever is
killed meanwhile leaves only a hidden folder that nobody opens; the next writer sweeps it up.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.kernel.errors import LimitExceeded, Unavailable

PREFIX = ".incoming-"
CHUNK = 1 << 20
_ABANDONED_AFTER_S = 86_400.0
_FULL = {errno.ENOSPC, errno.EDQUOT}


class BundleDiskFull(LimitExceeded):
    """There is no room for a bundle or for a release's files."""

    code = "bundle.disk_full"


class BundleNotWritten(Unavailable):
    """The operating system refused to write a bundle or a release's files."""

    code = "bundle.not_written"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What a file must be.

    Args:
        path: relative, with ``/``.
        size: in bytes.
        sha256: lower-case hex.
    """

    path: str
    size: int
    sha256: str


@contextmanager
def incoming(root: Path) -> Iterator[Path]:
    """A hidden folder in ``root`` to write into; gone afterwards unless it was landed.

    Raises: BundleDiskFull, BundleNotWritten for what the operating system refuses inside the block.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        try:
            _sweep(root, now=folder.stat().st_mtime)
            folder.chmod(0o755)  # mkdtemp makes 0700, and the image's user must be able to read
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in our words what the operating system refuses inside the block.

    Raises: BundleDiskFull, BundleNotWritten.
    """
    try:
        yield
    except OSError as error:
        raise _refused(folder, error) from error


def write_file(folder: Path, path: str, chunks: Iterable[bytes]) -> FileRecord:
    """Write, flush and hash one new file of an incoming folder."""
    target = folder / path
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with target.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    target.chmod(0o644)
    return FileRecord(path=path, size=size, sha256=digest.hexdigest())


def land(folder: Path, target: Path) -> bool:
    """Give an incoming folder its name; False when a folder of that name is already there."""
    for directory, _, _ in os.walk(folder, topdown=False):
        _fsync_folder(Path(directory))
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        raise
    _fsync_folder(target.parent)
    return True


def chunks_of(path: Path) -> Iterator[bytes]:
    """The content of a file in pieces of one MiB."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _sweep(root: Path, *, now: float) -> None:
    oldest = now - _ABANDONED_AFTER_S  # in the clock that stamped the others
    for left in root.glob(f"{PREFIX}*"):
        try:
            abandoned = left.lstat().st_mtime < oldest
        except FileNotFoundError:  # its writer finished meanwhile
            continue
        if abandoned:
            shutil.rmtree(left, ignore_errors=True)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(root: Path, error: OSError) -> BundleDiskFull | BundleNotWritten:
    if error.errno in _FULL:
        return BundleDiskFull(
            f"The disk that holds {str(root)!r} is full.",
            remedy="Free some space there, then run the same command again.",
            folder=str(root),
        )
    return BundleNotWritten(
        f"Writing to {str(root)!r} failed: {error}.",
        remedy="Check that the folder exists, is yours and can be written to, then try again.",
        folder=str(root),
    )
