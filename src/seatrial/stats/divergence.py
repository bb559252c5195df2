"""How far two samples differ: PSI, Kolmogorov-Smirnov, Jensen-Shannon, chi-square.

Each comes with its sampling error, its small-sample bias removed, and the chance of so large a
value when nothing differs. ``reference`` counts n rows and ``current`` m; both are counts over the
same bins. What a value means for a model is not decided here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic
from seatrial.stats.gamma import chi_square_tail

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")

Counts = NDArray[np.integer] | NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One measure of the distance between two samples.

    Args:
        value: as the formula gives it.
        corrected: the value less what chance alone adds on average; >= 0.
        standard_error: of ``corrected``; None where it is not known.
        p_value: chance of this value or a larger one when nothing differs, in [0, 1].
        n: reference rows.
        m: current rows.
        n_bins: bins compared; 0 when raw values were.
        error: the value may be larger by at most this, from counting in bins; 0 when it is exact.
    """

    value: float
    corrected: float
    standard_error: float | None
    p_value: float
    n: int
    m: int
    n_bins: int
    error: float = 0.0


def psi(reference: Counts, current: Counts) -> Divergence:
    """Population stability index, sum of (q - p) ln(q / p) over the bins.

    An empty bin counts as half a row. By chance alone the value is (B - 1)(1/n + 1/m) on average
    and, over 1/n + 1/m, chi-square with B - 1 degrees of freedom; both hold from 20 rows a bin on.

    Args: counts >= 0, shape (B,); a bin that is empty on both sides is none.
    Raises: BadStatistic: shapes differ, or a side is empty.
    Source: Yurdakul, Naranjo 2020, J. Risk Model Validation 14:4. Standard error: delta method plus
        the variance under no change.
    """
    sides = _Sides(*_shares(reference, current))
    p, q = sides.p, sides.q
    log_ratio = np.log(q / p)
    value = float(((q - p) * log_ratio).sum())
    return _of_shares(value, sides, by_p=-log_ratio + 1 - q / p, by_q=log_ratio + 1 - p / q)


def psi_of_columns(
    reference: NDArray[np.float64],
    current: NDArray[np.float64],
    rows_per_effective: NDArray[np.float64],
) -> NDArray[np.float64]:
    """PSI of many columns at once, each less what chance adds; every bin gets half a row more.

    Args:
        reference: shape (columns, B), counts >= 0; a bin that is empty on both sides is none.
        current: likewise.
        rows_per_effective: shape (columns,), how many rows tell as much as one independent row.
    Returns: shape (columns,), >= 0; of no meaning for a column without rows on a side.
    Source: as for `psi`.
    """
    live = (reference + current) > 0
    p, q = (np.where(live, c + 0.5, 0.0) for c in (reference, current))
    n, m = (c.sum(axis=1) / np.maximum(rows_per_effective, 1.0) for c in (p, q))
    p, q = (c / np.maximum(c.sum(axis=1, keepdims=True), 1e-300) for c in (p, q))
    ratio = np.log(np.where(live, q, 1.0)) - np.log(np.where(live, p, 1.0))
    by_chance = np.maximum(live.sum(axis=1) - 1, 0) * (
        1 / np.maximum(n, 0.5) + 1 / np.maximum(m, 0.5)
    )
    effects: NDArray[np.float64] = np.maximum(((q - p) * ratio).sum(axis=1) - by_chance, 0.0)
    return effects


def jensen_shannon(reference: Counts, current: Counts) -> Divergence:
    """Jensen-Shannon divergence in bits, in [0, 1]; its root is a metric.

    Near no change it is PSI / (8 ln 2), with the same bias and tail.

    Args and Raises: as for `psi`.   Source: Lin 1991, IEEE Trans. Inf. Theory 37:145.
    """
    sides = _Sides(*_shares(reference, current, half=0.0))
    p, q = sides.p, sides.q
    mixture = (p + q) / 2
    # An empty side adds nothing: 0 log 0 = 0.
    by_p = np.log2(np.where(p > 0, p, mixture) / mixture) / 2
    by_q = np.log2(np.where(q > 0, q, mixture) / mixture) / 2
    value = float((p * by_p + q * by_q).sum())
    found = _of_shares(value, sides, by_p=by_p, by_q=by_q, per_psi=1 / (8 * math.log(2)))
    return replace(found, value=min(1.0, max(0.0, value)))


