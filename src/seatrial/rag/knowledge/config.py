"""The section ``knowledge`` of `seatrial.yaml`; `rag_config.yaml` is one index by itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seatrial.gateway.routes.config import GatewayConfig
from seatrial.kernel.config import ConfigModel
from seatrial.rag.answering.config import AnsweringConfig
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.embedding.config import EmbeddingConfig
from seatrial.rag.loading.config import LoadingConfig
from seatrial.rag.retrieval.config import RetrievalConfig
from seatrial.rag.retrieval.settings import Fusion
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


class RerankerConfig(ConfigModel):
    """A cross-encoder that judges the best of what was found."""

    kind: Literal["onnx", "cohere", "tei"] = Field(
        description="A model in ONNX on this machine, or a service that speaks as Cohere, Jina and "
        "vLLM do (cohere), or as text-embeddings-inference (tei)."
    )
    path: str = Field(default="", description="Of the ONNX file; its tokenizer.json lies beside.")
    url: str = Field(default="", description="Of the service; /rerank is added.")
    model: str = Field(default="", description="Its name at the service.")
    api_key_env: str | None = Field(
        default=None, description="The environment variable that holds the service's key."
    )

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        _check_place(self.kind, self.path, self.url)
        return self


class EntailmentConfig(ConfigModel):
    """A model that judges whether passages entail a sentence, beside the signals of words."""

    kind: Literal["onnx", "tei"] = Field(
        description="A model of natural language inference in ONNX on this machine, or served by "
        "text-embeddings-inference (tei)."
    )
    path: str = Field(
        default="",
        description="Of the ONNX file; its tokenizer.json and config.json lie beside.",
    )
    url: str = Field(default="", description="Of the service; /predict is added.")
    label: str = Field(
        default="entailment", description="What the model of a service calls entailment."
    )
    api_key_env: str | None = Field(
        default=None, description="The environment variable that holds the service's key."
    )

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        _check_place(self.kind, self.path, self.url)
        return self


def _check_place(kind: str, path: str, url: str) -> None:
    if kind == "onnx" and not path:
        raise ValueError("kind onnx needs a path")
    if kind != "onnx" and not url:
        raise ValueError(f"kind {kind} needs a url")


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
    reranker: RerankerConfig | None = Field(
        default=None, description="What judges the best of what was found; null for nothing."
    )
    entailment: EntailmentConfig | None = Field(
        default=None, description="What judges support beside words; null for nothing."
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

    @model_validator(mode="after")
    def _fused_where_it_can_be(self) -> Self:
        if self.retrieval.fusion is Fusion.NATIVE and self.vectors.kind == "chroma":
            raise ValueError(
                "chroma does not rank by words, so retrieval.fusion cannot be native: set it to "
                "convex"
            )
        return self


class KnowledgeFile(KnowledgeConfig):
    """The file `rag_config.yaml`."""

    name: IndexName = Field(default="documents", description="The name of the index.")
    gateway: GatewayConfig = Field(
        default_factory=GatewayConfig,
        description="Language models and hosted embedders, as in seatrial.yaml.",
    )
