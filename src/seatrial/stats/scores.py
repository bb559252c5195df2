"""Directions in which a column may drift: its level, its spread, its ends, its missing values.

A score gives each bin a number, with mean 0 and variance 1 under the reference. Drift shows as a
mean score that is not 0. Scores are of the *place* of a value among the reference's values and not
of the value, so one outlier of 1e9 counts as one row.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

SCORES = ("level", "spread", "top tenth", "bottom tenth", "unordered share")
"""Names of the scores, in the order of the arrays below."""

LARGEST = 8.0
"""Scores are cut here: a bin nearly empty in the reference must not have an infinite score."""

_TAIL = 0.1
_NORMAL = NormalDist()

Floats = NDArray[np.float64]


def scores_of(shares: Floats, n_ordered: int) -> Floats:
    """The scores of one column.

    Args:
        shares: shape (k,), probabilities of the reference; 0 where the column has no bin.
        n_ordered: so many leading bins are in order of value; those behind (missing, unseen, any
            name) are in none.

    Returns: shape (len(SCORES), k); a score that says nothing about this column is 0 throughout.
    """
    k = len(shares)
    found = np.zeros((len(SCORES), k))
    ordered = shares[:n_ordered]
    if n_ordered >= 2 and ordered.sum() > 0:
        edges = np.concatenate(([0.0], np.cumsum(ordered) / ordered.sum()))
        edges[-1] = 1.0
        found[:4, :n_ordered] = _by_place(edges)
        found[:4, :n_ordered] -= (found[:4, :n_ordered] @ ordered / ordered.sum())[:, None]
    if 0 < n_ordered < k:
        found[4, n_ordered:] = 1.0
        found[4] -= shares[n_ordered:].sum()
    spread = np.sqrt(found**2 @ shares)
    live = spread > 1e-6
    found[live] /= spread[live, None]
    found[~live] = 0.0
    found[:, shares <= 0] = 0.0
    cut: Floats = np.clip(found, -LARGEST, LARGEST)
    return cut


def _by_place(edges: Floats) -> Floats:
    """Means over each bin of a normal score, its square, and membership of either end."""
    z = np.array([_quantile(e) for e in edges.tolist()])
    finite = np.where(np.isfinite(z), z, 0.0)
    density = np.where(np.isfinite(z), np.exp(-0.5 * finite**2) / np.sqrt(2 * np.pi), 0.0)
    width = np.maximum(np.diff(edges), 1e-300)
    level = -np.diff(density) / width
    square = 1.0 - np.diff(finite * density) / width
    top = np.clip((edges[1:] - (1 - _TAIL)) / width, 0.0, 1.0)
    bottom = np.clip((_TAIL - edges[:-1]) / width, 0.0, 1.0)
    return np.stack([level, square, top, bottom])


def _quantile(share: float) -> float:
    if share <= 0.0:
        return -np.inf
    return np.inf if share >= 1.0 else _NORMAL.inv_cdf(share)
