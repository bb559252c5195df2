"""The whole of `seatrial.yaml` with its documents; and `rag_config.yaml`, read as such a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from seatrial.kernel.config import load
from seatrial.rag.knowledge.config import IndexName, KnowledgeConfig, KnowledgeFile
from seatrial.wiring.settings import OF_AN_INDEX, Settings


class AllSettings(Settings):
    """The file, the environment over it, defaults under it."""

    knowledge: dict[IndexName, KnowledgeConfig] = Field(
        default_factory=dict, description="Documents that can be asked, by the name of the index."
    )


def read_knowledge_file(path: Path, environment: Mapping[str, str] = os.environ) -> AllSettings:
    """`rag_config.yaml`: one index, and the gateway it uses.

    Raises: ConfigMissing, ConfigUnreadable, ConfigInvalid.
    """
    file = load(path, KnowledgeFile, environment, prefix=OF_AN_INDEX)
    own = {name: getattr(file, name) for name in KnowledgeConfig.model_fields}
    return AllSettings(
        gateway=file.gateway, knowledge={file.name: KnowledgeConfig.model_construct(**own)}
    )
