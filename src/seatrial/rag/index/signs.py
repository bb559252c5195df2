"""Vectors as the signs of their coordinates: a first look at many, thirty times smaller.

Where a query and a vector have a coordinate of the same sign, it adds to their product. So the
count of differing signs, less those of the query's smallest coordinates, ranks vectors nearly as
the product does. Of what ranks first the products are computed.
Source: M. Charikar, Similarity estimation techniques from rounding algorithms, STOC 2002
(signs of random projections; here the coordinates themselves are taken).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORD = 64
_LEFT_OUT = 0.3
"""The share of a query's coordinates that are too small to tell."""


def planes_of(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """The signs of vectors (n, d), 64 coordinates a word, as (ceil(d / 64), n)."""
    n, dimensions = vectors.shape
    padded = np.zeros((n, -(-dimensions // _WORD) * _WORD), np.bool_)
    padded[:, :dimensions] = vectors > 0
    words = np.packbits(padded, axis=1).view(np.uint64)
    return np.ascontiguousarray(words.T)


def distances(planes: NDArray[np.uint64], query: NDArray[np.float32]) -> NDArray[np.uint16]:
    """How many signs differ from a query's (d,), of its coordinates that are not small: (n,)."""
    size = np.abs(query)
    last_small = int(_LEFT_OUT * (len(size) - 1))
    large = size - np.partition(size, last_small)[last_small]
    total = np.zeros(planes.shape[1], np.uint16)
    differing = np.empty(planes.shape[1], np.uint64)
    counts = np.empty(planes.shape[1], np.uint8)
    for plane, (sign, mask) in zip(planes, planes_of(np.stack([query, large])), strict=True):
        np.bitwise_xor(plane, sign, out=differing)
        np.bitwise_and(differing, mask, out=differing)
        total += np.bitwise_count(differing, out=counts)
    return total


def nearest(total: NDArray[np.uint16], n: int) -> NDArray[np.intp]:
    """Places of the n smallest distances and of all that equal the last of them."""
    if n >= len(total):
        return np.arange(len(total))
    counts = np.cumsum(np.bincount(total))
    return np.flatnonzero(total <= np.searchsorted(counts, n))
