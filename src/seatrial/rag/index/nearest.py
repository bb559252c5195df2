"""The nearest of many vectors, found by their codes as all products would find them.

Rows are looked at in blocks, whose arrays stay in the processor's cache and in memory that the
process has. What each block leaves is multiplied at once, and rules out more of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.codes import CodedQuery, Codes, Products
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.ranking import among_best, best, cosines

_BLOCK = 16_384
"""Rows looked at as they lie."""

_GATHERED = 2_048
"""Rows that are gathered to be looked at."""

Rows: TypeAlias = NDArray[np.intp]


class Nearest:
    """The best k of all rows that were looked at.

    Args:
        query: float32 (d,), of unit length, as all vectors are.
        k: >= 1.
        products: of codes.
    """

    def __init__(self, query: NDArray[np.float32], k: int, products: Products) -> None:
        self._query = query
        self._k = k
        self._coded = CodedQuery(query, products)
        self._keys = [np.empty(0, np.int64)]
        self._scores = [np.empty(0, np.float32)]
        self._highest = self._scores[0]  # up to k scores
        self._least = -np.inf  # the height of the least of them, once they are k

    def look(
        self,
        vectors: NDArray[np.float32],
        codes: Codes,
        first_key: int,
        chosen: Rows | None,
    ) -> None:
        """Look at some rows, which rise; None: all.

        Args:
            vectors: (n, d); codes: theirs.
            first_key: the key of row 0.
        """
        for rows, heights in self._heights(codes, chosen):
            at = np.flatnonzero(heights >= self._least)
            if len(at) > 2 * self._k:  # the highest may rule out most of the others
                highest = among_best(heights[at], self._k)[: self._k]
                scores = self._scores_of(vectors, _places(rows, at[highest]))
                least = self._coded.height(float(scores.min()))
                at = at[heights[at] >= max(least, self._least)]
            if len(at):
                found = _places(rows, at)
                self._keys.append(found + first_key)
                self._scores.append(self._scores_of(vectors, found))
                self._rule_out(self._scores[-1])

    def hits(self) -> Hits:
        """The best, as `ranking.best` has them."""
        return best(np.concatenate(self._keys), np.concatenate(self._scores), self._k)

    def _heights(
        self, codes: Codes, chosen: Rows | None
    ) -> Iterator[tuple[slice | Rows, NDArray[np.float32]]]:
        """Blocks of rows, and how high the product of each row may be."""
        n = len(codes.scales)
        if chosen is not None and 2 * len(chosen) <= n:
            for start in range(0, len(chosen), _GATHERED):
                rows = chosen[start : start + _GATHERED]
                yield rows, self._coded.heights(codes.taken(rows))
            return
        for start in range(0, n, _BLOCK):  # faster than to gather most of them
            block = slice(start, min(start + _BLOCK, n))
            heights = self._coded.heights(codes.part(block))
            if chosen is None:
                yield block, heights
            else:
                first, last = np.searchsorted(chosen, (block.start, block.stop)).tolist()
                yield chosen[first:last], heights[chosen[first:last] - start]

    def _scores_of(self, vectors: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
        return cosines(vectors.take(rows, axis=0, mode="clip"), self._query)

    def _rule_out(self, scores: NDArray[np.float32]) -> None:
        """What is lower than the k-th highest of all scores so far."""
        highest = np.concatenate([self._highest, scores])
        n_spare = len(highest) - self._k
        if n_spare >= 0:
            highest = np.partition(highest, n_spare)[n_spare:]
            self._least = self._coded.height(float(highest[0]))
        self._highest = highest


def _places(rows: slice | Rows, at: Rows) -> Rows:
    """The rows at some places of a block."""
    return at + rows.start if isinstance(rows, slice) else rows[at]
