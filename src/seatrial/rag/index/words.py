"""The words of texts as indexes of seatrial compare them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.pieces import pieces
from seatrial.rag.index.postings import Analysis
from seatrial.rag.text.document import Document
from seatrial.rag.text.stemming import english_stem, stem_of_letters
from seatrial.rag.text.words import terms

_HAN = re.compile("[\u3400-\u9fff]")


def searched_text(document: Document, chunk: Chunk) -> str:
    """What the words of a chunk are taken from; see `titled`."""
    return titled(document.title, document.text[chunk.span.start : chunk.span.end])


def titled(title: str, text: str) -> str:
    """The title stands before each chunk, since one seldom names again what its document is
    about."""
    return f"{title}. {text}"


def _split(text: str) -> list[str]:
    return terms(text) if text.isascii() else terms(text) + _HAN.findall(text)


def _of_run(run: str) -> Sequence[str]:
    found = _KNOWN.get(run)
    return _stems(run) if found is None else found


def _stems(run: str) -> Sequence[str]:
    word = run.strip(_MARKS)
    stems = (
        (stem_of_letters(word.lower()),) if word.isalpha() else tuple(map(english_stem, terms(run)))
    )
    if len(run) <= _USUAL:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[run] = stems
    return stems


_MARKS = ".,;:?!()"
"""Around words, of which they are no part."""
_KNOWN: dict[str, Sequence[str]] = {}
_MOST_KNOWN = 1 << 14
_USUAL = 32
"""Characters of a run that is remembered."""

WORDS = Analysis("words: 2", _split, english_stem, pieces, _of_run)
"""Normalised words by their English stems, and Han characters in pairs and alone: a question may
be of one character. Its name changes when any of that does."""
