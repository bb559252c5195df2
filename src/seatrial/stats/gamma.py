"""The chi-square tail, of which numpy has none."""

from __future__ import annotations

import math

_EPS = 1e-15
_TINY = 1e-300
_MOST_STEPS = 100_000


def chi_square_tail(x: float, df: float) -> float:
    """P(X >= x) for X chi-square with ``df`` degrees of freedom.

    Args: x >= 0; df > 0, else the answer is 1.
    Source: regularised incomplete gamma Q(df/2, x/2): series below df/2 + 1, Lentz's continued
        fraction above (Press et al., Numerical Recipes, 3rd ed., section 6.2).
    """
    if df <= 0 or x <= 0:
        return 1.0
    a, z = df / 2, x / 2
    # In logarithms, for the factors leave the range with some hundred degrees of freedom.
    front = math.exp(a * math.log(z) - z - math.lgamma(a))
    if z < a + 1:
        return max(0.0, 1.0 - front * _series(a, z))
    return min(1.0, front * _fraction(a, z))


def _series(a: float, z: float) -> float:
    term = total = 1 / a
    for k in range(1, _MOST_STEPS):
        term *= z / (a + k)
        total += term
        if term < total * _EPS:
            break
    return total


def _fraction(a: float, z: float) -> float:
    b = z + 1 - a
    c, d = 1 / _TINY, 1 / b
    result = d
    for k in range(1, _MOST_STEPS):
        an = -k * (k - a)
        b += 2
        d = an * d + b
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = b + an / c
        c = c if abs(c) > _TINY else _TINY
        result *= d * c
        if abs(d * c - 1) < _EPS:
            break
    return result