def chi_square(reference: Counts, current: Counts) -> Divergence:
    """Pearson's statistic for "both samples have the same shares".

    Args and Raises: as for `psi`.
    Returns: ``corrected`` is the excess over its mean, the non-centrality.
    Source: Pearson 1900; variance of the non-central chi-square, 2 (df + 2 excess).
    """
    _, _, n, m, n_bins = _shares(reference, current)
    both = reference + current
    used = both > 0
    r, c = reference[used].astype(np.float64), current[used].astype(np.float64)
    value = float(((math.sqrt(m / n) * r - math.sqrt(n / m) * c) ** 2 / both[used]).sum())
    df = n_bins - 1
    excess = max(0.0, value - df)
    return Divergence(
        value=value,
        corrected=excess,
        standard_error=math.sqrt(2 * (df + 2 * excess)),
        p_value=chi_square_tail(value, df),
        n=n,
        m=m,
        n_bins=n_bins,
    )


def ks_from_counts(reference: Counts, current: Counts) -> Divergence:
    """Kolmogorov-Smirnov distance from counts: exact at the edges, bounded between them.

    Args and Raises: as for `psi`; bins in ascending order.
    Returns: ``error``: the distance of the raw values is at most ``value + error``.
    """
    p, q, n, m, n_bins = _shares(reference, current, half=0.0)
    up_to_p, up_to_q = np.cumsum(p), np.cumsum(q)
    value = float(np.abs(up_to_p - up_to_q).max())
    # Inside a bin one side may have all its rows before the other has any.
    most = max((up_to_p - up_to_q + q).max(), (up_to_q - up_to_p + p).max())
    return _ks(value, n, m, n_bins=n_bins, error=max(0.0, float(most) - value))


def ks_from_values(reference: NDArray[np.generic], current: NDArray[np.generic]) -> Divergence:
    """Kolmogorov-Smirnov distance of two samples, exact.

    Args: each ascending and finite, shapes (n,) and (m,).
    Raises: BadStatistic: a side is empty.
    """
    n, m = len(reference), len(current)
    _check_sides(n, m)
    # Between two reference values only the current side moves: both its ends decide.
    gaps = [
        np.searchsorted(reference, reference, side=side) / n
        - np.searchsorted(current, reference, side=side) / m
        for side in _SIDES
    ]
    return ks_of_distance(float(max(np.abs(gap).max() for gap in gaps)), n, m)


def ks_of_distance(distance: float, n: int, m: int) -> Divergence:
    """What an exact distance of n and m values means.   Args: distance in [0, 1]; n, m >= 1."""
    return _ks(distance, n, m, n_bins=0)


def ks_tail(distance: float, n: int, m: int) -> float:
    """P(D >= distance) when nothing differs; too large where values repeat.

    Source: Kolmogorov's limit at the effective size of Stephens 1970, J. R. Stat. Soc. B 32:115.
    """
    root = math.sqrt(n / (n + m) * m)
    t = (root + 0.12 + 0.11 / root) * distance
    if t < 0.2:  # the series needs ever more terms there, and the answer is 1 to 12 digits
        return 1.0
    terms = [(-1.0) ** (k - 1) * math.exp(-2 * k * k * t * t) for k in range(1, 101)]
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def benjamini_hochberg(p_values: list[float]) -> list[float]:
    """Adjusted p-values: those <= alpha hold a share of at most alpha false ones, on average.

    Source: Benjamini, Hochberg 1995, J. R. Stat. Soc. B 57:289.
    """
    p = np.array(p_values, dtype=np.float64)
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    least = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(least, 1.0)
    return [float(value) for value in adjusted]


