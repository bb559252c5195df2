"""How many units an experiment needs and how long that takes, before it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.experiments.design import BadExperiment, Baseline, Experiment, Kind, Metric, Role
from seatrial.kernel.errors import Invalid
from seatrial.stats.sample_size import (
    Test,
    effect_for_means,
    effect_for_shares,
    units_for_means,
    units_for_shares,
)

WEEKS = (1, 2, 3, 4, 6, 8)
"""Durations for which it is said what could be found."""


class NotPlannable(Invalid):
    """What is known is not enough to plan, or the effect asked for cannot be."""

    code = "experiment.not_plannable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one metric asks for.

    Args:
        units: in all variants together.
        alpha: of one comparison.
    """

    metric: str
    units: int
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What so much time finds.

    Args:
        effect: the smallest change of the primary metric found with the power asked for, >= 0; None
            where not even the largest is.
    """

    weeks: int
    units: int
    effect: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHorizon:
    """What is there at the horizon that the design states.

    Args:
        units: in all variants together by then.
        n_missing: units that the plan needs and that are not there by then, >= 0.
        effect: as in `Within`.
    """

    units: int
    n_missing: int
    effect: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan.

    Args:
        units: in all variants together, for every metric that decides.
        by_variant: units by variant, in order.
        needs: by metric.
        days: at the traffic given, whole weeks from the first week on; None without traffic.
        within: what other durations would find; empty without traffic.
        at_horizon: None where the design states none, or days decide and there is no traffic.
    """

    units: int
    by_variant: Mapping[str, int]
    needs: tuple[Need, ...]
    days: int | None
    within: tuple[Within, ...]
    at_horizon: AtHorizon | None


def plan(
    experiment: Experiment, baselines: Mapping[str, Baseline], *, units_per_day: float | None = None
) -> Plan:
    """Plan an experiment.

    Early decisions are not counted on: they take their part of alpha, and the horizon has the rest.

    Args:
        baselines: of the primary metric, and of guardrails where they are known.
        units_per_day: new units a day that could be in it, > 0, of which ``traffic`` are.
    Raises: NotPlannable; BadStatistic.
    """
    if units_per_day is not None and not 0 < units_per_day < math.inf:
        raise NotPlannable(
            f"A traffic of {units_per_day:g} units a day gets nowhere.",
            remedy="Give a number above 0.",
            field="units_per_day",
        )
    metrics = [
        metric
        for metric in experiment.metrics
        if metric.role is Role.PRIMARY
        or (metric.role is Role.GUARDRAIL and metric.name in baselines)
    ]
    needs = tuple(_need(experiment, _absolute(m, baselines), baselines[m.name]) for m in metrics)
    units = max(need.units for need in needs)
    per_day = None if units_per_day is None else units_per_day * experiment.traffic
    primary = _baseline(experiment.primary, baselines)
    return Plan(
        units=units,
        by_variant={
            variant.name: math.ceil(units * share - 1e-9)
            for variant, share in zip(experiment.variants, experiment.shares, strict=True)
        },
        needs=needs,
        days=None if per_day is None else _whole_weeks(units / per_day),
        within=()
        if per_day is None
        else tuple(_within(experiment, primary, weeks, per_day) for weeks in WEEKS),
        at_horizon=_at_horizon(experiment, primary, units, per_day),
    )


def _absolute(metric: Metric, baselines: Mapping[str, Baseline]) -> Metric:
    """The metric with its effect or margin in its own unit, as it is today."""
    today = abs(_baseline(metric, baselines).mean)
    if not metric.relative:
        return metric
    if not today:
        raise NotPlannable(
            f"{metric.name!r} is 0 today, and a share of that is nothing.",
            remedy="Give its effect or margin in its own unit.",
            metric=metric.name,
        )
    effect, margin = (None if s is None else s * today for s in (metric.effect, metric.margin))
    return replace(metric, relative=False, effect=effect, margin=margin)


def _baseline(metric: Metric, baselines: Mapping[str, Baseline]) -> Baseline:
    found = baselines.get(metric.name)
    if found is None:
        raise NotPlannable(
            f"It is not known how {metric.name!r} is today.",
            remedy="Give its share, or its mean and standard deviation.",
            metric=metric.name,
        )
    if metric.kind is not Kind.SHARE and found.deviation is None:
        raise NotPlannable(
            f"The standard deviation of {metric.name!r} among units is not known.",
            remedy="Give it with the mean; yesterday's units have it.",
            metric=metric.name,
        )
    return found


