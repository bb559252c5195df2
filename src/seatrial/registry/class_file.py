"""A Python class with the files beside it as one archive, so that a bundle holds one model file.

It is code by its nature: nothing here runs it, and it is loaded only where a person vouched for it.
`class_folder` writes such archives.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from seatrial.kernel.errors import NotFound
from seatrial.registry.zip_faults import BROKEN

ENTRY: Final = "seatrial-class.json"
FILES: Final = "files/"
MAX_FILES: Final = 1000
MAX_FILE_BYTES: Final = 1 << 28
"""What a model's process may write as one file: it unpacks the archive to read it."""
_MAX_ENTRY_BYTES: Final = 1 << 16
_MAX_CODE_BYTES: Final = 16 << 20


class NoSuchClass(NotFound):
    """There is no Python file where a class was looked for, or no such class in it."""

    code = "model.no_such_class"


class UnreadableClass(Exception):
    """The archive is damaged, hostile, or larger than it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What an archive holds.

    Args:
        module: name of the Python file, without its ending.
        name: of the class.
        n_files: how many files.
        n_bytes: of them all.
    """

    module: str
    name: str
    n_files: int
    n_bytes: int


def packed_of(path: Path) -> Packed | None:
    """What an archive of a class holds; None for another file.   Raises: UnreadableClass."""
    try:
        with zipfile.ZipFile(path) as archive:
            if ENTRY not in archive.namelist():
                return None
            return _packed(archive)
    except UnreadableClass:
        raise
    except (zipfile.BadZipFile, OSError):
        return None
    except _BROKEN as error:
        raise UnreadableClass(str(error) or type(error).__name__) from error


def imports_of(path: Path) -> tuple[str, ...]:
    """The modules outside the archive that its code names, top names only, sorted.

    Raises: UnreadableClass.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _packed(archive)
            parts = [p for p in archive.infolist() if p.filename.endswith(".py")]
            own = {_top(p.filename.removeprefix(FILES)) for p in parts}
            found: set[str] = set()
            for part in parts:
                if part.file_size <= _MAX_CODE_BYTES:
                    found.update(imported_by(archive.read(part)))
    except _BROKEN as error:
        raise UnreadableClass(str(error) or type(error).__name__) from error
    return tuple(sorted(found - own - sys.stdlib_module_names))


def unpack_class(path: Path, folder: Path, *, limit: int) -> Packed:
    """Write the files of an archive into an empty folder.

    Args: limit: bytes that all of them may have.
    Raises: UnreadableClass; OSError where the disk is full.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = _packed(archive)
            if found.n_bytes > limit:
                raise UnreadableClass(f"it unpacks to more than {limit:,} bytes")
            for part in archive.infolist():
                if part.filename != ENTRY:
                    _write(archive, part, folder / part.filename.removeprefix(FILES))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableClass(str(error) or type(error).__name__) from error
    return found


_BROKEN: Final = (*BROKEN, TypeError)


def is_safe(name: str) -> bool:
    """Whether a path stays in its folder, on every system."""
    parts = PurePosixPath(name).parts
    plain = name.isprintable() and "\\" not in name and ":" not in name and len(name) <= 240
    return plain and bool(parts) and ".." not in parts and not name.startswith("/")


def _packed(archive: zipfile.ZipFile) -> Packed:
    parts = archive.infolist()
    names = [part.filename for part in parts]
    if len(parts) > MAX_FILES + 1 or len(set(names)) != len(names):
        raise UnreadableClass("it has too many files, or one of them twice")
    for part in parts:
        inside = part.filename.removeprefix(FILES)
        if part.filename != ENTRY and (inside == part.filename or not is_safe(inside)):
            raise UnreadableClass(f"it has a file {part.filename!r}, which no archive of ours has")
        if part.file_size > MAX_FILE_BYTES or part.is_dir():
            raise UnreadableClass(f"its file {part.filename!r} is no file, or too large")
    if archive.getinfo(ENTRY).file_size > _MAX_ENTRY_BYTES:
        raise UnreadableClass(f"its {ENTRY} is far too large")
    entry: Any = json.loads(archive.read(ENTRY))
    module, name = entry["module"], entry["class"]
    known = isinstance(module, str) and isinstance(name, str) and entry["schema"] == 1
    if not known or not module.isidentifier() or not name.isidentifier():
        raise UnreadableClass("it names no class that this seatrial can load")
    if f"{FILES}{module}.py" not in names:
        raise UnreadableClass(f"it has no file {module}.py")
    sizes = sum(part.file_size for part in parts if part.filename != ENTRY)
    return Packed(module=module, name=name, n_files=len(parts) - 1, n_bytes=sizes)


def _write(archive: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> None:
    """One file, no longer than it says; the bytes are counted, not believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = part.file_size
    with archive.open(part) as source, path.open("xb") as file:
        while chunk := source.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                raise UnreadableClass(f"its file {part.filename!r} is longer than it says")
            file.write(chunk)


def _top(name: str) -> str:
    first, slash, _ = name.partition("/")
    return first if slash else first.removesuffix(".py")


def imported_by(code: bytes) -> Iterator[str]:
    """The top names of the modules that a Python file imports."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # of another Python, perhaps, and never imported; if it is, that says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
