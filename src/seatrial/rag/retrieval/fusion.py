"""One ranking out of several: what dense and lexical search found, fused.

Scores of a cosine and of BM25 are not of one unit. Convex fusion puts each between 0 and 1, from
the lowest score that its kind of search can give to the highest that this question got, and mixes
them by weight. It keeps how far apart candidates are, which ranks forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.passage import Hits

Floats = NDArray[np.float64]


class Candidates(msgspec.Struct, frozen=True, eq=False):
    """What legs of a search found, together.

    Args:
        keys: int64 (n,), unique, ascending.
        scores: float64 (n_legs, n): of each leg for each key; NaN where a leg did not find it.
    """

    keys: NDArray[np.int64]
    scores: Floats

    def __len__(self) -> int:
        return len(self.keys)


def together(legs: Sequence[Hits]) -> Candidates:
    """All that the legs found, with what each knows of it."""
    keys = np.concatenate([leg.keys for leg in legs])
    if not len(keys):
        return Candidates(keys, np.empty((len(legs), 0)))
    keys.sort()
    fresh = np.empty(len(keys), np.bool_)
    fresh[0] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    keys = keys[fresh]
    scores = np.empty((len(legs), len(keys)))
    scores.fill(np.nan)
    for row, leg in zip(scores, legs, strict=True):
        row[keys.searchsorted(leg.keys)] = leg.scores
    return Candidates(keys, scores)


def normalised(scores: Floats, lowest: float, whole: float = 0.0) -> Floats:
    """Scores (n,) of one leg in [0, 1]: 0 is the lowest possible, 1 the highest that is there.

    What the leg did not find (NaN) gets 0.

    Args:
        lowest: the theoretical minimum: -1 of a cosine, 0 of BM25.
        whole: above the lowest, what a score has at least to become 1: where the best of a leg is
            poor, the leg says less.
    Source: Bruch, Gai, Ingber 2023, An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS
        42:20, the theoretical min-max of section 4.
    """
    above = np.fmax(scores, lowest)
    above -= lowest
    highest = above.max(initial=whole)
    if highest > 0:
        above /= highest
    return above


def convex(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """The weighted mean (n,) of normalised scores (n,) of each leg.

    Args:
        weights: one a leg, >= 0, with a sum above 0.
    """
    fused: Floats = _shares(tuple(weights)) @ np.asarray(parts)
    return fused


def reciprocal_rank(scores: Floats, k: int, weights: Sequence[float]) -> Floats:
    """Reciprocal rank fusion (n,) of scores (n_legs, n), scaled so that first everywhere is 1.

    Equal scores share the best of their ranks; what a leg did not find (NaN) adds nothing.

    Args:
        k: >= 0; the larger, the less the first ranks stand out. 60 in the source.
        weights: one a leg, >= 0, with a sum above 0.
    Source: Cormack, Clarke, Buettcher 2009, Reciprocal Rank Fusion, SIGIR, p. 758.
    """
    fused = np.zeros(scores.shape[1])
    for share, leg in zip(_shares(tuple(weights)), scores, strict=True):
        found = ~np.isnan(leg)
        ascending = np.sort(-leg[found])
        rank = 1 + np.searchsorted(ascending, -leg[found], side="left")
        fused[found] += share * (k + 1) / (k + rank)
    return fused


@lru_cache(maxsize=64)
def _shares(weights: tuple[float, ...]) -> Floats:
    shares = np.array(weights, np.float64)
    shares /= shares.sum()
    shares.flags.writeable = False
    return shares


def best_first(scores: Floats) -> NDArray[np.intp]:
    """Places (n,) by falling score; equal scores as they stand, which is by rising key."""
    return (-scores).argsort(kind="stable")
