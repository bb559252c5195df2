"""How fast is an error budget being spent? Burn rates over a long and a short window.

A burn rate of 1 spends just what the objective allows; 14.4 spends a month's budget in 50 hours.
The long window says that it matters, the short one that it still goes on, so that an alarm ends
soon after its cause (Beyer and others 2018, The Site Reliability Workbook, chapter 5, section 6).

The book's rule looks at point estimates, and one error among ten requests burns at 100 times the
rate of a 0.1 % budget. Here an alarm asks for both: the effect (each window at the factor or over)
and evidence that the budget is overspent at all (`sequential.log_evidence_over` of the long
window). At any one look a healthy stream shows such evidence with at most the chance alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from seatrial.stats.counts import BadStatistic, Counts, Interval, check_share
from seatrial.stats.sequential import log_evidence_over, lower_bound, upper_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRule:
    """Two windows and the burn rate that both must reach.

    Args:
        long_s: length of the long window in seconds, over ``short_s``.
        short_s: length of the short window in seconds, > 0; a twelfth of the long one is usual.
        factor: burn rate, > 0.

    Raises: BadStatistic.
    """

    long_s: float
    short_s: float
    factor: float

    def __post_init__(self) -> None:
        if not 0 < self.short_s < self.long_s < math.inf or not 0 < self.factor < math.inf:
            raise BadStatistic(
                f"A burn rate of {self.factor!r} over {self.long_s!r} s and {self.short_s!r} s "
                "is no rule.",
                remedy="Give a factor above 0 and a short window shorter than the long one.",
            )


FAST = BurnRule(long_s=3600, short_s=300, factor=14.4)
"""Spends 2 % of a 30-day budget in an hour: somebody should look now."""

SLOW = BurnRule(long_s=6 * 3600, short_s=1800, factor=6)
"""Spends 5 % of a 30-day budget in six hours."""

CREEPING = BurnRule(long_s=3 * 86_400, short_s=6 * 3600, factor=1)
"""Spends 10 % of a 30-day budget in three days: somebody should look this week."""


class BurnCode(StrEnum):
    """What the two windows say."""

    BURNING = "burn.burning"
    UNPROVEN = "burn.unproven"
    OVER = "burn.over"
    BELOW = "burn.below"
    NO_REQUESTS = "burn.no_requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How fast a budget is being spent, and whether that is an alarm.

    Args:
        code: BURNING is the alarm. UNPROVEN: both windows reach the factor, but chance may do so
            with so few requests. OVER: only the long window still reaches it. BELOW: the long
            window does not. NO_REQUESTS: one of the windows is empty, and nothing is known.
        rule: the windows and the factor.
        budget: share of requests that may fail, in (0, 1).
        long: events among the requests of the long window.
        short: the same of the short window.
        interval: of the long window's burn rate, each side at alpha.
    """

    code: BurnCode
    rule: BurnRule
    budget: float
    long: Counts
    short: Counts
    interval: Interval

    @property
    def rate(self) -> float | None:
        """Burn rate over the long window; None without requests."""
        return None if (rate := self.long.rate) is None else rate / self.budget

    @property
    def recent_rate(self) -> float | None:
        """Burn rate over the short window; None without requests."""
        return None if (rate := self.short.rate) is None else rate / self.budget

    def spent_in_s(self, period_s: float) -> float | None:
        """Seconds in which a whole budget is spent at the recent rate; None when nothing is.

        Args: period_s: the time the budget is meant for, such as 30 days.
        """
        return period_s / rate if (rate := self.recent_rate) else None


def burn(rule: BurnRule, *, long: Counts, short: Counts, budget: float, alpha: float) -> Burn:
    """Judge two windows that end now.

    Args:
        rule: the windows and the factor.
        long: events among the requests of the last ``rule.long_s`` seconds.
        short: the same of the last ``rule.short_s`` seconds.
        budget: share of requests that may fail, in (0, 1), such as 0.001.
        alpha: in (0, 1), chance of an alarm at one look while the budget is kept.

    Raises: BadStatistic.   Source: the module's docstring.
    """
    check_share("budget", budget)
    check_share("alpha", alpha)
    return Burn(
        code=_code(rule, long, short, budget, alpha),
        rule=rule,
        budget=budget,
        long=long,
        short=short,
        interval=_interval(long, budget, alpha),
    )


def _code(rule: BurnRule, long: Counts, short: Counts, budget: float, alpha: float) -> BurnCode:
    if long.rate is None or short.rate is None:
        return BurnCode.NO_REQUESTS
    # A factor that no rate reaches (14.4 times a budget of 10 %) means: everything fails.
    asked = min(rule.factor * budget, 1.0)
    if long.rate < asked:
        return BurnCode.BELOW
    if short.rate < asked:
        return BurnCode.OVER
    proven = log_evidence_over(long, limit=budget) >= -math.log(alpha)
    return BurnCode.BURNING if proven else BurnCode.UNPROVEN


def _interval(counts: Counts, budget: float, alpha: float) -> Interval:
    if not counts.n:
        return Interval(lower=0.0, upper=1 / budget)
    return Interval(
        lower=lower_bound(counts, alpha=alpha, around=budget) / budget,
        upper=upper_bound(counts, alpha=alpha) / budget,
    )
