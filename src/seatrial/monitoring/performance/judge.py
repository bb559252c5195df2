"""Judges the performance of a variant: functions of the state, the reference and the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.state import PerformanceState, WindowSums
from seatrial.monitoring.performance.trust import trust_in_scores
from seatrial.monitoring.performance.verdict import (
    Estimated,
    EstimatedMetric,
    Level,
    Measured,
    MeasuredMetric,
    PerformanceRules,
    Trust,
)
from seatrial.stats.calibration import ConfidenceCounts
from seatrial.stats.counts import Interval
from seatrial.stats.expected_performance import expected_metrics
from seatrial.stats.fusion import COVERED_SHARE, Belief, Residuals, expected_over
from seatrial.stats.performance import Metric

_NORMAL = NormalDist()


def estimated(
    state: PerformanceState, reference: PerformanceReference, rules: PerformanceRules
) -> Estimated:
    """The performance of the newest window, with labels as far as there are any."""
    steps = state.fusion.steps[-state.steps_per_window :]
    expected = expected_over(steps)
    trust = trust_in_scores(state, reference, rules)
    name, main = reference.main.name, reference.main
    if expected is None:
        reason = _why_nothing(reference)
        return Estimated(
            level=Level.UNKNOWN,
            reason=reason,
            metric=name,
            value=None,
            interval=None,
            reference=main.value,
            drop=None,
            drop_interval=None,
            warning_chance=None,
            critical_chance=None,
            label_free=None,
            n=0,
            trust=trust,
        )
    belief = state.fusion.now
    of_reference = (main.standard_error or 0.0) ** 2
    spread = belief.interval(share=rules.interval_share, more_variance=expected.map_variance)
    against = belief.interval(
        share=rules.interval_share, more_variance=expected.map_variance + of_reference
    )
    # The window's mean is that of its steps, each with the bias of its own time; how sure one is of
    # it is how sure one is now.
    beliefs = state.fusion.beliefs[-len(steps) :]
    bias = sum(s.expected.n * b.mean for s, b in zip(steps, beliefs, strict=True)) / expected.n
    value, moved = expected.mean + bias, bias - belief.mean
    chances = [
        _chance_of_drop(
            belief, reference, expected.mean, drop, expected.map_variance + of_reference
        )
        for drop in (rules.warning_drop, rules.critical_drop)
    ]
    drop = reference.drop(value)
    ends = (expected.mean + moved + end for end in (against.lower, against.upper))
    drops = sorted(reference.drop(end) for end in ends)
    level = _level(chances[0], chances[1], rules)
    return Estimated(
        level=level,
        reason=_sentence("estimated", value, reference, chances, level=level, rules=rules),
        metric=name,
        value=_within(value, reference),
        interval=Interval(
            lower=_within(expected.mean + moved + spread.lower, reference),
            upper=_within(expected.mean + moved + spread.upper, reference),
        ),
        reference=main.value,
        drop=drop,
        drop_interval=Interval(lower=drops[0], upper=drops[1]),
        warning_chance=chances[0],
        critical_chance=chances[1],
        label_free=expected.mean,
        n=expected.n,
        trust=trust,
        others=()
        if trust.trust is Trust.CONTRADICTED
        else _others(state, reference, rules, moved_variance=belief.variance),
    )


def measured(
    state: PerformanceState,
    reference: PerformanceReference,
    rules: PerformanceRules,
    *,
    window: int | None = None,
) -> Measured | None:
    """The real performance of a window.

    Args: window: its index; None: the newest whose rows nearly all have labels, and if there is
        none the newest with enough of them to be judged: an audit's, most often.
    Returns: None when no window, or not this one, has labels.
    """
    index = _newest_labelled(state, rules) if window is None else window
    sums = None if index is None else state.windows.get(index)
    if index is None or sums is None or not sums.labelled.n:
        return None
    of_reference = {metric.name: metric for metric in reference.metrics}
    z = _NORMAL.inv_cdf((1 + rules.interval_share) / 2)
    found = tuple(reference.of_rows(metric) for metric in sums.labelled.metrics())
    main = found[0]
    error = math.hypot(_error(main), reference.main.standard_error or 0.0) / reference.scale
    drop = reference.drop(main.value)
    chances: list[float] | None = None
    level, reason = Level.UNKNOWN, f"only {main.n} labels, {rules.least_labelled} are needed"
    if main.n >= rules.least_labelled:
        limits = (rules.warning_drop, rules.critical_drop)
        chances = [
            _NORMAL.cdf((drop - limit) / error) if error else float(drop > limit)
            for limit in limits
        ]
        level = _level_of_labels(chances, reference, rules, whole=_is_whole(sums))
        reason = _sentence("measured", main.value, reference, chances, level=level, rules=rules)
        if level is Level.UNKNOWN:
            reason += f"; with {main.n:,} labels of {sums.n:,} rows it is for the estimate to judge"
    unexplained, of_unexplained = _unexplained(sums.residuals, reference, z)
    return Measured(
        level=level,
        reason=reason,
        window=index,
        n=sums.n,
        n_labelled=sums.labelled.n,
        metrics=tuple(_against(metric, of_reference.get(metric.name), z) for metric in found),
        warning_chance=None if chances is None else chances[0],
        critical_chance=None if chances is None else chances[1],
        unexplained=unexplained,
        unexplained_interval=of_unexplained,
    )


def _why_nothing(reference: PerformanceReference) -> str:
    if reference.estimates:
        return "no prediction with a usable score yet"
    if reference.classes is not None:
        return "without probabilities nothing is known of the accuracy before labels come"
    return "of several numbers a row no error is estimated before labels come"


def _others(
    state: PerformanceState,
    reference: PerformanceReference,
    rules: PerformanceRules,
    *,
    moved_variance: float,
) -> tuple[EstimatedMetric, ...]:
    """The metrics beside the main one, of the same steps, from scores alone."""
    if reference.calibration is None or not state.recent:
        return ()
    counts = sum(state.recent.values(), ConfidenceCounts.empty(reference.n_classes))
    of_reference = {metric.name: metric.value for metric in reference.metrics}
    z = _NORMAL.inv_cdf((1 + rules.interval_share) / 2)
    found = expected_metrics(counts, reference.calibration, moved_variance=moved_variance)
    return tuple(
        EstimatedMetric(
            name=one.name,
            value=one.value,
            interval=Interval(
                lower=max(0.0, one.value - z * one.standard_error),
                upper=min(1.0, one.value + z * one.standard_error),
            ),
            reference=of_reference.get(one.name),
            drop=of_reference[one.name] - one.value if one.name in of_reference else None,
        )
        for one in found
    )


def _newest_labelled(state: PerformanceState, rules: PerformanceRules) -> int | None:
    enough = {i: w for i, w in state.windows.items() if w.labelled.n >= rules.least_labelled}
    return max([i for i, w in enough.items() if _is_whole(w)] or enough, default=None)


def _is_whole(window: WindowSums) -> bool:
    return window.labelled.n >= COVERED_SHARE * window.n


def _chance_of_drop(
    belief: Belief, reference: PerformanceReference, expected: float, drop: float, variance: float
) -> float:
    """Chance that the expected metric plus the bias is worse than the reference by over a drop."""
    if reference.classes is not None:
        limit = reference.main.value - drop - expected
        return belief.chance_below(limit, more_variance=variance)
    limit = reference.main.value * (1 + drop) - expected
    return 1 - belief.chance_below(limit, more_variance=variance)


def _level(warning: float, critical: float, rules: PerformanceRules) -> Level:
    if critical > rules.critical_chance:
        return Level.CRITICAL
    return Level.WARNING if warning > rules.warning_chance else Level.CLEAR


def _level_of_labels(
    chances: Sequence[float],
    reference: PerformanceReference,
    rules: PerformanceRules,
    *,
    whole: bool,
) -> Level:
    """Of a window with labels. An audit's few are judged with those of other windows, by the
    estimate, where there is one: by themselves they would alarm in one window of six."""
    if not whole and reference.estimates:
        return Level.UNKNOWN
    if chances[0] <= (rules.measured_chance if whole else rules.warning_chance):
        return Level.CLEAR
    return Level.CRITICAL if chances[1] > rules.critical_chance else Level.WARNING


def _sentence(
    how: str,
    value: float,
    reference: PerformanceReference,
    chances: Sequence[float],
    *,
    level: Level,
    rules: PerformanceRules,
) -> str:
    name, drop = reference.main.name, reference.drop(value)
    limit, chance = rules.warning_drop, chances[0]
    if level is Level.CRITICAL:
        limit, chance = rules.critical_drop, chances[1]
    moved = f"{100 * abs(drop):.1f} {'points' if name == 'accuracy' else '%'}"
    return (
        f"{how} {name} {_number(name, value)} against {_number(name, reference.main.value)} on the "
        f"reference, {moved} {'worse' if drop > 0 else 'better'}; {100 * chance:.0f} % sure that "
        f"the drop is over {100 * limit:g} %"
    )


def _number(name: str, value: float) -> str:
    return f"{100 * value:.1f} %" if name == "accuracy" else f"{value:.4g}"


def _within(value: float, reference: PerformanceReference) -> float:
    """A share stays in [0, 1], an error is not negative."""
    return min(max(value, 0.0), 1.0 if reference.classes is not None else math.inf)


def _error(metric: Metric) -> float:
    """The standard error of a measured metric.

    That of an accuracy is taken a right and a wrong row further in, or thirty right ones in a row
    would be certain never to be followed by a wrong one.
    """
    if metric.name != "accuracy":
        return metric.standard_error or 0.0
    share = (metric.value * metric.n + 1) / (metric.n + 2)
    return math.sqrt(share * (1 - share) / metric.n)


def _unexplained(
    residuals: Residuals, reference: PerformanceReference, z: float
) -> tuple[float | None, Interval | None]:
    if not residuals.n:
        return None, None
    worse = -1.0 if reference.classes is not None else 1.0
    value = worse * residuals.total / residuals.n / reference.scale
    half = z * math.sqrt(max(residuals.variance, 0.0)) / residuals.n / reference.scale
    return value, Interval(lower=value - half, upper=value + half)


def _against(metric: Metric, of_reference: Metric | None, z: float) -> MeasuredMetric:
    error = metric.standard_error
    is_share = metric.name not in {"mae", "rmse"}
    interval = (
        None
        if error is None
        else Interval(
            lower=max(0.0, metric.value - z * error),
            upper=min(1.0 if is_share else math.inf, metric.value + z * error),
        )
    )
    drop, drop_interval = None, None
    if of_reference is not None and (is_share or of_reference.value > 0):
        scale = 1.0 if is_share else of_reference.value
        worse = of_reference.value - metric.value
        drop = (worse if is_share else -worse) / scale
        if error is not None:
            half = z * math.hypot(error, of_reference.standard_error or 0.0) / scale
            drop_interval = Interval(lower=drop - half, upper=drop + half)
    return MeasuredMetric(
        name=metric.name,
        value=metric.value,
        interval=interval,
        reference=None if of_reference is None else of_reference.value,
        drop=drop,
        drop_interval=drop_interval,
        n=metric.n,
    )
