"""The best of many scores, and products that are the same wherever a vector lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.passage import NO_HITS, Hits

_BLOCK = 64


def best(keys: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Hits:
    """The k highest scores, the best first, equal ones by rising key.

    Args:
        keys: (n,), unique.
        scores: (n,), none NaN.
        k: >= 0.
    """
    at = among_best(scores, k)
    order = np.lexsort((keys[at], -scores[at]))[: max(k, 0)]
    chosen = at[order]
    return Hits(keys[chosen].astype(np.int64), scores[chosen]) if len(chosen) else NO_HITS


def among_best(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Places of all scores that are not below the k-th highest.

    The k-th highest of the maxima of blocks is never above the k-th highest score, so most scores
    fall at one comparison.
    """
    if k <= 0:
        return np.empty(0, np.intp)
    n_blocks = len(scores) // _BLOCK
    if n_blocks > k:
        # a block is a column: ten times as fast as maxima of rows
        maxima = scores[: n_blocks * _BLOCK].reshape(_BLOCK, n_blocks).max(axis=0)
        floor = np.partition(maxima, n_blocks - k)[n_blocks - k]
        at: NDArray[np.intp] = np.flatnonzero(scores >= floor)
    else:
        at = np.arange(len(scores))
    held = scores[at]
    if len(held) > k:
        at = at[held >= np.partition(held, len(held) - k)[len(held) - k]]
    return at


def cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products of unit vectors (n, d) with another (d,), in [-1, 1].

    Row by row: equal rows give equal bits wherever they lie, which a matrix product does not
    promise; nor does it start threads, which cost more than they bring beside other requests.
    """
    products: NDArray[np.float32] = np.vecdot(vectors, query)
    np.minimum(products, 1, out=products)
    return np.maximum(products, -1, out=products)
