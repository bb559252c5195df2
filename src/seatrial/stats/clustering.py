"""Rows that come in clusters (an hour, a session, a user) are weaker evidence than they seem.

Two rows of one window are correlated: ``rho``, the intraclass correlation. A window of W rows then
tells as much as ``W / (1 + (W - 1) rho)`` independent ones (Kish 1965, Survey Sampling, section
5.4), at most 1 / rho however large it is.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.counts import BadStatistic
from seatrial.stats.scores import scores_of

Floats = NDArray[np.float64]

_CERTAINTY = 0.99


def effective_rows(n_rows: ArrayLike, clustering: ArrayLike) -> Floats:
    """How many independent rows tell as much.

    Args:
        n_rows: >= 0, rows of a window.
        clustering: in [0, 1), the intraclass correlation.
    """
    n = np.asarray(n_rows, dtype=np.float64)
    rows: Floats = n / (1 + np.maximum(n - 1, 0) * np.asarray(clustering, dtype=np.float64))
    return rows


def estimate_clustering(windows: ArrayLike, *, n_ordered: ArrayLike) -> Floats:
    """The intraclass correlation of each column, from windows in which nothing drifted.

    Each score's mean in a window varies by ``(1 + (W - 1) rho) / W``; so does each bin's share.
    The score (or, for names, the average bin) that varies most says what rho is. Where windows vary
    no more than 1 in 100 independent ones would, rho is 0: with few windows little is found, and
    what is not found is not taken out.

    Args:
        windows: shape (t, c, k), counts of t >= 2 windows, in the order of time or any other.
        n_ordered: shape (c,), as for `edetector.EDetector`.

    Returns: shape (c,), in [0, 1).
    Raises: BadStatistic: fewer than 2 windows, or not counts.
    """
    counts = np.asarray(windows, dtype=np.float64)
    if counts.ndim != 3 or len(counts) < 2 or not np.all(np.isfinite(counts) & (counts >= 0)):
        raise BadStatistic(
            f"Windows of shape {counts.shape} say nothing about clustering.",
            remedy="Give the counts of at least two windows, shape (windows, columns, bins).",
            field="windows",
        )
    ordered = np.asarray(n_ordered, dtype=np.int64)
    return np.array([_of_column(counts[:, i], int(n)) for i, n in enumerate(ordered)])


def _of_column(counts: Floats, n_ordered: int) -> float:
    rows = counts.sum(axis=1)
    counts, rows = counts[rows > 0], rows[rows > 0]
    if len(rows) < 2:
        return 0.0
    shares = counts.sum(axis=0) / rows.sum()
    scores = scores_of(shares, n_ordered)
    scores = scores[(scores != 0).any(axis=1)]
    if len(scores):
        means = counts @ scores.T / rows[:, None]
        each = rows[:, None] * (means - means.mean(axis=0)) ** 2
        degrees = np.full(len(scores), len(rows) - 1.0)
    else:
        live = shares > 0
        off = counts[:, live] / rows[:, None] - shares[live]
        each = (rows[:, None] * off**2 / shares[live]).sum(axis=1, keepdims=True)
        degrees = np.array([(len(rows) - 1.0) * (live.sum() - 1)])
    if not degrees.any():
        return 0.0
    ratios = each.sum(axis=0) / degrees
    best = int(np.argmax(ratios))
    if ratios[best] <= _chi_square(degrees[best], len(ratios)) / degrees[best]:
        return 0.0
    return float(np.clip((ratios[best] - 1) / max(rows.mean() - 1, 1.0), 0.0, 0.999))


def _chi_square(degrees: float, n_looks: int) -> float:
    """Upper quantile for the largest of some looks (Wilson and Hilferty 1931, PNAS 17:684)."""
    z = NormalDist().inv_cdf(1 - (1 - _CERTAINTY) / n_looks)
    part = 2 / (9 * degrees)
    return float(degrees * (1 - part + z * part**0.5) ** 3)
