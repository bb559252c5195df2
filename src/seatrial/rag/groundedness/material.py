"""Passages prepared for checks: their sentences, terms, numbers and dates, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from seatrial.rag.groundedness.numbers import Date, Number, dates, numbers
from seatrial.rag.groundedness.terms import plain, terms
from seatrial.rag.text.document import Span
from seatrial.rag.text.sentences import sentences

MAX_SENTENCE = 800
"""Characters; what is longer (a table, a list, a page without a full stop) is judged in pieces."""
_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of a passage, or a piece of one that is too long."""

    passage: int
    span: Span
    terms: tuple[str, ...]


class Material:
    """Passages that sentences are checked against. Immutable; costs grow linearly with its text.

    Args:
        passages: their texts; offsets of evidence count their characters.
        about: titles and headings: what they name is known, but they support nothing alone.
    """

    def __init__(self, passages: Sequence[str], about: Sequence[str] = ()) -> None:
        self.passages = tuple(passages)
        self.about = frozenset(term.text for text in about for term in terms(text))
        self.pieces: list[Piece] = []
        self.postings: dict[str, list[int]] = {}
        for index, passage in enumerate(self.passages):
            for span in sentences(passage):
                for part in _parts(passage, span):
                    self._add(index, part)

    def _add(self, passage: int, span: Span) -> None:
        found = tuple(term.text for term in terms(self.passages[passage][span.start : span.end]))
        number = len(self.pieces)
        self.pieces.append(Piece(passage, span, found))
        for term in set(found):
            held = self.postings.get(term)
            if held is None:
                self.postings[term] = [number]
            else:
                held.append(number)

    def text(self, piece: int) -> str:
        """The characters of a piece."""
        found = self.pieces[piece]
        return self.passages[found.passage][found.span.start : found.span.end]

    def holds(self, text: str) -> bool:
        """Whether a passage has exactly this in it."""
        return any(text in passage for passage in self.passages)

    @cached_property
    def by_prefix(self) -> dict[str, list[str]]:
        """Words of the passages by their first four letters."""
        found: dict[str, list[str]] = defaultdict(list)
        for term in self.postings:
            if len(term) >= _PREFIX and term.isalpha():
                found[term[:_PREFIX]].append(term)
        return found

    @cached_property
    def bigrams(self) -> list[frozenset[tuple[str, str]]]:
        """Neighbouring terms of each piece."""
        return [frozenset(pairwise(piece.terms)) for piece in self.pieces]

    @cached_property
    def dates(self) -> list[Date]:
        """Of all passages; their offsets are of no use."""
        return [date for found in self._dates for date in found]

    @cached_property
    def numbers(self) -> list[Number]:
        """Of all passages, those of dates left out; their offsets are of no use."""
        pairs = zip(self.passages, self._dates, strict=True)
        return [number for passage, found in pairs for number in numbers(passage, found)]

    @cached_property
    def _dates(self) -> list[list[Date]]:
        return [dates(passage) for passage in self.passages]

    @cached_property
    def verbatim(self) -> dict[str, int]:
        """Every piece by its bare text, and where it stands."""
        return {bare(self.text(i)): i for i in reversed(range(len(self.pieces)))}


def bare(text: str) -> str:
    """A sentence without white space at its ends or in a row, and without its last mark."""
    return " ".join(plain(text).split()).rstrip(".。!！ ")


def _parts(passage: str, span: Span) -> list[Span]:
    """A span cut at white space, or anywhere where there is none, into spans short enough."""
    parts: list[Span] = []
    start, end = span
    while end - start > MAX_SENTENCE:
        cut = passage.rfind(" ", start + MAX_SENTENCE // 2, start + MAX_SENTENCE)
        if cut < 0:
            cut = start + MAX_SENTENCE
        parts.append(Span(start, cut))
        start = cut + 1 if passage[cut : cut + 1] == " " else cut
    if end > start:
        parts.append(Span(start, end))
    return parts
