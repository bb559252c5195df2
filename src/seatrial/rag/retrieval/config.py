"""What a configuration says of searching."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.rag.retrieval.settings import Fusion, Mode, RetrievalSettings
from seatrial.release.config import Duration

_DEFAULT = RetrievalSettings()


class RewriteConfig(ConfigModel):
    """A language model that says questions in other words, which are searched beside them."""

    model: str = Field(min_length=1, description="A model of the gateway.")
    n: int = Field(default=2, ge=1, le=8, description="Other wordings that are searched.")
    max_tokens: int = Field(
        default=500, ge=1, description="Of what the model writes, its reasoning included."
    )
    timeout: Duration = Field(
        default=5.0,
        gt=0,
        description="How long is waited for it; then the question is searched alone.",
    )


class RetrievalConfig(ConfigModel):
    """How questions are searched, and what is handed to whoever answers."""

    mode: Mode = Field(
        default=_DEFAULT.mode,
        description="`hybrid` (vectors and words), `dense` (vectors) or `lexical` (words).",
    )
    k: int = Field(default=_DEFAULT.k, ge=1, le=1000, description="Passages that a search gives.")
    candidates: int = Field(
        default=_DEFAULT.candidates,
        ge=1,
        le=10_000,
        description="What vectors and words each find before they are fused.",
    )
    fusion: Fusion = Field(
        default=_DEFAULT.fusion,
        description="`convex` (a weighted mean of scores), `rrf` (reciprocal ranks) or `native` "
        "(the search by words and vectors of the store that `vectors` names; `convex` where that "
        "cannot be asked).",
    )
    dense_weight: float = Field(
        default=_DEFAULT.dense_weight,
        ge=0,
        le=1,
        description="The share of vectors in the fusion; words have the rest.",
    )
    foreign_weight: float = Field(
        default=_DEFAULT.foreign_weight,
        ge=0,
        le=1,
        description="The same for questions in a language that the embedder may not know.",
    )
    rrf_k: int = Field(default=_DEFAULT.rrf_k, ge=0, description="The constant of `rrf`.")
    reranked: int = Field(
        default=_DEFAULT.reranked,
        ge=1,
        le=1000,
        description="How many of the best a reranker judges, where there is one.",
    )
    relevance: float = Field(
        default=_DEFAULT.relevance,
        ge=0,
        le=1,
        description="1 ranks by relevance alone; less prefers passages unlike those before them.",
    )
    repeats: float | None = Field(
        default=_DEFAULT.repeats,
        gt=0,
        le=1,
        description="Passages that share so much of their words with a better one are dropped; "
        "null keeps all.",
    )
    parents: bool = Field(
        default=_DEFAULT.parents,
        description="Whether the answer is written from the larger spans around what was found.",
    )
    max_context_tokens: int = Field(
        default=_DEFAULT.max_context_tokens,
        ge=1,
        description="Tokens of all passages that an answer is written from.",
    )
    order: Literal["best_first", "edges"] = Field(
        default=_DEFAULT.order,
        description="`best_first`, or `edges`: the weakest in the middle.",
    )
    max_question_characters: int = Field(
        default=_DEFAULT.max_question_characters,
        ge=1,
        description="Longer questions are refused.",
    )
    rewrite: RewriteConfig | None = Field(
        default=None,
        description="What says questions in other words, which are searched, too; null for "
        "nothing. Where it fails the question is searched alone, and the reply says so.",
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.candidates < self.k:
            raise ValueError(f"candidates is {self.candidates}, fewer than k, {self.k}")
        return self

    def settings(self) -> RetrievalSettings:
        """As a retriever takes them."""
        return RetrievalSettings(**self.model_dump(exclude={"rewrite"}))
