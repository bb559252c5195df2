"""Words as sparse vectors, whose dot product is BM25 in all but its scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.postings import hashes_of

_K1 = 1.2
_B = 0.75
_USUAL = 200
"""Words of a usual chunk: the mean of a collection is not known to who writes into it."""


class Sparse(TypedDict):
    """Numbers of words, each once, and their weights, none of which is 0."""

    indices: list[int]
    values: list[float]


def kept_of(words: Sequence[str], most: int) -> Sparse:
    """Of a chunk: ``f / (f + k1 * (1 - b + b * length / usual length))``, in (0, 1); see
    `rag.index.bm25.Bm25`.

    Args: most: so many different words; of more, those that occur most often.
    """
    numbers, counts = _counted(words)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:most])
    length = _K1 * (1 - _B + _B * len(words) / _USUAL)
    return _sparse(numbers[chosen], counts[chosen] / (counts[chosen] + length))


def asked_of(words: Sequence[str], weight: float, most: int) -> Sparse:
    """Of a question: the share of each word in it, of `weight` all together, so that a score lies
    between 0 and `weight`."""
    numbers, counts = _counted(words)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:most])
    return _sparse(numbers[chosen], weight * counts[chosen] / len(words))


def _counted(words: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each word once, by 32 bits of its hash, and how often it occurs."""
    return np.unique(hashes_of(words) & np.uint64(0xFFFFFFFF), return_counts=True)


def _sparse(numbers: NDArray[np.uint64], weights: NDArray[np.float64]) -> Sparse:
    return {"indices": numbers.tolist(), "values": weights.tolist()}
