"""A Python class with the files beside it as one archive, so that a bundle holds one model file.

It is code by its nature: nothing here runs it, and it is loaded only where a person vouched for it.
The archive of the same files has the same bytes, whenever and wherever it is written.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from seatrial.kernel.errors import Invalid, LimitExceeded, NotFound
from seatrial.kernel.size import show_size
from seatrial.registry.zip_faults import BROKEN

ENTRY: Final = "seatrial-class.json"
FILES: Final = "files/"
MAX_FILES: Final = 1000
MAX_FILE_BYTES: Final = 1 << 28
"""What a model's process may write as one file: it unpacks the archive to read it."""
_MAX_ENTRY_BYTES: Final = 1 << 16
_MAX_CODE_BYTES: Final = 16 << 20
_LEFT_OUT: Final = frozenset(("__pycache__", "node_modules", "venv"))
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class ClassUnusable(Invalid):
    """What was named as a Python class, or its folder, cannot be packaged."""

    code = "model.class_unusable"


class NoSuchClass(NotFound):
    """There is no Python file where a class was looked for, or no such class in it."""

    code = "model.no_such_class"


class FolderTooLarge(LimitExceeded):
    """The folder of a model has more files, or larger ones, than are copied."""

    code = "model.folder_too_large"


class UnreadableClass(Exception):
    """The archive is damaged, hostile, or larger than it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A class as a person names it: ``folder/module.py:Class``.

    Args:
        file: of the module; the files beside it belong to the model.
        name: of the class in it.
    """

    file: Path
    name: str


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


def named_class(given: Path) -> Named | None:
    """The class that a word names, or None where it names something else."""
    text, colon, name = str(given).rpartition(":")
    return Named(file=Path(text), name=name) if colon and text.endswith(".py") else None


def pack_class(named: Named, target: Path) -> Packed:
    """Write the archive of a class and of the folder it lies in.

    Hidden files, ``__pycache__``, ``venv`` and ``node_modules`` are left out.

    Raises: NoSuchClass, ClassUnusable, FolderTooLarge.
    """
    _check(named)
    folder = named.file.parent.resolve()
    files = sorted(folder_files(folder))
    stdlib = sys.stdlib_module_names & {Path(name).stem for name in files if "/" not in name}
    shadows = sorted(one for one in stdlib if f"{one}.py" in files)
    if shadows:
        raise ClassUnusable(
            f"{shadows[0]}.py beside {named.file.name} has the name of a module of Python itself.",
            remedy="Rename it: what else imports that module would get yours.",
        )
    entry = {"schema": 1, "module": named.file.stem, "class": named.name}
    n_bytes = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_part(ENTRY), json.dumps(entry, sort_keys=True))
        for name in files:
            n_bytes += _add(archive, folder, name)
    return Packed(module=named.file.stem, name=named.name, n_files=len(files), n_bytes=n_bytes)


def folder_files(folder: Path) -> Iterator[str]:
    """The files of a model's folder that are copied, as relative paths.

    Raises: ClassUnusable, FolderTooLarge.
    """
    n = 0
    for where, folders, names in os.walk(folder):
        kept = [f for f in folders if not f.startswith(".") and f not in _LEFT_OUT]
        folders[:] = [f for f in kept if not (Path(where) / f / "pyvenv.cfg").exists()]
        linked = [f for f in folders if (Path(where) / f).is_symlink()]
        for name in [*linked, *(n for n in names if not n.startswith("."))]:
            path = Path(where) / name
            n += 1
            _check_file(folder, path)
            if n > MAX_FILES:
                raise FolderTooLarge(
                    f"The folder {str(folder)!r} has more than {MAX_FILES} files.",
                    remedy="Put the module and only the files it reads into a folder of their own.",
                    limit=MAX_FILES,
                )
            yield path.relative_to(folder).as_posix()


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
                    found.update(_imported(archive.read(part)))
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


def _check(named: Named) -> None:
    if not named.file.is_file():
        raise NoSuchClass(
            f"There is no file {str(named.file)!r}.",
            remedy="Give the path of the Python file, and the class in it, as module.py:Class.",
        )
    if not named.name.isidentifier() or not named.file.stem.isidentifier():
        raise ClassUnusable(
            f"{named.file.name}:{named.name} names no module and class of Python.",
            remedy="Give the path of the Python file, and the class in it, as module.py:Class.",
        )
    try:
        tree = ast.parse(named.file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ClassUnusable(
            f"{named.file.name} is no Python that can be read: {str(error)[:200]}.",
            remedy="Run it with Python once, and mend what that says.",
        ) from error
    if named.name not in set(_defined(tree)):
        classes = ", ".join(n.name for n in tree.body if isinstance(n, ast.ClassDef))
        raise NoSuchClass(
            f"{named.file.name} has no class {named.name!r}.",
            remedy=f"Name one it has: {classes}." if classes else "Name a file with a class.",
        )


def _defined(tree: ast.Module) -> Iterator[str]:
    """Every name at the top of a module that could be a class, and those inside its blocks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _check_file(folder: Path, path: Path) -> None:
    """Refuse what is no plain file of the folder.   Raises: ClassUnusable, FolderTooLarge."""
    shown = path.relative_to(folder).as_posix()
    real = path.resolve()
    if not real.is_relative_to(folder):
        raise ClassUnusable(
            f"{shown!r} in the folder of the model is a link that leads out of it.",
            remedy="Put the file itself there, or move the link elsewhere.",
        )
    mode = path.stat().st_mode if path.exists() else 0
    if not stat.S_ISREG(mode) or not _is_safe(shown):
        raise ClassUnusable(
            f"{shown!r} in the folder of the model is no plain file that can be copied.",
            remedy="Remove it, or put the module and the files it reads into a folder of their "
            "own: no linked folders, no pipes, no backslashes and control characters in names.",
        )
    if path.stat().st_size > MAX_FILE_BYTES:
        raise FolderTooLarge(
            f"{shown!r} in the folder of the model has more than {show_size(MAX_FILE_BYTES)}.",
            remedy="Split it, or save the model in a format of its own that seatrial reads.",
            limit=MAX_FILE_BYTES,
        )


def _is_safe(name: str) -> bool:
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
        if part.filename != ENTRY and (inside == part.filename or not _is_safe(inside)):
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


def _part(name: str) -> zipfile.ZipInfo:
    part = zipfile.ZipInfo(name, _EPOCH)
    part.compress_type = zipfile.ZIP_DEFLATED
    part.external_attr = (stat.S_IFREG | 0o644) << 16
    part.create_system = 3
    return part


def _add(archive: zipfile.ZipFile, folder: Path, name: str) -> int:
    """Copy a file into the archive; returns its size.   Raises: ClassUnusable."""
    try:
        with (folder / name).open("rb") as source, archive.open(_part(FILES + name), "w") as to:
            shutil.copyfileobj(source, to, 1 << 20)
            return source.tell()
    except PermissionError as error:
        raise ClassUnusable(
            f"{name!r} in the folder of the model cannot be read: {error.strerror}.",
            remedy="Make it readable for you, or put it elsewhere.",
        ) from error


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


def _imported(code: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # of another Python, perhaps, and never imported; if it is, that says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
