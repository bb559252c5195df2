"""What dense search is worth for a question and a chunk, by what languages the embedder knows.

An embedder that does not understand a text gives it a vector all the same, and a similarity that
means nothing. BM25 needs no understanding. So the language decides, of the question and of each
chunk, how much a cosine may say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seatrial.rag.retrieval.found import DenseUse

_LETTER = re.compile(r"[^\W\d_]")
_LAST_LATIN = "ɏ"  # the end of Latin Extended-B
_PRESENT = 0.05
"""A language is one of an index from this share of its chunks."""


def understood(known: frozenset[str] | None, language: str | None) -> bool:
    """Whether an embedder that knows these languages (None: all) understands a text in one; a
    text whose language cannot be told counts as understood."""
    return known is None or not language or language in known


def dense_use(
    question: str,
    language: str | None,
    known: frozenset[str] | None,
    indexed: Mapping[str, float],
) -> DenseUse:
    """How far dense search may be trusted with a question.

    A question in a script of its own is told apart for certain. One in Latin letters is short, and
    its language a guess: that counts where the index holds the language, too, and then cosines
    still see names and shared words, so they are weighted down and not dropped.

    Args:
        language: of the question, ISO 639-1.
        known: languages of the embedder.
        indexed: share of the chunks per language.
    """
    if understood(known, language):
        return DenseUse.FULL
    if not _latin(question):
        return DenseUse.LANGUAGE
    return DenseUse.WEAK if indexed.get(language or "", 0.0) >= _PRESENT else DenseUse.FULL


def _latin(text: str) -> bool:
    letters = _LETTER.findall(text)
    n_latin = sum(letter <= _LAST_LATIN for letter in letters)
    return n_latin * 2 > len(letters)
