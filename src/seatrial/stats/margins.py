"""Do two samples of names come from one distribution? A test whose groups chance cannot choose.

Rare names have to be joined before a chi-square law holds. Joining by the counts of one side keeps
names that this side met often by chance, which then seem to become rarer; so groups are taken from
both sides together. Given how often each name was met in both, which side met it is a draw without
replacement when nothing differs, whatever groups those totals suggest.

Joined with others, a rare name that grows is lost among them. So each name is also tested by
itself, by the same draw, and the smallest of those p-values is multiplied by how many could be so
small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.divergence import chi_square

EXPECTED = 10.0
"""Rows a group has to be expected to have on the smaller side. (Measured: 110 rows beside 600, of
300 names with shares like 1/k^1.2, have a p under 0.0001 in 0.005 % of 20,000 trials, and under
0.01 in 1.0 %; grouped by the smaller side's own counts it was 0.37 % and 3.4 %.)"""

RARE_GROUPS = 8
"""Groups of rare names, by how often they were met: more would dilute what they have in common."""

_UNSEEN = 1e-3
"""A name counts as known whatever the reference was, when it was as likely as that not to be."""

Counts = NDArray[np.int64] | NDArray[np.float64]
Floats = NDArray[np.float64]


def same_names(
    reference: Counts,
    current: Counts,
    *,
    uncounted: tuple[float, float] = (0, 0),
    newcomers: Sequence[float] = (),
    least: int = 0,
) -> float:
    """P-value of "both samples have the same shares", of all names together and of each that grew.

    Args:
        reference, current: rows by name, >= 0, shape (k,), the same names on both sides.
        uncounted: rows of either side whose names are not counted one by one.
        newcomers: current rows of some names that the reference did not meet, also ``uncounted``;
            which ones was not chosen by their rows.
        least: rows of the reference from which on a name is counted.
    Returns: 1 where a side has no rows, or too few for two groups.
    """
    r, c = reference.astype(np.float64), current.astype(np.float64)
    n, m = float(r.sum()) + uncounted[0], float(c.sum()) + uncounted[1]
    if not n or not m:
        return 1.0
    share = m / (n + m)
    new = np.array(newcomers, np.float64)
    grown = _grown(np.append(r, np.zeros(len(new))), np.append(c, new), share)
    return min(1.0, 2 * min(_mix(r, c, uncounted, share, least), grown))


def _mix(r: Floats, c: Floats, uncounted: tuple[float, float], share: float, least: int) -> float:
    """P-value of all names together.

    A name that is only counted because the reference happened to meet it often goes with those
    that it did not.

    Source: Pearson 1900 on groups by the margin; Fisher 1935, J. R. Stat. Soc. 98:39, for margins
        as what a test may condition on.
    """
    both, smaller = r + c, min(share, 1 - share)
    known = _log_tail(both - least + 1, both, share) <= math.log(_UNSEEN)
    if least <= 0:
        known = np.ones(len(both), np.bool_)
    alone = known & (both * smaller >= EXPECTED)
    groups = np.full(len(both), -1)
    groups[alone] = np.arange(alone.sum())
    rare = np.flatnonzero(known & ~alone)
    rare = rare[np.argsort(both[rare], kind="stable")]
    reached = np.cumsum(both[rare]) * smaller
    n_rare = min(RARE_GROUPS, int(reached[-1] / EXPECTED)) if len(rare) else 0
    if n_rare:
        middles = (reached - both[rare] * smaller / 2) / reached[-1]
        # Names met equally often stay together: their order is no margin.
        _, firsts, back = np.unique(both[rare], return_index=True, return_inverse=True)
        places = np.minimum((middles[firsts] * n_rare).astype(np.intp), n_rare - 1)
        groups[rare] = alone.sum() + np.unique(places, return_inverse=True)[1][back]
    n_groups = int(groups.max(initial=-1)) + 1
    # The first group is of those left over.
    by_r, by_c = np.zeros((2, n_groups + 1))
    np.add.at(by_r, groups + 1, r)
    np.add.at(by_c, groups + 1, c)
    by_r[0] += uncounted[0]
    by_c[0] += uncounted[1]
    return _chi_square_of(by_r, by_c, smaller)


def _chi_square_of(r: Floats, c: Floats, smaller: float) -> float:
    """Of groups; those with too few rows are one, or go with the smallest of the others."""
    few = (r + c) * smaller < EXPECTED
    rest = np.array([r[few].sum(), c[few].sum()])
    kept = np.stack([r[~few], c[~few]])
    if rest.sum() * smaller >= EXPECTED:
        kept = np.concatenate([kept, rest[:, None]], axis=1)
    elif kept.shape[1]:
        kept[:, np.argmin(kept.sum(axis=0))] += rest
    return chi_square(kept[0], kept[1]).p_value if kept.shape[1] > 1 else 1.0


def _grown(r: Floats, c: Floats, share: float) -> float:
    """P-value of the name that grew most, for as many names as could have grown so surely.

    That some are tested only when the reference met them makes them seem to grow the less.

    Args: ``share``: of the rows of both sides that are current.
    Source: Hoeffding 1963, J. Am. Stat. Assoc. 58:13, for draws without replacement; Tarone 1990,
        Biometrics 46:515, for names too rare to be significant.
    """
    both = r + c
    found = both > 0
    if not found.any():
        return 1.0
    log_p = _log_tail(c[found], both[found], share)
    least_log_p = both[found] * math.log(share)
    smallest = float(log_p.min())
    n_could = int((least_log_p <= smallest).sum())
    return min(1.0, max(1, n_could) * math.exp(smallest))


def _log_tail(k: Floats, n: Floats, share: float) -> Floats:
    """Log of Chernoff's bound on P(K >= k) of n rows drawn with a share; 0 up to the mean."""
    over = (k > n * share) & (n > 0)
    q = np.where(over, np.minimum(k, n) / np.maximum(n, 1e-300), share)
    left = 1 - q
    kl = q * np.log(q / share) + np.where(
        left > 0, left * np.log(np.maximum(left, 1e-300) / (1 - share)), 0.0
    )
    bound: Floats = np.where(over, -n * kl, 0.0)
    return bound
