"""One ranking out of several: what dense and lexical search found, fused.

Scores of a cosine and of BM25 are not of one unit. Convex fusion puts each between 0 and 1, from
the lowest score that its kind of search can give to the highest that this question got, and mixes
them by weight. It keeps how far apart candidates are, which ranks forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def normalised(scores: Floats, lowest: float) -> Floats:
    """Scores (n,) of one leg in [0, 1]: 0 is the lowest possible, 1 the highest that is there.

    What the leg did not find (NaN) gets 0.

    Args:
        lowest: the theoretical minimum: -1 of a cosine, 0 of BM25.
    Source: Bruch, Gai, Ingber 2023, An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS
        42:20, the theoretical min-max of section 4.
    """
    above = np.fmax(scores, lowest)
    above -= lowest
    highest = above.max(initial=0.0)
    if highest > 0:
        above /= highest
    return above


def mixed(scores: Floats, *, share: float, unrelated: float, whole: float = 0.0) -> Floats:
    """Cosines and BM25 (2, n), fused: the mean of both `normalised` (n,), by weight, where of
    cosines only what is above those of unrelated texts counts.

    Where no BM25 is known cosines alone tell, and BM25 where nothing is nearer than any text.

    Args:
        scores: BM25 is 0 where it is not known.
        share: of the cosines, in [0, 1].
        unrelated: the cosine of texts that have nothing to do with each other, in [0, 1).
        whole: the BM25 that counts as 1 at least: where the best is poor, words say less.
    """
    cosines, bm25 = scores
    highest = np.maximum.reduce(bm25, initial=0.0).item()
    if not highest:
        return normalised(cosines, -1.0)
    nearest = np.maximum.reduce(cosines).item()
    if nearest <= unrelated:
        return normalised(bm25, 0.0)
    # (cosine - unrelated) / (1 - unrelated), of which only the ratios matter, from -1 on
    lift = 1 - 2 * unrelated
    fused: Floats = cosines + lift
    np.maximum(fused, 0.0, out=fused)
    fused *= share / (nearest + lift)
    fused += bm25 * ((1 - share) / max(highest, whole))
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
