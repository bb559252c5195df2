"""Do two samples of names come from one distribution? A test whose groups chance cannot choose.

Rare names have to be joined before a chi-square law holds. Joining by the counts of one side keeps
names that this side met often by chance, which then seem to become rarer; so groups are taken from
both sides together. Given how often each name was met in both, which side met it is a draw without
replacement when nothing differs, whatever groups those totals suggest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.divergence import chi_square

EXPECTED = 10.0
"""Rows a group has to be expected to have on the smaller side. (Measured: 110 rows beside 600, of
300 names with shares like 1/k^1.2, have a p under 0.0001 in 0.005 % of 20,000 trials, and under
0.01 in 1.0 %; grouped by the smaller side's own counts it was 0.37 % and 3.4 %.)"""

Counts = NDArray[np.int64] | NDArray[np.float64]


def same_names(reference: Counts, current: Counts) -> float:
    """P-value of "both samples have the same shares".

    Args: rows by name, >= 0, shape (k,), the same names on both sides.
    Returns: 1 where a side has no rows, or too few for two groups.
    Source: Pearson 1900 on groups by the margin; Fisher 1935, J. R. Stat. Soc. 98:39, for margins
        as what a test may condition on.
    """
    r, c = reference.astype(np.float64), current.astype(np.float64)
    n, m = float(r.sum()), float(c.sum())
    if not n or not m:
        return 1.0
    smaller = min(n, m) / (n + m)
    alone = (r + c) * smaller >= EXPECTED
    groups_r, groups_c = r[alone].tolist(), c[alone].tolist()
    rest_r, rest_c = float(r[~alone].sum()), float(c[~alone].sum())
    if (rest_r + rest_c) * smaller >= EXPECTED:
        groups_r.append(rest_r)
        groups_c.append(rest_c)
    elif groups_r:
        least = int(np.argmin(np.array(groups_r) + np.array(groups_c)))
        groups_r[least] += rest_r
        groups_c[least] += rest_c
    if len(groups_r) < 2:
        return 1.0
    return chi_square(np.array(groups_r), np.array(groups_c)).p_value
