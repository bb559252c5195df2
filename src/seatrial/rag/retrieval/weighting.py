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


class LanguagesHeld:
    """The languages of an index, by which that of a question is told.

    Args:
        shares: of the chunks per language, ISO 639-1; ``""`` for those that cannot be told.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._present = {name for name, share in shares.items() if name and share >= _PRESENT}
        main = max(filter(None, shares), key=shares.__getitem__, default=None)
        self._main = main if main in LATIN_WORDS else None
        self._is_one = self._present <= {main}

    def asked(self, question: str) -> str | None:
        """The language of a question, ISO 639-1, as far as it and the index tell.

        Questions are short: "Autophagy declines in aged organisms" looks Slovenian. One in Latin
        letters that seems to be in a language which the index does not hold, or in none, is taken
        for one in the language that the index mostly holds, where that has Latin letters, too.
        """
        may_be_main = self._main is not None and script_shares(question).get("Latin", 0.0) > 0.5
        if may_be_main and self._is_one:  # whatever it seems to be in
            return self._main
        told = language_of(question)
        return told if told in self._present or not may_be_main else self._main


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
