"""How well texts match words, by BM25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import Postings, hashes_of

_K1 = 1.2
_B = 0.75


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

    def scores(self, words: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Per part the scores (n,) of its rows, those that do not count included; None: all 0."""
        asked = Counter(words)
        hashes = hashes_of(asked)
        places = [part.postings.places(hashes) for part in self._parts]
        n = sum(map(self._occurring, self._parts, places), np.zeros(len(asked), np.int64))
        idf = np.log1p((self._n - n + 0.5) / (n + 0.5))
        weights = (idf * list(asked.values()) * (_K1 + 1)).astype(np.float32)
        return [
            self._scored(part.postings, norms, here, weights)
            for part, norms, here in zip(self._parts, self._norms, places, strict=True)
        ]

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Of each of these words (n,)."""
        hashes = hashes_of(words)
        places = [part.postings.places(hashes) for part in self._parts]
        n = sum(map(self._occurring, self._parts, places), np.zeros(len(words), np.int64))
        return np.asarray(np.log1p((self._n - n + 0.5) / (n + 0.5)), np.float64)

    @staticmethod
    def _occurring(part: Searched, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """In how many rows that count each word occurs."""
        alive = part.alive
        if alive is None:
            return places[:, 1] - places[:, 0]
        rows = part.postings.rows
        return np.array(
            [np.count_nonzero(alive[rows[start:end]]) for start, end in places.tolist()], np.int64
        )

    @staticmethod
    def _scored(
        postings: Postings,
        norms: NDArray[np.float32],
        places: NDArray[np.int64],
        weights: NDArray[np.float32],
    ) -> NDArray[np.float32] | None:
        slices = [slice(start, end) for start, end in places.tolist() if start < end]
        if not slices:
            return None
        rows = np.concatenate([postings.rows[here] for here in slices])
        counts = np.concatenate([postings.counts[here] for here in slices]).astype(np.float32)
        gains = counts * np.repeat(weights, places[:, 1] - places[:, 0])
        gains /= counts + norms[rows]
        return np.bincount(rows, gains, len(norms)).astype(np.float32)
