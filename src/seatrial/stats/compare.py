"""Canary against stable: how much do two rates differ?

Sequential bounds for a difference, valid at every look, and the fixed-sample interval that is not:
the latter is for a horizon stated beforehand. Quantiles are compared through the share of slow
requests, see `stats/quantiles.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from seatrial.stats.counts import BadStatistic, Counts, Interval, check_share
from seatrial.stats.sequential import lower_bound, upper_bound

CANARY_PART = 0.9
"""Share of alpha spent on the canary's bound, the rest on the stable's.

The canary has few requests and the stable many, so alpha is worth more on the canary's side. With
5 % of the traffic on the canary, 0.9 needed the fewest requests among 0.5, 0.7, 0.8 and 0.9.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateComparison:
    """Bounds of two rates that hold together at every look.

    The upper bound of one side and the lower bound of the other share an alpha, so by the union
    bound a difference of the two is wrong with at most that chance. Nothing is asked of how the two
    streams depend on each other, or of the split staying the same.
    """

    canary: Interval
    stable: Interval

    @property
    def difference(self) -> Interval:
        """Canary minus stable, in [-1, 1]. Non-inferior by a margin is "upper <= margin"."""
        return Interval(
            lower=self.canary.lower - self.stable.upper,
            upper=self.canary.upper - self.stable.lower,
        )


def compare_rates(
    stable: Counts, canary: Counts, *, alpha_lower: float, alpha_upper: float, around: float
) -> RateComparison:
    """Compare the rates of two versions, as often as one likes.

    Args:
        stable: what the version in production did.
        canary: what the version on trial did.
        alpha_lower: in (0, 1), the chance that the difference's lower bound is ever too high.
        alpha_upper: in (0, 1), the chance that its upper bound is ever too low.
        around: in (0, 1), size of the differences that matter; see `sequential.lower_bound`.

    Raises: BadStatistic.
    """
    of_canary, of_stable = CANARY_PART, 1 - CANARY_PART
    return RateComparison(
        canary=Interval(
            lower=lower_bound(canary, alpha=of_canary * alpha_lower, around=around),
            upper=upper_bound(canary, alpha=of_canary * alpha_upper),
        ),
        stable=Interval(
            lower=lower_bound(stable, alpha=of_stable * alpha_upper, around=around),
            upper=upper_bound(stable, alpha=of_stable * alpha_lower),
        ),
    )


def rate_difference(stable: Counts, canary: Counts, *, alpha: float) -> Interval:
    """Score interval for the difference of two rates, canary minus stable, at a fixed sample size.

    Args: at least one trial on each side; alpha in (0, 1), two-sided.
    Returns: bounds in [-1, 1], valid at one look chosen beforehand.
    Raises: BadStatistic.   Source: Newcombe 1998, Stat. Med. 17:873, method 10.
    """
    check_share("alpha", alpha)
    z = NormalDist().inv_cdf(1 - alpha / 2)
    q, q_low, q_high = _wilson(stable, z)
    p, p_low, p_high = _wilson(canary, z)
    return Interval(
        lower=p - q - math.hypot(p - p_low, q_high - q),
        upper=p - q + math.hypot(p_high - p, q - q_low),
    )


def _wilson(counts: Counts, z: float) -> tuple[float, float, float]:
    """A rate with its score interval (Wilson 1927, J. Am. Stat. Assoc. 22:209)."""
    n, rate = counts.n, counts.rate
    if rate is None:
        raise BadStatistic(
            "A fixed-sample interval needs at least one trial on each side.",
            remedy="Wait for the first request, or use compare_rates.",
        )
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + (z / (2 * n)) ** 2)
    scale = 1 + z * z / n
    return rate, (centre - half) / scale, (centre + half) / scale
