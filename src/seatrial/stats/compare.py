"""Canary against stable: how much do two rates differ?

Bounds for a difference, valid at every look. Quantiles are compared through the share of slow
requests, see `stats/quantiles.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.stats.counts import Counts, Interval
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
