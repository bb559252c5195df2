"""The whole of `seatrial.yaml` with its documents; and `rag_config.yaml`, read as such a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from seatrial.kernel.config import load
from seatrial.kernel.config_file import MAX_BYTES, parse
from seatrial.kernel.errors import SeatrialError
from seatrial.rag.knowledge.config import IndexName, KnowledgeConfig, KnowledgeFile
from seatrial.wiring.settings import OF_AN_INDEX, Settings
from seatrial.wiring.workspace import Workspace, home_folder, open_workspace


class AllSettings(Settings):
    """The file, the environment over it, defaults under it."""

    knowledge: dict[IndexName, KnowledgeConfig] = Field(
        default_factory=dict, description="Documents that can be asked, by the name of the index."
    )


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


def read_knowledge_file(path: Path, environment: Mapping[str, str] = os.environ) -> AllSettings:
    """`rag_config.yaml`: one index, and the gateway it uses.

    Raises: ConfigMissing, ConfigUnreadable, ConfigInvalid.
    """
    file = load(path, KnowledgeFile, environment, prefix=OF_AN_INDEX)
    own = {name: getattr(file, name) for name in KnowledgeConfig.model_fields}
    return AllSettings(
        gateway=file.gateway, knowledge={file.name: KnowledgeConfig.model_construct(**own)}
    )
