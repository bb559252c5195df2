"""The best of many scores, and products that are the same wherever a vector lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.passage import NO_HITS, Hits

_GROUPS = 4
"""Groups that scores are in, for each that is asked for."""
_IN_A_GROUP = 4
"""Of fewer scores a group, looking at them group by group saves nothing."""

_SORTED = 128
"""So few scores are sorted as quickly as the best of them are found."""

_MANY = 200
"""From so many scores on the quicker way to sort is worth its preparation."""
_MAGNITUDE = np.int32(0x7FFF_FFFF)
"""All bits of a float but its sign."""

Number = TypeVar("Number", bound=np.number[Any])


def best(keys: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Hits:
    """The k highest scores, the best first, equal ones by rising key.

    Args:
        keys: (n,), rising.
        scores: (n,), none NaN.
        k: >= 0.
    """
    if k <= 0 or not len(keys):
        return NO_HITS
    if len(keys) > max(k, _SORTED):
        at = among_best(scores, k)
        keys, scores = keys[at], scores[at]
    order = _falling(scores)[:k]
    return Hits(keys[order].astype(np.int64, copy=False), scores[order])


def best_and(
    keys: NDArray[np.int64],
    scores: NDArray[np.float32],
    k: int,
    also: NDArray[np.int64],
    within: int,
) -> Hits:
    """The k highest scores, and those of some other keys that are among more of the highest, in
    the order of `best`.

    Args:
        keys: (n,), rising.
        scores: (n,), none NaN.
        k: >= 1.
        also: not all of them need be among `keys`.
        within: so many are the highest of which those may be, >= k.
    """
    if not len(keys) or not len(also):
        return best(keys, scores, k)
    order = _falling(scores)[:within]
    at = keys.searchsorted(also)
    wanted = np.zeros(len(keys), np.bool_)
    wanted[at[keys.take(at, mode="clip") == also]] = True
    wanted[order[:k]] = True
    order = order[wanted[order]]
    return Hits(keys[order], scores[order])


def among_best(scores: NDArray[np.float32], k: int, *, above: float = -np.inf) -> NDArray[np.intp]:
    """Places, in order, of all scores above a bound that are not below the k-th highest.

    The k-th highest of the maxima of groups is never above the k-th highest score, so most scores
    fall at one comparison.

    Args:
        scores: (n,), none NaN.
        k: >= 1.
    """
    n_groups = k * _GROUPS
    n_rounds = len(scores) // n_groups
    floor = None
    if n_rounds >= _IN_A_GROUP:  # a group: one score of each round
        rounds = scores[: n_rounds * n_groups].reshape(n_rounds, n_groups)
        maxima = np.maximum.reduce(rounds)
        floor = _highest(maxima[maxima > above], k)
    (at,) = (scores > above if floor is None else scores >= floor).nonzero()
    held = scores[at]
    floor = _highest(held, k)
    return at if floor is None else at[held >= floor]


def _highest(scores: NDArray[np.float32], k: int) -> float | None:
    """The k-th highest; None where there are not more than k."""
    return None if len(scores) <= k else kth_highest(scores, k)


def kth_highest(scores: NDArray[np.float32], k: int) -> float:
    """The k-th highest of k scores or more."""
    at = len(scores) - k
    return np.partition(scores, at).item(at)


def _falling(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Places by falling score, equal scores as they stand."""
    if len(scores) < _MANY:
        return (-scores).argsort(kind="stable")
    # The bits of a float, all but the sign of a negative one turned round, rise with it as a whole
    # number does. With the place below them such numbers are sorted by vector instructions, which
    # a stable `argsort` does without.
    bits = (scores + np.float32(0)).view(np.int32)  # which makes 0 of -0
    rising = bits ^ (bits >> 31 & _MAGNITUDE)
    both = np.multiply(rising, -(1 << 32), dtype=np.int64)
    both += np.arange(len(scores))
    both.sort()
    both &= 0xFFFF_FFFF
    places: NDArray[np.int64] = both
    return places


def cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products of unit vectors (n, d) with another (d,), in [-1, 1].

    Row by row: equal rows give equal bits wherever they lie, which a matrix product does not
    promise; nor does it start threads, which cost more than they bring beside other requests.
    """
    products: NDArray[np.float32] = np.vecdot(vectors, query)
    np.minimum(products, 1, out=products)
    return np.maximum(products, -1, out=products)


def joined(arrays: Sequence[NDArray[Number]]) -> NDArray[Number]:
    """Arrays one after another; the one that there is as it is."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
