"""Counts whose probabilities are themselves uncertain: laws of Dirichlet and Polya.

numpy has no gamma function; what is needed of it is Stirling's series after a shift.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SHIFT = 7

Floats = NDArray[np.float64]


def log_rising(x: Floats, n: Floats) -> Floats:
    """Logarithm of ``x (x + 1) ... (x + n - 1)``: of the gamma function at x + n over that at x.

    The difference of two large logarithms is never taken: 1e13 rows lose nothing.

    Args:
        x: any shape, in (0, 1e40).
        n: the same shape, >= 0, not necessarily whole.

    Returns: relative or absolute error below 1e-10.
    Source: Abramowitz and Stegun 1964, 6.1.15 and 6.1.40.
    """
    y = x + _SHIFT
    z = y + n
    top, bottom = x + n, x.copy()
    for i in range(1, _SHIFT):
        bottom *= x + i
        top *= z - i
    ratio = np.log(bottom / top)
    value: Floats = (z - 0.5) * np.log1p(n / y) + n * (np.log(y) - 1) + _tail(z) - _tail(y) + ratio
    return value


def _tail(y: Floats) -> Floats:
    """Stirling's series, from y = 7 on."""
    w = 1.0 / (y * y)
    tail: Floats = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / y
    return tail


def log_count_law(alpha: Floats, counts: Floats) -> Floats:
    """How likely counts are when their probabilities follow a Dirichlet law.

    Args:
        alpha: shape (..., k), > 0, the parameters of the law.
        counts: shape (..., k), >= 0.

    Returns: shape (...), log of the Dirichlet-multinomial probability, less the multinomial
        coefficient, which no ratio of two such laws needs.
    Source: Johnson, Kotz, Balakrishnan 1997, Discrete Multivariate Distributions, section 35.13.
    """
    total: Floats = log_rising(alpha, counts).sum(axis=-1) - log_rising(
        alpha.sum(axis=-1), counts.sum(axis=-1)
    )
    return total
