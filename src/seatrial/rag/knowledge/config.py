"""The section ``knowledge`` of `seatrial.yaml`; `rag_config.yaml` is one index by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from seatrial.gateway.routes.config import GatewayConfig
from seatrial.kernel.config import ConfigModel
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.loading.config import LoadingConfig
from seatrial.rag.retrieval.config import RetrievalConfig

IndexName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class KnowledgeConfig(ConfigModel):
    """One index: what is in it, and how it is searched and asked."""

    documents: LoadingConfig = Field(description="What is loaded, and who may read it.")
    chunking: ChunkingConfig = Field(
        default_factory=ChunkingConfig, description="How documents are cut into chunks."
    )
    retrieval: RetrievalConfig = Field(
        default_factory=RetrievalConfig, description="How questions are searched."
    )
    keep_versions: int = Field(
        default=3, ge=1, le=1000, description="Versions that are kept for rollback."
    )


class KnowledgeFile(KnowledgeConfig):
    """The file `rag_config.yaml`."""

    name: IndexName = Field(default="documents", description="The name of the index.")
    gateway: GatewayConfig = Field(
        default_factory=GatewayConfig,
        description="Language models and hosted embedders, as in seatrial.yaml.",
    )
