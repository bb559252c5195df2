"""The workspace of all settings with documents: of a `seatrial.yaml`, or of a `rag_config.yaml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seatrial.kernel.config_file import MAX_BYTES, parse
from seatrial.kernel.errors import SeatrialError
from seatrial.wiring.knowledge_settings import read_knowledge_file
from seatrial.wiring.workspace import Workspace, home_folder, open_workspace


def workspace_of(
    *,
    home: Path | str | None,
    config: Path | str | None,
    environment: Mapping[str, str] = os.environ,
) -> Workspace:
    """The workspace of a `seatrial.yaml`, or of a `rag_config.yaml`, whatever its name; beside the
    latter a `seatrial.yaml` of this folder is not read.

    Raises: as `open_workspace`.
    """
    file = None if config is None else Path(config)
    if file is None or not _is_one_index(file):
        return open_workspace(home=home, config=file, environment=environment)
    settings = read_knowledge_file(file, environment)
    folder = home_folder(home, environment)
    return Workspace(home=folder, settings=settings, config=file.resolve())


def _is_one_index(config: Path) -> bool:
    """Whether a file is `rag_config.yaml`; who reads it says what is wrong with it."""
    with suppress(OSError, ValueError, SeatrialError), config.open("rb") as file:
        return "documents" in parse(file.read(MAX_BYTES + 1), str(config))
    return False
