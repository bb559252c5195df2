"""Where is the mean of a quantity without a bound, such as a cost? An interval for every look.

An asymptotic confidence sequence: what the normal interval is to a sample of fixed size, this is to
one that is looked at again and again. Its error is the one that is stated once there are enough
values for the central limit theorem to hold, whatever their distribution, as long as its variance
is finite. Quantities in [0, 1] have an exact one: `stats/sequential.py`.

The bound is the one-sided one of `stats/mixture.py`, tightest at `TIGHTEST_AT` values.

**Against too few values.** A mean is not called small from fewer than `FOR_UPPER`, nor large from
fewer than `FOR_LOWER`: what is rare and dear is seen late. Values that are all alike so far are no
proof that all will be: one more is imagined, of twice the mean, when s is taken. (Measured at alpha
0.05 over 40 looks up to 3,000 values, 800 trials each: an upper bound is ever below the mean in 5 %
of trials for exponential values, 8 % for lognormal ones of sigma 1, 10 % where every 20th value is
21 times the others; a lower bound above it in under 1 % of all.)
"""

from __future__ import annotations

import math

from seatrial.stats.counts import check_share
from seatrial.stats.mixture import Mixture
from seatrial.stats.moments import Moments

FOR_UPPER, FOR_LOWER = 100, 30
"""Values that a bound takes."""

TIGHTEST_AT = 200
_NEVER = 10_000_000


def upper_mean(moments: Moments, *, alpha: float) -> float:
    """Upper confidence bound of a mean, asymptotically valid at every look.

    Args: alpha in (0, 0.5), the chance that the bound is ever below the mean.
    Returns: in the unit of the values; infinite for fewer than `FOR_UPPER`.
    Raises: BadStatistic.
    """
    check_share("alpha", 2 * alpha)
    if moments.n < FOR_UPPER:
        return math.inf
    return _mean(moments) + _width(moments.n, _deviation(moments), alpha)


def lower_mean(moments: Moments, *, alpha: float) -> float:
    """Lower confidence bound of the mean of a quantity >= 0; see `upper_mean`.

    Returns: at least 0; 0 for fewer than `FOR_LOWER` values.
    """
    check_share("alpha", 2 * alpha)
    if moments.n < FOR_LOWER:
        return 0.0
    return max(0.0, _mean(moments) - _width(moments.n, _deviation(moments), alpha))


def values_needed(moments: Moments, *, limit: float, alpha: float) -> int | None:
    """How many further values like those seen until their mean is shown to be under a limit.

    Args: limit > 0, in the unit of the values; alpha in (0, 0.5).
    Returns: 0 when it is shown already; None when no number would do.
    Raises: BadStatistic.
    """
    check_share("alpha", 2 * alpha)
    mean, deviation = _mean(moments), _deviation(moments)
    if moments.n and mean >= limit:
        return None

    def shown(n: int) -> bool:
        return n >= FOR_UPPER and mean + _width(n, deviation, alpha) <= limit

    low, high = moments.n, max(moments.n, FOR_UPPER)
    while not shown(high):
        low, high = high, 2 * high
        if high > _NEVER:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high - moments.n


def _mean(moments: Moments) -> float:
    return moments.mean or 0.0


def _deviation(moments: Moments) -> float:
    """With one more value, of twice the mean."""
    mean = _mean(moments)
    return math.sqrt(moments.deviation**2 + mean**2 / max(moments.n, 1))


def _width(n: int, deviation: float, alpha: float) -> float:
    mixture = Mixture.tightest_at(TIGHTEST_AT, alpha=alpha, sides=1)
    return deviation / math.sqrt(n) * float(mixture.errors(n, alpha=alpha))
