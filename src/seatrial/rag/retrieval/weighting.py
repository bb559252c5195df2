"""What dense search is worth for a question, by the languages that the embedder knows.

An embedder that does not understand a text gives it a vector all the same, and a similarity that
means nothing. BM25 needs no understanding.
"""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.rag.retrieval.found import DenseUse
from seatrial.rag.text.language import language_of, script_shares
from seatrial.rag.text.language_words import LATIN_WORDS

_PRESENT = 0.05
"""A language is one of an index from this share of its chunks."""


def language_asked(question: str, indexed: Mapping[str, float]) -> str | None:
    """The language of a question, ISO 639-1, as far as it and the index tell.

    Questions are short: "Autophagy declines in aged organisms" looks Slovenian. One in Latin
    letters that seems to be in a language which the index does not hold, or in none, is taken for
    one in the language that the index mostly holds, where that has Latin letters, too.

    Args:
        indexed: share of the chunks per language, ``""`` for those that cannot be told.
    """
    present = {name for name, share in indexed.items() if name and share >= _PRESENT}
    main = max(filter(None, indexed), key=indexed.__getitem__, default=None)
    may_be_main = main in LATIN_WORDS and script_shares(question).get("Latin", 0.0) > 0.5
    if may_be_main and present <= {main}:  # whatever it seems to be in
        return main
    told = language_of(question)
    return told if told in present or not may_be_main else main


def dense_use(language: str | None, known: frozenset[str] | None) -> DenseUse:
    """How far dense search may be trusted with a question.

    In a foreign language of Latin letters an embedder still sees names and shared words, so its
    cosines are weighted down; in a foreign script they are dropped.

    Args:
        language: of the question; None where it cannot be told.
        known: languages of the embedder; None: all.
    """
    if known is None or language is None or language in known:
        return DenseUse.FULL
    return DenseUse.WEAK if language in LATIN_WORDS else DenseUse.LANGUAGE
