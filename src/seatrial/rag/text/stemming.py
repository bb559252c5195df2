"""Stems of English words: connected, connection and connects become the same.

Source: M. Porter, "The English (Porter2) stemming algorithm", snowballstem.org, as its own library
computes it. Another version of that may give other stems: docs/adr/0028.
"""

from __future__ import annotations

from threading import local

from Stemmer import Stemmer


class _OfThread(local):
    """A stemmer for each thread, since one serves a single thread only."""

    def __init__(self) -> None:
        self.stem = Stemmer("english", 0).stemWord


_of_thread = _OfThread()


def english_stem(word: str) -> str:
    """The stem of a normalised word (`seatrial.rag.text.words`); of words that are not English
    letters alone, numbers above all, the word."""
    return stem_of_letters(word) if word.isascii() and word.isalpha() else word


def stem_of_letters(word: str) -> str:
    """The same of a word that is of English letters alone."""
    stem: str = _of_thread.stem(word)
    return stem
