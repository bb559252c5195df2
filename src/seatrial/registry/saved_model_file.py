"""SavedModel folders of TensorFlow, as one file: a zip archive with equal bytes for equal folders.

A bundle, a digest and a limit are of one file, so a folder is packed where it comes in, together
with the name of the signature that was chosen, and unpacked where TensorFlow reads it.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from seatrial.kernel.errors import Invalid
from seatrial.registry.zip_faults import BROKEN

SERVING: Final = "serving_default"
"""The signature that every exporter writes unless told otherwise."""

_GRAPH: Final = "saved_model.pb"
_CHOSEN: Final = "seatrial.signature"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class NoSignature(Invalid):
    """The model has no signature of the name asked for, or no signatures at all."""

    code = "model.no_signature"


class UnreadableArchive(Exception):
    """The archive is damaged, larger than it may be, or its names lead out of it."""


def is_folder(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel."""
    return (path / _GRAPH).is_file()


def is_packed(path: Path) -> bool:
    """Whether a zip archive holds a SavedModel at its root."""
    return _GRAPH in names_in(path)


def names_in(path: Path) -> frozenset[str]:
    """The names in a zip archive; none where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return frozenset()


@contextmanager
def one_file(model: Path, signature: str | None) -> Iterator[Path]:
    """A model as a file: itself, or a SavedModel's folder packed for as long as it is needed.

    Args: signature: of a SavedModel; None for the usual one.
    Raises: NoSignature: the model has none to choose from.
    """
    if not is_folder(model):
        if signature is not None:
            raise NoSignature(
                f"--signature chooses among those of a SavedModel, and {model.name} is none.",
                remedy="Leave --signature out, or give the folder with saved_model.pb in it.",
            )
        yield model
        return
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        packed = Path(scratch) / (model.resolve().name or "model")
        pack(model, packed, signature=signature or SERVING)
        yield packed


def pack(folder: Path, target: Path, *, signature: str) -> None:
    """Write the files of a SavedModel's folder as one; links are not followed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_CHOSEN, _EPOCH), signature)
        for file in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            part = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
            part.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(part, "w") as sink:
                shutil.copyfileobj(source, sink)


def chosen_in(packed: bytes) -> str:
    """The signature that was chosen of a packed SavedModel."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return archive.read(_CHOSEN).decode() if _CHOSEN in archive.namelist() else SERVING


def unpack(path: Path, folder: Path, *, limit: int) -> str:
    """The SavedModel of an archive in ``folder``; returns the signature that was chosen.

    Args: limit: bytes that all of it may unpack to.
    Raises: UnreadableArchive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_parts(archive, limit)
            archive.extractall(folder)
    except BROKEN as error:
        raise UnreadableArchive(str(error) or type(error).__name__) from error
    chosen = folder / _CHOSEN
    if not chosen.is_file():
        return SERVING
    name = chosen.read_text("utf-8", "replace")
    chosen.unlink()
    return name


def check_parts(archive: zipfile.ZipFile, limit: int) -> None:
    """See that an archive may be unpacked: it is whole and stays within its folder and limit.

    Raises: UnreadableArchive.
    """
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > limit:
        raise UnreadableArchive(f"it unpacks to more than {limit:,} bytes")
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        raise UnreadableArchive("it has two entries of one name")
    for name in names:
        at = PurePosixPath(name)
        if at.is_absolute() or ".." in at.parts or "\\" in name or ":" in name:
            raise UnreadableArchive(f"the entry {name!r} would be written outside its folder")
    if (damaged := archive.testzip()) is not None:
        raise UnreadableArchive(f"the entry {damaged!r} is damaged")
