"""What a retriever gives: passages with the scores that led to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from seatrial.rag.index.passage import Passage
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Span


class DenseUse(StrEnum):
    """What dense search was good for, for one question."""

    FULL = "full"
    NO_EMBEDDER = "no_embedder"  # the index has no vectors, or the settings ask for words only
    LANGUAGE = "language"  # the embedder does not understand the question
    WEAK = "weak"  # the embedder may not understand it: weighted down
    LAST_RESORT = "last_resort"  # it does not, but no word of the question was found


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A passage, and why it is here.

    Args:
        score: what it is ranked by, in [0, 1]; comparable within one result.
        dense: cosine with the question, or with the wording that is nearest; None where that is not
            known or means nothing.
        lexical: BM25, of the best wording; None where no word of any is in it.
        reranked: score of the reranker; None where it was not asked.
    """

    passage: Passage
    score: float
    dense: float | None = None
    lexical: float | None = None
    reranked: float | None = None


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search.

    Args:
        questions: the question as asked, and other wordings that were searched beside it.
        language: of the question, ISO 639-1; None where it cannot be told.
        found: the best first.
        dense_use: whether dense search took part, and if not, why.
        rewriting: what became of the question in other words; None where nobody was asked.
        seconds: time per stage, by name: rewrite, embed, then dense, lexical
            or search (both; native, where the store fused), fuse, read, rerank.
        index: name and version that were asked.
    """

    questions: tuple[str, ...]
    language: str | None
    found: tuple[Found, ...]
    dense_use: DenseUse
    index: str
    version: int
    rewriting: Rewriting | None = None
    seconds: Mapping[str, float] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPassage:
    """A part of the context: a passage, or the merged parents of several.

    Args:
        text: ``document.text[span.start:span.end]``.
        hits: what was found in it, the best first.
        n_tokens: its length, as the packing counted.
    """

    text: str
    span: Span
    hits: tuple[Found, ...]
    n_tokens: int

    @property
    def best(self) -> Found:
        """The best of what was found in it."""
        return self.hits[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is handed to whoever answers.

    Args:
        passages: in the order in which they are to be read.
        n_tokens: of all together; at most the budget.
        n_left_out: found passages that had no room.
    """

    passages: tuple[ContextPassage, ...]
    n_tokens: int
    n_left_out: int
