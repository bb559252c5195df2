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

_FEW = 4_096
"""Of so few scores the k-th highest is found as quickly without groups."""

_SORTED = 128
"""So few scores are sorted as soon as the best of them are found."""

_MANY = 700
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
    return sorted_hits(keys, scores, k)


def sorted_hits(
    keys: NDArray[np.int64], scores: NDArray[np.float32], k: int | None = None
) -> Hits:
    """All of them, or the first k, as `best` has them."""
    order = _falling(scores)[:k]
    return Hits(keys[order].astype(np.int64, copy=False), scores[order])


def best_and(
    scores: NDArray[np.float32], k: int, also: NDArray[np.intp], within: int
) -> NDArray[np.intp]:
    """Places, in order, of the k highest scores above 0, of equal ones the first, and those of some
    places that are among more of the highest.

    Args:
        scores: (n,), >= 0, none NaN.
        k: >= 1.
        also: places, each once.
        within: so many are the highest of which those may be, >= k.
    """
    n = np.count_nonzero(scores)
    if n <= k:
        return scores.nonzero()[0]
    bound = _bound(scores, within, 0.0)
    held = scores[scores >= bound] if bound > 0 else scores.copy()
    if n > within:
        held = _highest(held, within)
        also = also[_are_among(scores, also, held.item(0), within)]
    else:
        also = also[scores[also] > 0]
    floor = _highest(held, k).item(0)
    wanted = scores >= floor
    if np.count_nonzero(wanted) > k:
        wanted[_tied_behind(scores, floor, k)] = False
    wanted[also] = True
    return wanted.nonzero()[0]


def _are_among(
    scores: NDArray[np.float32], at: NDArray[np.intp], floor: float, n: int
) -> NDArray[np.bool_]:
    """Which of some places are those of the n highest scores, of equal ones the first.

    Args: floor: the n-th highest score.
    """
    asked = scores[at]
    among = asked >= floor
    if (asked == floor).any():
        among &= ~np.isin(at, _tied_behind(scores, floor, n))
    return among


def _tied_behind(scores: NDArray[np.float32], floor: float, n: int) -> NDArray[np.intp]:
    """Places of scores that are equal to the n-th highest and behind it."""
    n_over = np.count_nonzero(scores >= floor) - n
    (tied,) = (scores == floor).nonzero()
    return tied[len(tied) - n_over :]


def _highest(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """The k highest of as many scores or more, the least of them first. Changes their order."""
    at = len(scores) - k
    scores.partition(at)
    return scores[at:]


def among_best(scores: NDArray[np.float32], k: int, *, above: float = -np.inf) -> NDArray[np.intp]:
    """Places, in order, of all scores above a bound that are not below the k-th highest.

    Args:
        scores: (n,), none NaN.
        k: >= 1.
    """
    floor = _bound(scores, k, above)
    if floor == -np.inf and len(scores) > k:
        return (scores >= kth_highest(scores, k)).nonzero()[0]
    (at,) = (scores >= floor if floor > above else scores > above).nonzero()
    if len(at) <= k:
        return at
    held = scores[at]
    return at[held >= kth_highest(held, k)]


def _bound(scores: NDArray[np.float32], k: int, above: float) -> float:
    """What the k-th highest of many scores is not below; what is given for fewer.

    The k-th highest of the maxima of groups is never above the k-th highest score, so most scores
    fall at one comparison.
    """
    n_groups = k * _GROUPS
    n_rounds = len(scores) // n_groups
    if n_rounds < _IN_A_GROUP or len(scores) <= _FEW:
        return above
    maxima = np.maximum.reduce(scores[: n_rounds * n_groups].reshape(n_rounds, n_groups))
    maxima = maxima[maxima > above]  # a group: one score of each round
    return kth_highest(maxima, k) if len(maxima) > k else above


def kth_highest(scores: NDArray[np.float32], k: int) -> float:
    """Of k scores or more, none NaN."""
    return _highest(scores.copy(), k).item(0)


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
