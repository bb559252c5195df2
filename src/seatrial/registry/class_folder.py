"""Packing a Python class, as a person names it, with the files beside it: see `class_file`.

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.kernel.errors import Invalid, LimitExceeded
from seatrial.kernel.size import show_size
from seatrial.registry.class_file import (
    ENTRY,
    FILES,
    MAX_FILE_BYTES,
    MAX_FILES,
    NoSuchClass,
    Packed,
    is_safe,
)

_LEFT_OUT: Final = frozenset(("__pycache__", "node_modules", "venv"))
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class ClassUnusable(Invalid):
    """What was named as a Python class, or its folder, cannot be packaged."""

    code = "model.class_unusable"


class FolderTooLarge(LimitExceeded):
    """The folder of a model has more files, or larger ones, than are copied."""

    code = "model.folder_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A class as a person names it: ``folder/module.py:Class``.

    Args:
        file: of the module; the files beside it belong to the model.
        name: of the class in it.
    """

    file: Path
    name: str


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
            n_bytes += add_file(archive, folder, name, under=FILES)
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
    if not stat.S_ISREG(mode) or not is_safe(shown):
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


def _part(name: str) -> zipfile.ZipInfo:
    part = zipfile.ZipInfo(name, _EPOCH)
    part.compress_type = zipfile.ZIP_DEFLATED
    part.external_attr = (stat.S_IFREG | 0o644) << 16
    part.create_system = 3
    return part


def add_file(archive: zipfile.ZipFile, folder: Path, name: str, *, under: str = "") -> int:
    """Copy a file of a folder into an archive, the same bytes whenever; returns its size.

    Args: under: what its name begins with there.   Raises: ClassUnusable.
    """
    try:
        with (folder / name).open("rb") as source, archive.open(_part(under + name), "w") as to:
            shutil.copyfileobj(source, to, 1 << 20)
            return source.tell()
    except PermissionError as error:
        raise ClassUnusable(
            f"{name!r} in the folder of the model cannot be read: {error.strerror}.",
            remedy="Make it readable for you, or put it elsewhere.",
        ) from error
