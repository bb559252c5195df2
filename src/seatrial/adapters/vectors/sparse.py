"""Words as sparse vectors, whose dot product is BM25 in all but its scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import hashes_of
from seatrial.rag.index.vector_store import Idf

_K1 = 1.2
_B = 0.75
_USUAL = 150
"""Words of a usual chunk: the mean of a collection is not known to who writes into it."""
ONCE = _K1 + 1
"""What makes 1 of the weight of a word that stands once in a usual chunk."""


class Sparse(TypedDict):
    """Numbers of words, each once, and their weights, none of which is 0."""

    indices: list[int]
    values: list[float]


def kept_of(words: Sequence[str], most: int) -> Sparse:
    """Of a chunk: ``f / (f + k1 * (1 - b + b * length / usual length))``, in (0, 1); see
    `rag.index.bm25.Bm25`.

    Args: most: so many different words; of more, those that occur most often.
    """
    numbers, counts = _summed(words, np.ones(len(words)), most)
    length = _K1 * (1 - _B + _B * len(words) / _USUAL)
    return _sparse(numbers, np.round(counts / (counts + length), 6))


def asked_of(words: Sequence[str], weight: float, most: int, idf: Idf | None) -> Sparse:
    """Of a question: what each word tells of what all tell, times `weight`, so that a score lies
    between 0 and that.

    Args:
        most: so many different words; of more, those that tell most.
        idf: what each tells; None: all alike.
    """
    numbers, told = _summed(words, np.ones(len(words)) if idf is None else idf(words), most)
    return _sparse(numbers, weight * told / told.sum())


def _summed(
    words: Sequence[str], weights: NDArray[np.float64], most: int
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """The words of most weight, each once by 32 bits of its hash, and the sum of its weights."""
    hashes = hashes_of(words) & np.uint64(0xFFFFFFFF)
    numbers, which = np.unique(hashes, return_inverse=True)
    sums = np.bincount(which, weights).astype(np.float64)
    chosen = np.sort(np.argsort(-sums, kind="stable")[:most])
    return numbers[chosen], sums[chosen]


def _sparse(numbers: NDArray[np.uint64], weights: NDArray[np.float64]) -> Sparse:
    return {"indices": numbers.tolist(), "values": weights.tolist()}
