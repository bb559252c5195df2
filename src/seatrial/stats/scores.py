"""Directions in which a column may drift: its level, its spread, its ends, its missing values.

A score gives each bin a number, with mean 0 and variance 1 under the reference. Drift shows as a
mean score that is not 0. Scores are of the *place* of a value among the reference's values and not
of the value, so one outlier of 1e9 counts as one row.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

SCORES = ("level", "spread", "top tenth", "bottom tenth", "missing or unseen")
"""Names of the scores, in the order of the arrays below."""

MIX = "mix"
"""Name of a change along no score: names for example, or a dent in the middle."""

LARGEST = 8.0
"""Scores are cut here: a bin nearly empty in the reference must not have an infinite score."""

_TAIL = 0.1
_EXPLAINED = 0.25
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


def what_moved(scores: Floats, reference: Floats, current: Floats) -> tuple[str, int]:
    """The direction that describes a change of one column best.

    Args:
        scores: shape (len(SCORES), k), as `scores_of` gives them.
        reference: shape (k,), counts or shares, not all 0.
        current: shape (k,), counts.

    Returns: one of `SCORES` and +1 when it rose, -1 when it fell; or `MIX` and 0 when no score
        explains a quarter of the change. Both sides are measured by their mean law r, so that a bin
        empty in the reference counts too: the part explained is
        ``(sum s (q - p))^2 / (Var_r(s) sum (q - p)^2 / r)``, the sum less what chance adds.
    """
    n = current.sum()
    if not n:
        return MIX, 0
    p, q = reference / reference.sum(), current / n
    mean = np.maximum((p + q) / 2, 1e-300)
    change = float(((q - p) ** 2 / mean).sum()) - np.count_nonzero(p + q) / n
    shifts = scores @ (q - p)
    spreads = np.maximum(scores**2 @ mean - (scores @ mean) ** 2, 1e-12)
    sizes = shifts**2 / spreads
    best = int(sizes.argmax())
    if sizes[best] <= _EXPLAINED * max(change, 0.0) or not shifts[best]:
        return MIX, 0
    return SCORES[best], 1 if shifts[best] > 0 else -1


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
