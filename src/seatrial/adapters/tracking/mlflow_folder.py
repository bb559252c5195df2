"""Folders as MLflow's tracking and registry: it opens one only for whoever says so in a variable.

MLflow develops its folders no further, and refuses them by default; they go on working, and people
have theirs. Whoever named a folder to us has said so.
"""

from __future__ import annotations

import os
from pathlib import Path

_ALLOWED = "MLFLOW_ALLOW_FILE_STORE"


def opened_as(uri: str) -> str:
    """The address by which MLflow opens what a person named; a folder is allowed, and absolute.

    Args: uri: a URL, ``file:///FOLDER``, or a path.
    """
    if not is_folder(uri):
        return uri
    os.environ.setdefault(_ALLOWED, "true")
    return uri if uri.startswith("file:/") else str(Path(uri).resolve())


def is_folder(uri: str) -> bool:
    """Whether an address is that of a folder.   Args: as `opened_as`."""
    scheme, separator, _ = uri.partition(":/")
    return not separator or scheme == "file"
