"""Is the error budget spent too fast? Burn rates as findings."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.kernel.duration import show_duration
from seatrial.monitoring.service.config import BudgetConfig, BurnConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.release.measurement import Summary
from seatrial.stats.burnrate import Burn, BurnCode, burn


def judge_budget(
    pair: BurnConfig, config: BudgetConfig, windows: Mapping[float, Summary], *, alpha: float
) -> ServiceFinding:
    """Whether errors are made faster than the budget allows, over one pair of windows.

    Args:
        pair: the windows.
        config: the budget.
        windows: what was measured, by length of the window in seconds.
        alpha: in (0, 1), chance of an alarm at one look while the budget is kept.

    Raises: BadStatistic.
    """
    found = burn(
        pair.rule(),
        long=windows[pair.long].error_counts,
        short=windows[pair.short].error_counts,
        budget=config.share,
        alpha=alpha,
    )
    match found.code:
        case BurnCode.BURNING:
            level = Level.CRITICAL if pair.critical else Level.WARNING
        case BurnCode.UNPROVEN | BurnCode.NO_REQUESTS:
            level = Level.INCONCLUSIVE
        case BurnCode.OVER | BurnCode.BELOW:
            level = Level.OK
    spent = found.spent_in_s(config.period)
    return ServiceFinding(
        signal="error_budget",
        level=level,
        code=found.code.value,
        reason=_sentence(found, config, spent),
        unit="burn",
        value=found.rate,
        interval=found.interval,
        limit=pair.factor,
        n=found.long.n,
        labels={"window": show_duration(pair.long)},
        evidence={
            "recent_burn": found.recent_rate,
            "n_errors": found.long.k,
            "budget_spent_in_s": spent,
        },
    )


def _sentence(found: Burn, config: BudgetConfig, spent: float | None) -> str:
    budget = f"the error budget of {100 * config.share:.3g} %"
    long, short = show_duration(found.rule.long_s), show_duration(found.rule.short_s)
    if found.rate is None or found.recent_rate is None:
        empty = long if found.rate is None else short
        return f"{budget}: no request over the last {empty}"
    said = (
        f"{budget} is spent {found.rate:.3g} times as fast as allowed over {long} "
        f"({found.long.k:,} of {found.long.n:,}) and {found.recent_rate:.3g} times over {short}"
    )
    match found.code:
        case BurnCode.BURNING if spent is not None:
            period = show_duration(config.period)
            return f"{said}; the budget of {period} lasts {show_duration(spent)} like this"
        case BurnCode.UNPROVEN:
            return f"{said}, but with so few requests chance may do that"
        case _:
            return said
