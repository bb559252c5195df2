"""`seatrial.yaml` as a file: what it is read as, and the environment over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seatrial.kernel.config import load
from seatrial.kernel.config_file import MAX_BYTES
from seatrial.wiring.settings import FILE, OF_AN_INDEX, Settings

_KNOWLEDGE = "knowledge"


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read a configuration file, ``seatrial.yaml`` of this folder if none is named and it exists.

    Raises: ConfigInvalid: every problem at once; NotFound: a named file is not there.
    """
    if path is None and Path(FILE).is_file():
        path = Path(FILE)
    own = {name: text for name, text in environment.items() if not name.startswith(OF_AN_INDEX)}
    return load(path, _kind(path, own), own)


def _kind(path: Path | None, environment: Mapping[str, str]) -> type[Settings]:
    """What a file is read as: a server without documents does without what describes them."""
    named = any(name.upper().startswith(f"SEATRIAL_{_KNOWLEDGE}".upper()) for name in environment)
    if path is not None and not named:
        with suppress(OSError, ValueError), path.open("rb") as file:  # `load` says what is wrong
            named = _KNOWLEDGE.encode() in file.read(MAX_BYTES)
    if not named:
        return Settings
    from seatrial.wiring.knowledge_settings import AllSettings

    return AllSettings
