"""PyTorch's files: which of its three kinds an archive is, and what loading it would run.

``torch.save`` keeps a pickle, judged like any other. TorchScript is a program for PyTorch's own
interpreter, which reaches files through a few operators. ``torch.export.save`` keeps expressions
that PyTorch evaluates as Python when it loads them, so no look from outside can vouch for it.
"""

from __future__ import annotations

import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from seatrial.registry.pickle_trace import Trace, Untraceable, trace
from seatrial.registry.zip_faults import BROKEN

_MAX_CODE_BYTES: Final = 64 << 20
_REACHES_OUT: Final = re.compile(rb"\b(save|from_file|load_tensor|debugprims)\b")
"""Operators of TorchScript that read or write a file they name.
Source: ``torch._C._jit_get_all_schemas()`` of 2.13, arguments that are file names."""
_ANY_NAME: Final = re.compile(rb"\bgetattr\b(?!\([\w.]+, \"\w+\"\))")
"""A way to a name that is not spelled out; PyTorch itself writes ``getattr(self, \"0\")``."""


class TorchKind(StrEnum):
    """The kinds of archive."""

    SAVED = "saved"
    """``torch.save``: a whole module, or a state dict."""
    SCRIPT = "script"
    """``torch.jit.save``."""
    EXPORT = "export"
    """``torch.export.save``, .pt2."""


class UnreadableTorch(Exception):
    """The archive is damaged, or larger than it may be."""


def kind_of(path: Path) -> TorchKind | None:
    """The kind of a zip archive by the names in it; None where PyTorch did not write it."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return None
    if "archive_format" in inside and any(n.startswith("models/") for n in inside):
        return TorchKind.EXPORT
    if "constants.pkl" in inside and any(n.startswith("code/") for n in inside):
        return TorchKind.SCRIPT
    return TorchKind.SAVED if "data.pkl" in inside and "version" in inside else None


def pickle_of(file: Path | IO[bytes], *, limit: int) -> Trace:
    """What the pickle of a ``torch.save`` would import.

    Args:
        file: its path, or itself.
        limit: bytes that all of the archive may unpack to.
    Raises: UnreadableTorch.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_size(archive, limit)
            with archive.open(_only(archive, "data.pkl")) as stream:
                return trace(cast("BinaryIO", stream), references=True)
    except (Untraceable, *BROKEN) as error:
        raise UnreadableTorch(str(error) or type(error).__name__) from error


def reaches_out(path: Path, *, limit: int) -> tuple[str, ...]:
    """Words in the code of a TorchScript file by which it would read or write files; sorted.

    Args: limit: bytes that all of the archive may unpack to.
    Raises: UnreadableTorch.
    """
    found: set[str] = set()
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive, limit)
            for part in archive.infolist():
                if part.filename.partition("/")[2].startswith("code/") and part.filename.endswith(
                    ".py"
                ):
                    if part.file_size > _MAX_CODE_BYTES:
                        raise UnreadableTorch(f"its code has more than {_MAX_CODE_BYTES:,} bytes")
                    code = archive.read(part)
                    found |= {w.decode() for w in _REACHES_OUT.findall(code)}
                    found |= {"getattr"} if _ANY_NAME.search(code) else set()
    except BROKEN as error:
        raise UnreadableTorch(str(error) or type(error).__name__) from error
    return tuple(sorted(found))


def _check_size(archive: zipfile.ZipFile, limit: int) -> None:
    if sum(part.file_size for part in archive.infolist()) > limit:
        raise UnreadableTorch(f"it unpacks to more than {limit:,} bytes")


def _only(archive: zipfile.ZipFile, name: str) -> str:
    """The one entry of a name, in the archive's one folder: of two, readers may differ."""
    found = [one for one in archive.namelist() if one.partition("/")[2] == name]
    if len(found) != 1:
        raise UnreadableTorch(f"it has {len(found)} entries {name}")
    return found[0]
