"""Where built graphs are kept: made once for each model, builder and runtime.

A file is its graph behind a mark and the graph's SHA-256. One that is damaged is made again; where
nothing can be written the graph is made for this process alone.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_MARK = b"seatrial encoder\n"
_DIGEST_BYTES = 32


def encoder_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder for what can be made again.   Source: XDG Base Directory Specification."""
    named = environment.get("XDG_CACHE_HOME", "")
    cache = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    return cache / "seatrial" / "encoders"


def kept_graph(folder: Path, name: str, build: Callable[[], bytes]) -> bytes:
    """The graph of a name, built where it is not there whole.

    Processes that build at once write the same.

    Args:
        name: of the file, which tells all that decides the graph.
    """
    path = folder / name
    found = _read(path)
    if found is None:
        found = build()
        with suppress(OSError):
            _write(path, found)
    return found


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(_MARK) + _DIGEST_BYTES
    graph = content[start:]
    whole = content[:start] == _MARK + hashlib.sha256(graph).digest()
    return graph if whole else None


def _write(path: Path, graph: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".building-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MARK + hashlib.sha256(graph).digest())
            file.write(graph)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
