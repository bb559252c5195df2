"""The section ``knowledge`` of `seatrial.yaml`; `rag_config.yaml` is one index by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seatrial.gateway.routes.config import GatewayConfig
from seatrial.kernel.config import ConfigModel
from seatrial.rag.answering.config import AnsweringConfig
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.embedding.config import EmbeddingConfig
from seatrial.rag.loading.config import LoadingConfig
from seatrial.rag.retrieval.config import RetrievalConfig
from seatrial.release.answer_gates import (
    AnswerGateConfig,
    AnswerReleaseConfig,
    AnswersAgainstStableConfig,
)

IndexName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class VectorsConfig(ConfigModel):
    """Where vectors are searched. The index keeps them in every case: a store elsewhere has a copy,
    and a version whose copy is not whole is searched in its own."""

    kind: Literal["embedded", "qdrant", "chroma", "pgvector", "weaviate", "pinecone"] = Field(
        default="embedded", description="The store; embedded is the index itself."
    )
    url: str = Field(
        default="",
        description="Its address: http://host:6333, postgresql://user@host/database, the host of "
        "an index of Pinecone.",
    )
    collection: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]{0,50}$",
        description="Its collection, table or namespace; seatrial_NAME if not said.",
    )
    api_key_env: str | None = Field(
        default=None, description="The environment variable that holds its key."
    )
    grpc_port: int = Field(
        default=50051, ge=1, le=65535, description="Of Weaviate, on the same host."
    )


def _careful() -> AnswerReleaseConfig:
    """Costs are the model's, which all versions share."""
    gates = AnswerGateConfig(against_stable=AnswersAgainstStableConfig(cost_ratio=None))
    return AnswerReleaseConfig(gates=gates)


class KnowledgeConfig(ConfigModel):
    """One index: what is in it, and how it is searched and asked."""

    documents: LoadingConfig = Field(description="What is loaded, and who may read it.")
    chunking: ChunkingConfig = Field(
        default_factory=ChunkingConfig, description="How documents are cut into chunks."
    )
    embedding: EmbeddingConfig = Field(
        default_factory=EmbeddingConfig, description="What makes the vectors."
    )
    vectors: VectorsConfig = Field(
        default_factory=VectorsConfig, description="Where vectors are searched."
    )
    retrieval: RetrievalConfig = Field(
        default_factory=RetrievalConfig, description="How questions are searched."
    )
    answering: AnsweringConfig = Field(
        default_factory=AnsweringConfig, description="Who answers, and what is passed on of it."
    )
    release: AnswerReleaseConfig = Field(
        default_factory=_careful,
        description="How versions are released with `seatrial rag release`.",
    )
    questions: str = Field(
        default="",
        description="A set of questions, relative to this file, that a version is tested with "
        "before it is released.",
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
