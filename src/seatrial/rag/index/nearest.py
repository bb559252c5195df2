"""The nearest of many vectors, found by their codes as all products would find them.

Rows are looked at in blocks, whose arrays stay in the processor's cache and in memory that the
process has. What a block leaves is multiplied at once, and rules out more of the next.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.codes import CodedQuery, Codes, Products
from seatrial.rag.index.gathering import Source, gathered
from seatrial.rag.index.passage import NO_HITS, Hits
from seatrial.rag.index.ranking import best, cosines, joined, kth_highest

_BLOCK = 16_384
"""Rows looked at as they lie."""

_GATHERED = 2_048
"""Rows that are gathered to be looked at, from several segments if need be."""

Rows: TypeAlias = NDArray[np.intp]
Vectors: TypeAlias = NDArray[np.float32]


class _Some(NamedTuple):
    """Rows of one segment that wait to be gathered."""

    vectors: Vectors
    codes: Codes
    first_key: int
    rows: Rows


class Nearest:
    """The best k of all rows that were looked at.

    Args:
        query: float32 (d,), of unit length, as all vectors are.
        k: >= 1.
        products: of codes.
    """

    def __init__(self, query: Vectors, k: int, products: Products) -> None:
        self._query = query
        self._k = k
        self._coded = CodedQuery(query, products)
        self._waiting: list[_Some] = []
        self._n_waiting = 0
        self._keys: list[NDArray[np.int64]] = []
        self._scores: list[NDArray[np.float32]] = []
        self._fresh: NDArray[np.float32] | None = None  # scores that rule nothing out yet
        self._highest = np.empty(0, np.float32)  # up to k of the others
        self._least = -np.inf  # the height of the least of them, once they are k

    def look(self, vectors: Vectors, codes: Codes, first_key: int, chosen: Rows | None) -> None:
        """Look at some rows, which rise; None: all.

        Args:
            vectors: (n, d); codes: theirs.
            first_key: the key of row 0; above those of all rows before.
        """
        n = len(codes.scales)
        if chosen is None or 2 * len(chosen) > n:  # faster than to gather most of them
            self._gather()
            for start in range(0, n, _BLOCK):
                self._look_as_they_lie(vectors, codes, first_key, chosen, start)
            return
        for start in range(0, len(chosen), _GATHERED):
            rows = chosen[start : start + _GATHERED]
            if self._n_waiting + len(rows) > _GATHERED:
                self._gather()
            self._waiting.append(_Some(vectors, codes, first_key, rows))
            self._n_waiting += len(rows)

    def hits(self) -> Hits:
        """The best, as `ranking.best` has them."""
        self._gather()
        if not self._keys:
            return NO_HITS
        return best(joined(self._keys), joined(self._scores), self._k)

    def _look_as_they_lie(
        self, vectors: Vectors, codes: Codes, first_key: int, chosen: Rows | None, start: int
    ) -> None:
        """Look at the block of rows that begins with one."""
        end = min(start + _BLOCK, len(codes.scales))
        held = codes.part(slice(start, end))
        heights = self._coded.heights(held)
        scales = held.scales
        if chosen is None:
            keys = np.arange(start + first_key, end + first_key)
        else:
            first, last = chosen.searchsorted((start, end)).tolist()
            rows = chosen[first:last]
            keys = rows + first_key
            heights, scales = heights[rows - start], scales[rows - start]
        self._keep([Source(vectors, first_key)], keys, heights, scales)

    def _gather(self) -> None:
        """Look at the rows that wait."""
        if not self._n_waiting:
            return
        waiting, n = self._waiting, self._n_waiting
        self._waiting, self._n_waiting = [], 0
        codes = Codes(np.empty((n, len(self._query)), np.int8), np.empty(n, np.float32))
        end = 0
        for some in waiting:
            start, end = end, end + len(some.rows)
            some.codes.take(some.rows, codes.part(slice(start, end)))
        keys = joined([some.rows + some.first_key for some in waiting])
        sources = [Source(some.vectors, some.first_key) for some in waiting]
        self._keep(sources, keys, self._coded.heights(codes), codes.scales)

    def _keep(
        self,
        sources: list[Source],
        keys: NDArray[np.int64],
        heights: NDArray[np.float32],
        scales: NDArray[np.float32],
    ) -> None:
        """Multiply those of a block that may be among the best.

        Args:
            keys: of its rows (n,), rising.
            heights: how high the product of each may be (n,); scales: of their codes.
        """
        if self._fresh is not None:
            self._rule_out(self._fresh)
            self._fresh = None
        if self._least > -np.inf:
            (at,) = (heights >= self._least).nonzero()
            keys, heights, scales = keys[at], heights[at], scales[at]
        guess = -np.inf
        if len(heights) > 2 * self._k:
            guess = self._coded.guess(heights, scales, self._k)
        found, scores = self._multiplied(sources, keys, heights, guess)
        if guess > -np.inf and np.count_nonzero(scores >= guess) < self._k:
            # too high a guess; the k-th best of what was multiplied is one that k have
            guess = kth_highest(scores, self._k)
            found, scores = self._multiplied(sources, keys, heights, guess)
        if len(found):
            self._keys.append(found)
            self._scores.append(scores)
            self._fresh = scores

    def _multiplied(
        self,
        sources: list[Source],
        keys: NDArray[np.int64],
        heights: NDArray[np.float32],
        product: float,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Keys and products of all rows that may have a product as high as one."""
        (at,) = (heights >= self._coded.height(product)).nonzero()
        keys = keys[at]
        return keys, cosines(gathered(sources, keys), self._query)

    def _rule_out(self, scores: NDArray[np.float32]) -> None:
        """What is lower than the k-th highest of all scores so far."""
        found = joined([self._highest, scores])
        n_spare = len(found) - self._k
        if n_spare >= 0:
            found.partition(n_spare)
            self._least = self._coded.height(found.item(n_spare))
        self._highest = found[max(n_spare, 0) :]