def _need(experiment: Experiment, metric: Metric, baseline: Baseline) -> Need:
    shares = experiment.shares
    found = [
        _control_units(metric, baseline, test) / shares[0] for test in _tests(experiment, metric)
    ]
    alpha = _tests(experiment, metric)[0].alpha
    return Need(metric=metric.name, units=math.ceil(max(found) - 1e-9), alpha=alpha)


def _tests(experiment: Experiment, metric: Metric) -> Sequence[Test]:
    """What is asked of each variant: of the primary metric a part of alpha each, all of guardrails
    at alpha."""
    control, *others = experiment.shares
    if metric.role is Role.GUARDRAIL:
        assert metric.margin is not None
        asked = Test(
            alpha=experiment.final_alpha, power=experiment.power, sides=1, margin=metric.margin
        )
    else:
        asked = Test(alpha=experiment.final_alpha / len(others), power=experiment.power)
    return [
        Test(
            alpha=asked.alpha,
            power=asked.power,
            sides=asked.sides,
            margin=asked.margin,
            ratio=share / control,
        )
        for share in others
    ]


def _control_units(metric: Metric, baseline: Baseline, test: Test) -> float:
    effect = 0.0 if test.margin else metric.effect
    if effect is None:
        raise BadExperiment(
            f"The smallest change of {metric.name!r} that matters is not said.",
            remedy="Give the primary metric an effect.",
            field="effect",
        )
    if metric.kind is Kind.SHARE:
        mean, change = baseline.mean, metric.sign * effect
        if not 0 < mean < 1 or not 0 < mean + change < 1:
            raise NotPlannable(
                f"A share of {mean:g} cannot become {mean + change:g}.",
                remedy="Give a share between 0 and 1 today, and one after the change.",
                metric=metric.name,
            )
        if metric.sign < 0:  # of what is not the event, more is better
            mean, change = 1 - mean, -change
        units = units_for_shares(mean, mean + change, test=test)
        return units * (1 - baseline.explained)
    return units_for_means(effect, deviation=_left(baseline), test=test)


def _left(baseline: Baseline) -> float:
    """The standard deviation that the covariate leaves."""
    assert baseline.deviation is not None
    return baseline.deviation * math.sqrt(1 - baseline.explained)


def _within(experiment: Experiment, baseline: Baseline, weeks: int, per_day: float) -> Within:
    units = int(7 * weeks * per_day)
    return Within(weeks=weeks, units=units, effect=_found(experiment, baseline, units))


def _at_horizon(
    experiment: Experiment, baseline: Baseline, needed: int, per_day: float | None
) -> AtHorizon | None:
    """The horizon is where both its units and its days are reached."""
    stated, days = experiment.horizon.units, experiment.horizon.days
    unknown = days is not None and per_day is None and (stated or 0) < needed
    if unknown or (stated is None and days is None):
        return None
    units = max(stated or 0, int((days or 0.0) * (per_day or 0.0)))
    effect = _found(experiment, baseline, units)
    return AtHorizon(units=units, n_missing=max(0, needed - units), effect=effect)


def _found(experiment: Experiment, baseline: Baseline, units: int) -> float | None:
    """The smallest change of the primary metric that so many units find; None for none at all."""
    control = units * experiment.shares[0]
    metric = experiment.primary
    found = [0.0] if control >= 2 else [math.nan]
    for test in _tests(experiment, metric) if control >= 2 else []:
        if metric.kind is Kind.SHARE:
            n = control / (1 - baseline.explained)
            up = metric.sign > 0
            found.append(effect_for_shares(baseline.mean, n_control=n, test=test, up=up))
        else:
            left = _left(baseline)
            found.append(effect_for_means(n_control=control, deviation=left, test=test))
    return max(found) if not any(map(math.isnan, found)) else None


def _whole_weeks(days: float) -> int:
    """Rounded up to whole weeks, for days of the week differ; within a week, to whole days."""
    return math.ceil(days) if days <= 7 else 7 * math.ceil(days / 7)
