"""skops files, which MLflow writes by default: what they hold, without building any of it.

A skops file is a zip archive of arrays, and of a schema that names the type of every object. It
runs no code by itself; which types are built is judged by the list that pickles are judged by.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from seatrial.registry.allowed import Import

MAGIC: Final = b"PK\x03\x04"

_SCHEMA: Final = "schema.json"
_MAX_SCHEMA_BYTES: Final = 256 << 20
_FUNCTION: Final = "FunctionNode"


class UnreadableSkops(Exception):
    """The archive or its schema is damaged, or larger than it may be."""


def is_skops(path: Path) -> bool:
    """Whether a zip archive has a schema as skops writes it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _SCHEMA in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def types_of(path: Path, *, limit: int) -> tuple[Import, ...]:
    """Every type and function that a file names, sorted.

    Args: limit: bytes that all of it may unpack to.
    Raises: UnreadableSkops.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > limit:
                raise UnreadableSkops(f"it unpacks to more than {limit:,} bytes")
            schema = archive.getinfo(_SCHEMA)
            if schema.file_size > _MAX_SCHEMA_BYTES:
                raise UnreadableSkops(f"its schema has more than {_MAX_SCHEMA_BYTES:,} bytes")
            with archive.open(schema) as file:
                tree = json.loads(file.read(_MAX_SCHEMA_BYTES + 1))
        return tuple(sorted(set(_named(tree))))
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, RecursionError, EOFError) as bad:
        raise UnreadableSkops(str(bad) or type(bad).__name__) from bad
    except NotImplementedError as packed:  # a compression that zipfile does not know
        raise UnreadableSkops(str(packed)) from packed


def _named(tree: Any) -> Iterator[Import]:
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
            if "__class__" in node:
                yield Import(str(node.get("__module__", "")), str(node["__class__"]))
            if node.get("__loader__") == _FUNCTION and isinstance(node.get("content"), dict):
                named = node["content"]
                yield Import(str(named.get("module_path", "")), str(named.get("function", "")))
