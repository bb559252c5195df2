"""Lengths in tokens.

A tokenizer may give a part of a text other tokens than it has within the whole: where a word was
cut, or everywhere, if it knows no words. Such parts are counted again, and cut again if need be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.rag.chunking.edges import bare, next_start
from seatrial.rag.chunking.ruler import Sized
from seatrial.rag.chunking.token_starts import TokenFinder, TokenStarts
from seatrial.rag.embedding.embedder import Tokenizer
from seatrial.rag.text.document import Span
from seatrial.rag.text.graphemes import grapheme_before

CHARACTERS_PER_TOKEN = 10
"""A part holds at most so many characters for each token of its limit: a tokenizer that takes a
line of a megabyte for one unknown word does not make it one chunk."""


class Tokens:
    """Lengths in tokens of an embedder. May be used from several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._name = tokenizer.name
        self._finder = TokenFinder(tokenizer)

    @property
    def name(self) -> str:
        """See `Unit`."""
        return self._name

    def ruler(self, text: str) -> TokenRuler:
        """See `Unit`."""
        return TokenRuler(text, self._finder.find(text), self._finder)


class TokenRuler:
    """Counts the tokens that begin within a part."""

    def __init__(self, text: str, tokens: TokenStarts, finder: TokenFinder) -> None:
        self._text = text
        self._starts = tokens.starts
        self._exact = tokens.exact
        self._finder = finder

    def count(self, start: int, end: int) -> int:
        """See `Ruler`."""
        return int(self._starts.searchsorted(end) - self._starts.searchsorted(start))

    def reach(self, start: int, length: int) -> int:
        """See `Ruler`."""
        furthest = min(start + length * CHARACTERS_PER_TOKEN, len(self._text))
        after = int(self._starts.searchsorted(start)) + length
        return min(int(self._starts[after]), furthest) if after < len(self._starts) else furthest

    def reach_back(self, end: int, length: int) -> int:
        """See `Ruler`."""
        furthest = max(end - length * CHARACTERS_PER_TOKEN, 0)
        first = int(self._starts.searchsorted(end)) - length
        return max(int(self._starts[first]), furthest) if first > 0 else furthest

    def sized(self, spans: Sequence[Span], most: int, /) -> list[Sized]:
        """See `Ruler`."""
        unsure = [span for span in spans if not self._exact(*span)]
        lengths = self._finder.counts([self._text[start:end] for start, end in unsure])
        again = dict(zip(unsure, lengths, strict=True))
        result: list[Sized] = []
        for span in spans:
            length = again[span] if span in again else self.count(*span)
            if length <= most:
                result.append(Sized(span, length))
            else:
                result += self._parts(span, most)
        return sorted(result) if again else result

    def _parts(self, span: Span, most: int) -> Iterator[Sized]:
        text = self._text
        start, end = span
        while start < end:
            part, starts = Span(start, end), self._finder.offsets(text[start:end])
            while len(starts) > most and part.end > start + 1:
                furthest = start + max(int(starts[most]), 1)
                cut = grapheme_before(text, furthest, start)
                cut = cut if cut > start else furthest
                part = bare(text, start, cut)
                starts = self._finder.offsets(text[part.start : part.end])
            if part.end > part.start:
                yield Sized(part, len(starts))
            start = next_start(text, max(part.end, start + 1), end)