def proportion_tail(k: int, n: int, expected: float) -> float:
    """P(K >= k) for K binomial of n trials with the share ``expected``, bounded from above.

    Source: Chernoff's bound exp(-n KL), Hoeffding 1963, J. Am. Stat. Assoc. 58:13.
    """
    if n == 0 or k <= n * expected:
        return 1.0
    if expected <= 0:
        return 0.0
    share = k / n
    kl = share * math.log(share / expected)
    if share < 1:
        kl += (1 - share) * math.log((1 - share) / (1 - expected))
    return math.exp(-n * kl)


def shares_tail(k: int, n: int, current_k: int, m: int) -> float:
    """P-value of "the share is the same on both sides", for k of n rows and current_k of m.

    The larger of two: chi-square knows the error of the reference and is too sure of a few events;
    Chernoff's bound for the current side is right for those. 1 without rows on a side.
    """
    if n == 0 or m == 0:
        return 1.0
    of_both = (k + current_k) / (n + m)
    if not 0 < of_both < 1:
        return 1.0
    z2 = (current_k / m - k / n) ** 2 / (of_both * (1 - of_both) * (1 / n + 1 / m))
    more = proportion_tail(current_k, m, min(1.0, (k + 1) / (n + 1)))
    fewer = proportion_tail(m - current_k, m, min(1.0, (n - k + 1) / (n + 1)))
    return max(chi_square_tail(z2, 1), min(1.0, 2 * min(more, fewer)))


def _ks(value: float, n: int, m: int, *, n_bins: int, error: float = 0.0) -> Divergence:
    root = math.sqrt(1 / n + 1 / m)
    # Mean of Kolmogorov's limit: sqrt(pi / 2) ln 2; half a standard error of a share at the worst.
    by_chance = math.sqrt(math.pi / 2) * math.log(2) * root
    return Divergence(
        value=value,
        corrected=max(0.0, value - by_chance),
        standard_error=root / 2,
        p_value=ks_tail(value, n, m),
        n=n,
        m=m,
        n_bins=n_bins,
        error=error,
    )


class _Sides(NamedTuple):
    """Shares of both sides over the bins in use, rows of both sides, and bins."""

    p: NDArray[np.float64]
    q: NDArray[np.float64]
    n: int
    m: int
    n_bins: int


def _of_shares(
    value: float,
    sides: _Sides,
    *,
    by_p: NDArray[np.float64],
    by_q: NDArray[np.float64],
    per_psi: float = 1.0,
) -> Divergence:
    """A measure that is ``per_psi`` times PSI near no change, from how it changes by each share."""
    p, q, n, m, n_bins = sides
    scale, df = (1 / n + 1 / m) * per_psi, n_bins - 1
    variance = _variance(q, by_q) / m + _variance(p, by_p) / n + 2 * df * scale**2
    return Divergence(
        value=value,
        corrected=max(0.0, value - df * scale),
        standard_error=math.sqrt(variance),
        p_value=chi_square_tail(value / scale, df),
        n=n,
        m=m,
        n_bins=n_bins,
    )


def _shares(
    reference: Counts, current: Counts, *, half: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, int, int]:
    """Shares of both sides over the bins in use, rows of both sides, and bins."""
    if reference.shape != current.shape:
        raise BadStatistic(
            f"The counts have {len(reference)} and {len(current)} bins.",
            remedy="Count both samples between the same edges.",
        )
    # Counts may be fractions of rows; shares of a rounded total would not add up.
    all_r, all_c = float(reference.sum()), float(current.sum())
    n, m = round(all_r), round(all_c)
    _check_sides(n, m)
    used = (reference + current) > 0
    p, q = np.maximum(reference[used], half) / all_r, np.maximum(current[used], half) / all_c
    return p, q, n, m, int(used.sum())


def _check_sides(n: int, m: int) -> None:
    if n == 0 or m == 0:
        raise BadStatistic(
            f"There are {n} reference and {m} current rows.",
            remedy="Compare samples of at least one row each.",
            n=n,
            m=m,
        )


def _variance(share: NDArray[np.float64], gradient: NDArray[np.float64]) -> float:
    # Around the mean: with one bin nothing varies, and rounding must not make that less.
    mean = float((share * gradient).sum())
    return float((share * (gradient - mean) ** 2).sum())
