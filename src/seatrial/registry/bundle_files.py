"""The files of a bundle, read with distrust: nothing is believed that was not hashed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.registry.incoming import CHUNK, FileRecord
from seatrial.registry.manifest import MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest, tampered

_MAX_ENTRIES = 10_000


class BundleNotFound(NotFound):
    """There is no bundle where one was looked for."""

    code = "bundle.not_found"


class BundleIncomplete(Invalid):
    """A file of the bundle is missing."""

    code = "bundle.incomplete"


def verified_chunks(folder: Path, record: FileRecord) -> Iterator[bytes]:
    """The content of a file in pieces, ending in an error unless all of it is as recorded.

    Raises: BundleTampered, BundleIncomplete.
    """
    digest = hashlib.sha256()
    size = 0
    with _open_regular(folder, record.path) as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if size > record.size:
                break
            digest.update(chunk)
            yield chunk
    if size != record.size:
        raise tampered(f"{record.path!r} does not have the {record.size} bytes it had")
    if digest.hexdigest() != record.sha256:
        raise tampered(f"{record.path!r} has other bytes than it had")


def manifest_bytes(path: Path) -> bytes:
    """The manifest of the bundle in a folder.   Raises: BundleNotFound, BundleTampered."""
    if not path.is_dir():
        raise BundleNotFound(
            f"There is no bundle at {str(path)!r}.",
            remedy="Check the path, or deploy the model to make one.",
            folder=str(path),
        )
    with _open_regular(path, MANIFEST_FILE) as file:
        raw = file.read(MAX_MANIFEST_BYTES + 1)
    if len(raw) > MAX_MANIFEST_BYTES:
        raise tampered("its manifest is far larger than a manifest can be")
    return raw


def verify_tree(root: Path, manifest: Manifest) -> None:
    """See that a folder holds the files of a manifest and nothing else.

    Raises: BundleTampered, BundleIncomplete.
    """
    wanted = {file.path for file in manifest.files} | {MANIFEST_FILE}
    folders = {parent.as_posix() for path in wanted for parent in Path(path).parents}
    found = set()
    for n, entry in enumerate(_walk(root)):
        path = Path(entry.path).relative_to(root).as_posix()
        if n >= _MAX_ENTRIES:
            raise tampered("it holds far more files than it lists")
        if entry.is_dir(follow_symlinks=False):
            if path not in folders:
                raise tampered(f"it has an extra folder {path!r}")
        elif path not in wanted:
            raise tampered(f"it has an extra file {path!r}")
        found.add(path)
    if missing := sorted(wanted - found):
        raise incomplete(root, missing[0])


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


@contextmanager
def _open_regular(folder: Path, path: str) -> Iterator[BinaryIO]:
    # O_NOFOLLOW refuses a link, O_NONBLOCK keeps a planted FIFO from holding us forever.
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise incomplete(folder, path) from None
    except OSError as error:
        raise tampered(f"{path!r} cannot be opened as a file: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise tampered(f"{path!r} is not a regular file")
        yield file


def incomplete(folder: Path, path: str) -> BundleIncomplete:
    """The error for a bundle that lacks a file."""
    remedy = "Remove its folder and copy it again from where it came, or deploy the model again."
    if path == MANIFEST_FILE:
        remedy = "Check the path: a folder without it is no bundle, or what is left of one."
    return BundleIncomplete(
        f"The bundle at {str(folder)!r} lacks {path!r}.",
        remedy=remedy,
        file=path,
    )
