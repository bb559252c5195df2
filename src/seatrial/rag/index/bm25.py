"""How well texts match words, by BM25."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import Postings, hashes_of

_K1 = 1.2
_B = 0.75
_KNOWN_WORDS = 1 << 13
"""So many words that were looked up are remembered."""
_FEW = 1 << 20
"""Of so many occurrences what each adds is kept, and not computed for each question."""


class _Word(NamedTuple):
    """A word that is asked for: its idf times k1 + 1, and per part its occurrences."""

    weight: float
    occurrences: Sequence[_Occurrences]


class _Occurrences(NamedTuple):
    """Of one word in one part: the rows (n,), and of each what `_Part.counts` has."""

    rows: NDArray[np.integer[Any]]
    counts: NDArray[Any]
    n: int


@dataclass(frozen=True, slots=True)
class Searched:
    """Postings of which some rows count.

    Args:
        alive: bool (n,); None: all rows count.
    """

    postings: Postings
    alive: NDArray[np.bool_] | None

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Words of each row that counts."""
        return self.postings.lengths if self.alive is None else self.postings.lengths[self.alive]


class _Part:
    """Postings of which some rows count.

    Args: mean: words of a row.
    """

    def __init__(self, searched: Searched, mean: float) -> None:
        postings = self._postings = searched.postings
        self._alive = searched.alive
        self.n_rows = len(postings.lengths)
        norms = (_K1 * (1 - _B + _B * postings.lengths / mean)).astype(np.float32)
        self._norms: NDArray[np.float32] | None = norms
        self._counts: NDArray[Any] = postings.counts
        if len(postings.rows) <= _FEW:
            self._counts = _saturated(postings.counts.astype(np.float32), norms, postings.rows)
            self._norms = None

    def occurrences(self, hashes: NDArray[np.uint64]) -> list[_Occurrences]:
        """Of each of these words."""
        rows, counts = self._postings.rows, self._counts
        return [
            _Occurrences(rows[start:end], counts[start:end], end - start)
            for start, end in self._postings.places(hashes)
        ]

    def n_counting(self, word: _Occurrences) -> int:
        """In how many rows that count a word occurs."""
        return word.n if self._alive is None else int(np.count_nonzero(self._alive[word.rows]))

    def scores(
        self, found: Sequence[_Occurrences], weights: Sequence[float]
    ) -> NDArray[np.float32] | None:
        """Of all rows (n,), by the words (m,) that are asked for; None: all 0."""
        rows, counts, lengths = zip(*found, strict=True)
        all_rows = np.concatenate(rows, dtype=np.intp)
        if not len(all_rows):
            return None
        gains = np.concatenate(counts, dtype=np.float32)
        if self._norms is not None:
            gains = _saturated(gains, self._norms, all_rows)
        gains *= np.array(weights, np.float32).repeat(lengths)
        return np.bincount(all_rows, gains, self.n_rows).astype(np.float32)


def _saturated(
    counts: NDArray[np.float32], norms: NDArray[np.float32], rows: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """What occurrences add to the scores of their rows (n,), less the weights of their words;
    written over how many they are."""
    below = norms.take(rows, mode="clip")
    below += counts
    counts /= below
    return counts


class Bm25:
    """BM25 over several postings as over one, of the rows that count.

    ``sum over words of idf * f * (k1 + 1) / (f + k1 * (1 - b + b * length / mean length))``,
    ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))``, with k1 = 1.2 and b = 0.75; a word that is asked
    for twice counts twice.   Source: Robertson and Zaragoza, The Probabilistic Relevance Framework:
    BM25 and Beyond, 2009, with the idf of Lucene, which is never negative.
    """

    def __init__(self, searched: Sequence[Searched]) -> None:
        lengths = [one.lengths for one in searched]
        self._n = sum(map(len, lengths))
        mean = max(sum(int(one.sum()) for one in lengths) / max(self._n, 1), 1e-9)
        self._parts = [_Part(one, mean) for one in searched]
        self._words: dict[str, _Word] = {}

    def scores(self, words: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Per part the scores (n,) of its rows, those that do not count included; None: all 0.

        Args: words: one or more.
        """
        weights, found = zip(*self._asked(words), strict=True)
        return [
            part.scores(some, weights)
            for part, some in zip(self._parts, zip(*found, strict=True), strict=True)
        ]

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Of each of these words (n,)."""
        return np.array([word.weight for word in self._asked(words)], np.float64) / (_K1 + 1)

    def _asked(self, words: Sequence[str]) -> list[_Word]:
        known = self._words  # which no thread takes anything out of
        unknown = [word for word in words if word not in known]
        if unknown:
            if len(known) >= _KNOWN_WORDS:
                known = self._words = {word: known[word] for word in words if word in known}
            known |= self._looked_up(unknown)
        return [known[word] for word in words]

    def _looked_up(self, words: Sequence[str]) -> dict[str, _Word]:
        hashes = hashes_of(words)
        of_parts = zip(*[part.occurrences(hashes) for part in self._parts], strict=True)
        return {
            word: _Word(self._weight(found), found)
            for word, found in zip(words, of_parts, strict=True)
        }

    def _weight(self, found: Sequence[_Occurrences]) -> float:
        n = sum(map(_Part.n_counting, self._parts, found))
        return log1p((self._n - n + 0.5) / (n + 0.5)) * (_K1 + 1)
