"""How well texts match words, by BM25."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import Postings, hashes_of

_K1 = 1.2
_B = 0.75
_KNOWN_WORDS = 1 << 13
"""So many words that were looked up are remembered."""


class _Word(NamedTuple):
    """A word that is asked for: its idf times k1 + 1, and per part where in its postings the
    occurrences begin and end."""

    weight: float
    places: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Searched:
    """Postings of which some rows count.

    Args:
        alive: bool (n,); None: all rows count.
    """

    postings: Postings
    alive: NDArray[np.bool_] | None


class Bm25:
    """BM25 over several postings as over one, of the rows that count.

    ``sum over words of idf * f * (k1 + 1) / (f + k1 * (1 - b + b * length / mean length))``,
    ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))``, with k1 = 1.2 and b = 0.75; a word that is asked
    for twice counts twice.   Source: Robertson and Zaragoza, The Probabilistic Relevance Framework:
    BM25 and Beyond, 2009, with the idf of Lucene, which is never negative.
    """

    def __init__(self, parts: Sequence[Searched]) -> None:
        self._parts = parts
        lengths = [
            part.postings.lengths if part.alive is None else part.postings.lengths[part.alive]
            for part in parts
        ]
        self._n = sum(map(len, lengths))
        mean = sum(int(one.sum()) for one in lengths) / max(self._n, 1)
        self._norms = [
            (_K1 * (1 - _B + _B * part.postings.lengths / max(mean, 1e-9))).astype(np.float32)
            for part in parts
        ]
        self._words: dict[str, _Word] = {}

    def scores(self, words: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Per part the scores (n,) of its rows, those that do not count included; None: all 0."""
        asked = self._asked(words)
        return [self._scored(number, asked) for number in range(len(self._parts))]

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Of each of these words (n,)."""
        return np.array([word.weight for word in self._asked(words)], np.float64) / (_K1 + 1)

    def _asked(self, words: Sequence[str]) -> list[_Word]:
        asked = {word: known for word in words if (known := self._words.get(word)) is not None}
        unknown = [word for word in words if word not in asked]
        if unknown:
            found = self._looked_up(unknown)
            if len(self._words) >= _KNOWN_WORDS:
                self._words.clear()
            self._words |= found
            asked |= found
        return [asked[word] for word in words]

    def _looked_up(self, words: Sequence[str]) -> dict[str, _Word]:
        sought = hashes_of(words)
        of_parts = [part.postings.places(sought) for part in self._parts]
        found = {}
        for word, *places in zip(words, *of_parts, strict=True):
            n = sum(map(_occurring, self._parts, places))
            idf = log1p((self._n - n + 0.5) / (n + 0.5))
            found[word] = _Word(idf * (_K1 + 1), places)
        return found

    def _scored(self, number: int, words: Sequence[_Word]) -> NDArray[np.float32] | None:
        """The scores of the rows of one part; None: all 0."""
        rows, counts, weights, lengths = [], [], [], []
        postings, norms = self._parts[number].postings, self._norms[number]
        for weight, places in words:
            start, end = places[number]
            if start < end:
                rows.append(postings.rows[start:end])
                counts.append(postings.counts[start:end])
                weights.append(weight)
                lengths.append(end - start)
        if not rows:
            return None
        all_rows = np.concatenate(rows, dtype=np.intp)
        gains = np.concatenate(counts, dtype=np.float32)
        below = norms.take(all_rows, mode="clip")
        below += gains
        gains *= np.array(weights, np.float32).repeat(lengths)
        gains /= below
        return np.bincount(all_rows, gains, len(norms)).astype(np.float32)


def _occurring(part: Searched, place: tuple[int, int]) -> int:
    """In how many rows that count a word occurs."""
    start, end = place
    if part.alive is None:
        return end - start
    return int(np.count_nonzero(part.alive[part.postings.rows[start:end]]))
