"""Folders of MLflow whose model only MLflow itself can load, as one file: a zip archive.

They are code by their nature: nothing here runs it, and it is loaded only where a person vouched
for it. The archive of the same files has the same bytes.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from seatrial.registry.class_file import imported_by
from seatrial.registry.class_folder import add_file, folder_files
from seatrial.registry.saved_model_file import UnreadableArchive, check_parts, names_in
from seatrial.registry.zip_faults import BROKEN

DESCRIPTION: Final = "MLmodel"
REQUIREMENTS: Final = "requirements.txt"
_CODE: Final = "code"
"""Where MLflow puts what ``code_paths`` names."""
_NAME: Final = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_MAX_TEXT_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a model needs besides MLflow.

    Args:
        listed: distributions that its requirements.txt names, sorted.
        modules: what its Python files import, top names only; none where requirements are listed.
    """

    listed: tuple[str, ...]
    modules: tuple[str, ...]


def is_pyfunc(path: Path) -> bool:
    """Whether a zip archive holds such a folder at its root."""
    return DESCRIPTION in names_in(path)


def pack_pyfunc(folder: Path, target: Path) -> int:
    """Write the files of a folder as one; returns how many there are.

    Hidden files are left out.   Raises: ClassUnusable, FolderTooLarge.
    """
    names = sorted(folder_files(folder))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            add_file(archive, folder, name)
    return len(names)


def needs_of(path: Path, *, limit: int) -> Needs:
    """What the model in an archive says it needs.

    Args: limit: bytes that all of the archive may unpack to.   Raises: UnreadableArchive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_parts(archive, limit)
            if REQUIREMENTS in archive.namelist():
                return Needs(listed=_listed(_text(archive, REQUIREMENTS)), modules=())
            return Needs(listed=(), modules=_modules(archive))
    except BROKEN as error:
        raise UnreadableArchive(str(error) or type(error).__name__) from error


def unpack_pyfunc(path: Path, folder: Path, *, limit: int) -> None:
    """Write the files of an archive into an empty folder.

    Args: limit: bytes that all of them may have.   Raises: UnreadableArchive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_parts(archive, limit)
            archive.extractall(folder)
    except BROKEN as error:
        raise UnreadableArchive(str(error) or type(error).__name__) from error


def requirement_lines(text: str) -> Iterator[str]:
    """The lines that name a distribution: no options for pip, no comments."""
    for line in text.splitlines():
        plain = line.partition(" #")[0].strip()
        if plain and not plain.startswith(("-", "#")):
            yield plain


def _listed(text: str) -> tuple[str, ...]:
    found = (_NAME.match(line) for line in requirement_lines(text))
    return tuple(sorted({name[1] for name in found if name}))


def _modules(archive: zipfile.ZipFile) -> tuple[str, ...]:
    found: set[str] = set()
    own: set[str] = set()
    for part in archive.infolist():
        path = PurePosixPath(part.filename)
        inside = path.relative_to(_CODE) if path.is_relative_to(_CODE) else path
        own.add(inside.parts[0].removesuffix(".py") if inside.parts else "")
        if path.suffix == ".py" and part.file_size <= _MAX_TEXT_BYTES:
            found.update(imported_by(archive.read(part)))
    return tuple(sorted(found - own - sys.stdlib_module_names))


def _text(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _MAX_TEXT_BYTES:
        raise UnreadableArchive(f"its {name} has more than {_MAX_TEXT_BYTES:,} bytes")
    return archive.read(name).decode("utf-8", "replace")
