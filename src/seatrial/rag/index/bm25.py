"""How well texts match words, by BM25."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import Postings, hashes_of

_K1 = 1.2
_B = 0.75
_KNOWN_WORDS = 1 << 13
"""So many words that were looked up are remembered."""
_FEW = 1 << 20
"""Of so many occurrences what each adds is kept, and not computed for each question."""

_Occurrences: TypeAlias = tuple[NDArray[np.integer[Any]], NDArray[Any], int]
"""Of a word in a part: the rows (n,) that have it, of each what `_Part` keeps of its counts, and
how many of the rows count."""
_Word: TypeAlias = tuple[float, Sequence[_Occurrences]]
"""Of a word that is asked for its idf times k1 + 1, and where it occurs, per part."""


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
        mean = sum(int(one.sum()) for one in lengths) / max(self._n, 1)
        few = sum([len(one.postings.rows) for one in searched]) <= _FEW
        self._parts = [_Part(one, max(mean, 1e-9), ready=few) for one in searched]
        self._words: dict[str, _Word] = {}

    def scores(self, words: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Per part the scores (n,) of its rows, those that do not count included; None: all 0."""
        return self._scores(self._asked(words))

    def scores_and_idf(
        self, words: Sequence[str]
    ) -> tuple[list[NDArray[np.float32] | None], float]:
        """The same, and the idf of all different words together."""
        asked = self._asked(words)
        different = dict(zip(words, asked, strict=True)).values()
        return self._scores(asked), sum([weight for weight, _ in different]) / (_K1 + 1)

    def _scores(self, asked: Sequence[_Word]) -> list[NDArray[np.float32] | None]:
        return [
            part.scores([(weight, found[number]) for weight, found in asked])
            for number, part in enumerate(self._parts)
        ]

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Of each of these words (n,)."""
        return np.array([weight for weight, _ in self._asked(words)], np.float64) / (_K1 + 1)

    @property
    def rarest(self) -> float:
        """The idf of a word that no row has."""
        return self._idf(0)

    def _asked(self, words: Sequence[str]) -> list[_Word]:
        known = self._words  # which no thread takes anything out of
        unknown = [word for word in words if word not in known]
        if unknown:
            if len(known) >= _KNOWN_WORDS:
                known = self._words = {word: known[word] for word in words if word in known}
            hashes = hashes_of(unknown)
            of_parts = [part.occurrences(hashes) for part in self._parts]
            for word, *found in zip(unknown, *of_parts, strict=True):
                n = sum([n for _, _, n in found])
                known[word] = self._idf(n) * (_K1 + 1), found
        return [known[word] for word in words]

    def _idf(self, n: int) -> float:
        return log1p((self._n - n + 0.5) / (n + 0.5))


class _Part:
    """Postings of which some rows count.

    Args:
        mean: words of a row.
        ready: whether what each occurrence adds is computed now, and kept.
    """

    def __init__(self, searched: Searched, mean: float, *, ready: bool) -> None:
        postings = self._postings = searched.postings
        self._alive = searched.alive
        self._n_rows = len(postings.lengths)
        norms = (_K1 * (1 - _B + _B * postings.lengths / mean)).astype(np.float32)
        self._norms: NDArray[np.float32] | None = norms
        self._counts: NDArray[Any] = postings.counts
        if ready:
            self._counts = _saturated(postings.counts.astype(np.float32), norms, postings.rows)
            self._norms = None

    def occurrences(self, hashes: NDArray[np.uint64]) -> list[_Occurrences]:
        """Of each of these words."""
        rows, counts, alive = self._postings.rows, self._counts, self._alive
        places = self._postings.places(hashes)
        if alive is None:
            return [(rows[start:end], counts[start:end], end - start) for start, end in places]
        return [
            (found := rows[start:end], counts[start:end], int(np.count_nonzero(alive[found])))
            for start, end in places
        ]

    def scores(self, words: Sequence[tuple[float, _Occurrences]]) -> NDArray[np.float32] | None:
        """Of all rows (n,), by the weights and occurrences of words; None: all 0."""
        weights, lengths, rows, counts = [], [], [], []
        for weight, (some, times, _) in words:
            if n := len(some):
                weights.append(weight)
                lengths.append(n)
                rows.append(some)
                counts.append(times)
        if not rows:
            return None
        all_rows = np.concatenate(rows, dtype=np.intp)
        gains = np.concatenate(counts, dtype=np.float32)
        if self._norms is not None:
            gains = _saturated(gains, self._norms, all_rows)
        gains *= np.array(weights, np.float32).repeat(lengths)
        return np.bincount(all_rows, gains, self._n_rows).astype(np.float32)


def _saturated(
    counts: NDArray[np.float32], norms: NDArray[np.float32], rows: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """What occurrences add to the scores of their rows (n,), less the weights of their words;
    written over how many they are."""
    below = norms.take(rows, mode="clip")
    below += counts
    counts /= below
    return counts
