"""How a question is searched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Order = Literal["best_first", "edges"]


class Mode(StrEnum):
    """Which searches take part."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Fusion(StrEnum):
    """How they are fused."""

    CONVEX = "convex"
    RECIPROCAL_RANK = "rrf"
    NATIVE = "native"  # by the store that has the vectors; convex where it has not all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSettings:
    """Settings of a retriever; where the defaults come from is told in docs/adr/0024.

    Args:
        k: passages a search gives, >= 1.
        candidates: what each search finds before fusion, >= k.
        dense_weight: share of dense search in the fusion, in [0, 1].
        foreign_weight: the same where embedder and question share a script but perhaps not the
            language.
        rrf_k: the constant of reciprocal rank fusion, >= 0.
        reranked: the best so many are given to the reranker, where there is one.
        relevance: in [0, 1], of `mmr`; 1 looks at relevance alone.
        repeats: share of words in (0, 1] from which a passage repeats a better one and is dropped;
            None keeps all.
        parents: whether a context holds the parents of what was found.
        max_context_tokens: of a context, >= 1.
        order: of a context.
        max_question_characters: longer questions are refused.
    """

    mode: Mode = Mode.HYBRID
    k: int = 10
    candidates: int = 50
    fusion: Fusion = Fusion.CONVEX
    dense_weight: float = 0.7
    foreign_weight: float = 0.5
    rrf_k: int = 60
    reranked: int = 50
    relevance: float = 1.0
    repeats: float | None = 0.9
    parents: bool = True
    max_context_tokens: int = 3000
    order: Order = "best_first"
    max_question_characters: int = 10_000
