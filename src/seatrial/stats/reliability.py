"""How well stated probabilities agree with what occurs: reliability and calibration error.

What turns confidences into chances is `calibration.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from seatrial.stats.counts import BadStatistic, Interval, check_share

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Rows of similar probabilities.

    Args:
        n: rows, >= 1.
        stated: mean of their probabilities, in [0, 1].
        occurred: share of them in which it occurred, in [0, 1].
        interval: of that share.
    """

    n: int
    stated: float
    occurred: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Stated probabilities beside what occurred.

    Args:
        bins: ascending by probability, of about equally many rows; a probability is in one only.
        ece: expected calibration error: mean over rows of what their bin is off, in [0, 1]. Never
            0 by sampling alone, so it is biased upward.
        ece_if_calibrated: what ``ece`` of so many rows is expected to be where every probability
            is right: its bias then, and most of it otherwise.
        rms: root of the mean squared distance of the bins, with its bias removed; 0 where what is
            left is none.
        n: rows.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: float
    ece_if_calibrated: float
    rms: float
    n: int


def reliability(
    stated: ArrayLike, occurred: ArrayLike, *, n_bins: int = 15, alpha: float = 0.05
) -> Reliability:
    """Hold probabilities against what occurred.

    Args:
        stated: probabilities, shape (n,), in [0, 1], n >= 1.
        occurred: booleans, shape (n,).
        n_bins: >= 1; fewer come out where probabilities repeat.
        alpha: of the bins' intervals, in (0, 1).
    Raises: BadStatistic.
    Source: Guo et al. 2017, arXiv:1706.04599, for the error; Kumar, Liang, Ma 2019,
        arXiv:1909.10155, for bins of equal size and the bias of the square; Broecker 2012, Clim.
        Dyn. 39:655. The absolute error of a bin is taken as that of a normal variable of the same
        variance. Intervals: Wilson 1927, J. Am. Stat. Assoc. 22:209.
    """
    check_share("alpha", alpha)
    p, y = np.asarray(stated, np.float64), np.asarray(occurred, np.float64)
    if p.ndim != 1 or p.shape != y.shape or not len(p) or not ((p >= 0) & (p <= 1)).all():
        raise BadStatistic(
            f"Probabilities of shape {p.shape} are not one in [0, 1] for each of {y.shape} rows.",
            remedy="Give a probability in [0, 1] for each row.",
        )
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    cuts = np.searchsorted(ordered, ordered[np.arange(1, n_bins) * len(p) // n_bins], "left")
    starts = np.unique(np.concatenate([[0], cuts]))
    n = np.diff(np.append(starts, len(p)))
    mean = np.add.reduceat(ordered, starts) / n
    share = np.add.reduceat(y[order], starts) / n
    noise = np.add.reduceat(ordered * (1 - ordered), starts) / n**2
    weight = n / len(p)
    # A share's own variance has to be taken off, with n - 1: unknown of a single row.
    own = np.where(n > 1, share * (1 - share) / np.maximum(n - 1, 1), (mean - share) ** 2)
    bins = zip(n.tolist(), mean.tolist(), share.tolist(), strict=True)
    return Reliability(
        bins=tuple(
            ReliabilityBin(n=m, stated=q, occurred=r, interval=share_interval(r, m, alpha=alpha))
            for m, q, r in bins
        ),
        ece=float(weight @ np.abs(mean - share)),
        ece_if_calibrated=float(weight @ np.sqrt(2 * noise / math.pi)),
        rms=math.sqrt(max(0.0, float(weight @ ((mean - share) ** 2 - own)))),
        n=len(p),
    )


def share_interval(share: float, n: int, *, alpha: float) -> Interval:
    """Wilson's interval for a share in [0, 1] of n >= 1 rows."""
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(lower=max(0.0, middle - half), upper=min(1.0, middle + half))
