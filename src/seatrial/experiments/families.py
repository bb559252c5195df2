"""Comparisons that are looked at together: all metrics of a role, of all variants.

Intervals of a family hold together (Bonferroni), p-values are corrected together (Holm), which
rejects all that the intervals exclude and sometimes more. Each role is a family of its own: what is
looked at for explanation costs the decision nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seatrial.experiments.comparing import (
    MetricSums,
    Ruler,
    differences,
    effect,
    gain_bound,
    loss_p_value,
)
from seatrial.experiments.design import Experiment, Metric, Role
from seatrial.experiments.verdicts import Comparison, Guard
from seatrial.stats.holm import holm


def compared(
    experiment: Experiment,
    role: Role,
    sums: Mapping[str, MetricSums],
    ruler: Ruler,
    *,
    always: Ruler,
    alpha: float,
) -> list[Comparison]:
    """The comparisons of a role, by metric, then variant.

    Args:
        sums: by metric, shape (variants,).
        ruler: how effects are read; ``always`` what holds at any look, for guardrails.
        alpha: of the family.
    """
    metrics = experiment.of_role(role)
    variants = experiment.variants[1:]
    part = 1 / max(1, len(metrics) * len(variants))
    found = [
        Comparison(
            metric=metric,
            variant=variant.name,
            effect=(one := effect(metric, sums[metric.name], place, ruler, alpha=alpha * part)),
            adjusted_p=one.p_value,
        )
        for metric in metrics
        for place, variant in enumerate(variants, 1)
    ]
    if role is Role.GUARDRAIL:
        return _guarded(experiment, found, sums, ruler, always=always, alpha=alpha, part=part)
    adjusted = holm([one.adjusted_p for one in found]).tolist()
    return [replace(one, adjusted_p=p) for one, p in zip(found, adjusted, strict=True)]


def reaches(p_value: float, alpha: float) -> bool:
    """Whether a corrected p-value is small enough; one that is alpha but for rounding is."""
    return p_value <= alpha * (1 + 1e-9)


def _guarded(
    experiment: Experiment,
    found: list[Comparison],
    sums: Mapping[str, MetricSums],
    ruler: Ruler,
    *,
    always: Ruler,
    alpha: float,
    part: float,
) -> list[Comparison]:
    """Guardrails with how they stand.

    All must be shown to be kept, each at alpha, so nothing is corrected; any may be found broken,
    so that is corrected for all of them.
    """
    places = {variant.name: place for place, variant in enumerate(experiment.variants)}
    losses = holm(
        [
            _loss(one.metric, sums, places[one.variant], always, alpha=experiment.alpha * part)
            for one in found
        ]
    ).tolist()
    guarded = []
    for one, p in zip(found, losses, strict=True):
        difference = differences(one.metric, sums[one.metric.name], places[one.variant])
        bound = gain_bound(one.metric, difference, ruler, alpha=alpha)
        kept = bound > -_margin(one.metric)
        guard = Guard.BROKEN if reaches(p, experiment.alpha) else Guard.KEPT if kept else Guard.OPEN
        guarded.append(replace(one, adjusted_p=p, guard=guard, gain_bound=bound))
    return guarded


def _loss(
    metric: Metric, sums: Mapping[str, MetricSums], place: int, always: Ruler, *, alpha: float
) -> float:
    difference = differences(metric, sums[metric.name], place)
    return float(loss_p_value(metric, difference, always, alpha=alpha, margin=_margin(metric)))


def _margin(metric: Metric) -> float:
    assert metric.margin is not None  # a guardrail has one
    return metric.margin
