"""Vectors and words of one segment, all of which counts, searched in one go.

Over a few thousand chunks a question costs less in products than in the steps around them. What
both legs find is fused afterwards, which asks neither for the order of each nor for an end of each:
here no leg is sorted, vectors are gathered once for both, and whatever was looked at is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.bm25 import Bm25
from seatrial.rag.index.codes import CodedQuery, Codes, Products
from seatrial.rag.index.passage import Candidates
from seatrial.rag.index.ranking import cosines, kth_highest

MOST = 16_384
"""Chunks that are looked at in one go."""


class Whole:
    """One segment.

    Args:
        vectors: float32 (n, d), of unit length; codes: theirs.
        bm25: of its words alone.
        first_key: the key of row 0.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        codes: Codes,
        products: Products,
        bm25: Bm25,
        first_key: int,
    ) -> None:
        self._vectors, self._codes, self._products = vectors, codes, products
        self._bm25, self._first_key = bm25, first_key

    def both(self, query: NDArray[np.float32], words: Sequence[str], k: int) -> Candidates:
        """See `Index.both`.

        Args:
            query: (d,), of unit length.
            k: < n.
        """
        (scores,), sought = self._bm25.scores_and_idf(words)
        if scores is None:
            scores = np.zeros(len(self._vectors), np.float32)
        floor = np.sort(scores).item(-k)  # by vector instructions: sooner than `partition`
        rows, products = self._multiplied(query, k, scores >= floor if floor > 0 else scores > 0)
        legs = np.empty((2, len(rows)))
        legs[0] = products
        legs[1] = scores.take(rows)
        return Candidates(rows + self._first_key, legs, sought, self._bm25.rarest)

    def _multiplied(
        self, query: NDArray[np.float32], k: int, also: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows, rising, and their products: those asked for, and those that may be among the k
        highest."""
        coded = CodedQuery(query, self._products)
        about, heights = coded.bounded(self._codes, self._errors)

        def reaching(product: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
            near = heights >= coded.height(product)
            near |= also
            (rows,) = near.nonzero()
            return rows, cosines(self._vectors.take(rows, axis=0, mode="clip"), query)

        guess = coded.likely(about, k)
        rows, products = reaching(guess)
        if np.count_nonzero(products >= guess) >= k:
            return rows, products
        # too high a guess; the k-th best of what was multiplied is one that k have
        return reaching(kth_highest(products, k) if len(rows) >= k else -1.0)

    @cached_property
    def _errors(self) -> NDArray[np.float32]:
        return self._codes.errors(self._vectors)
