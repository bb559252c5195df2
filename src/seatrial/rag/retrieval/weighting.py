"""What dense search is worth for a question, by the languages that the embedder knows.

An embedder that does not understand a text gives it a vector all the same, and a similarity that
means nothing. BM25 needs no understanding.
"""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.rag.retrieval.found import DenseUse
from seatrial.rag.text.language import script_shares

_PRESENT = 0.05
"""A language is one of an index from this share of its chunks."""


def dense_use(
    question: str,
    language: str | None,
    known: frozenset[str] | None,
    indexed: Mapping[str, float],
) -> DenseUse:
    """How far dense search may be trusted with a question.

    A question in a script of its own is told apart for certain. One in Latin letters is short, and
    its language a guess: a foreign one counts where the index holds it, or holds mostly languages
    that the embedder does not know. Cosines then still see names and shared words, so they are
    weighted down and not dropped.

    Args:
        language: of the question, ISO 639-1; None where it cannot be told.
        known: languages of the embedder; None: all.
        indexed: share of the chunks per language, ``""`` for those that cannot be told.
    """
    if known is None or language in known:
        return DenseUse.FULL
    if language and script_shares(question).get("Latin", 0.0) < 0.5:
        return DenseUse.LANGUAGE
    foreign = sum(share for name, share in indexed.items() if name and name not in known)
    if foreign > 0.5 or (language and indexed.get(language, 0.0) >= _PRESENT):
        return DenseUse.WEAK
    return DenseUse.FULL
