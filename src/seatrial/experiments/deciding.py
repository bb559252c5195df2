"""From comparisons to a decision: variant by variant, then for the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.experiments.design import Experiment, Role
from seatrial.experiments.families import reaches
from seatrial.experiments.verdicts import (
    Comparison,
    Guard,
    Mismatch,
    Outcome,
    Reason,
    State,
    VariantVerdict,
    Why,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """See `Judgement`, which has the same fields."""

    outcome: Outcome
    winner: str | None
    stop: bool
    reason: Reason
    verdicts: tuple[VariantVerdict, ...]


def decided(
    experiment: Experiment,
    state: State,
    comparisons: Sequence[Comparison],
    mismatch: Mismatch,
    *,
    alpha: float,
    n: int,
    days: float | None,
) -> Decision:
    """What is to be done.

    Args:
        comparisons: of all metrics and variants.
        alpha: that the primary metric's p-values are held against.
        n, days: so far, for what is still to come.
    """
    verdicts = tuple(
        _of_variant(
            experiment,
            state,
            variant.name,
            [one for one in comparisons if one.variant == variant.name],
            alpha=alpha,
            n=n,
            days=days,
        )
        for variant in experiment.variants[1:]
    )
    if not all(mismatch.counts):
        facts = {"variant": experiment.variants[mismatch.counts.index(0)].name}
        reason = Reason(why=Why.NO_UNITS, facts=facts)
        at_end = state is State.AT_HORIZON
        return _undecided(verdicts, reason, stop=mismatch.found or at_end)
    if mismatch.found:
        reason = Reason(why=Why.MISMATCH, facts={"p_value": mismatch.p_value})
        return _undecided(verdicts, reason, stop=True)
    return _together(experiment, state, comparisons, verdicts)


def _undecided(verdicts: tuple[VariantVerdict, ...], reason: Reason, *, stop: bool) -> Decision:
    """Nothing of what was compared counts."""
    voided = tuple(
        VariantVerdict(variant=one.variant, outcome=Outcome.INCONCLUSIVE, reason=reason)
        for one in verdicts
    )
    return Decision(
        outcome=Outcome.INCONCLUSIVE, winner=None, stop=stop, reason=reason, verdicts=voided
    )


def _together(
    experiment: Experiment,
    state: State,
    comparisons: Sequence[Comparison],
    verdicts: tuple[VariantVerdict, ...],
) -> Decision:
    gains = {
        one.variant: one.metric.sign * (one.effect.difference or 0.0)
        for one in comparisons
        if one.metric is experiment.primary
    }
    to_ship = [one for one in verdicts if one.outcome is Outcome.SHIP]
    undecided = [one for one in verdicts if one.outcome is Outcome.INCONCLUSIVE]
    if to_ship:
        best = max(to_ship, key=lambda one: gains[one.variant])
        outcome, reason, winner = Outcome.SHIP, best.reason, best.variant
    elif undecided:
        outcome, reason, winner = Outcome.INCONCLUSIVE, undecided[0].reason, None
    else:
        outcome, winner = Outcome.DO_NOT_SHIP, None
        reason = verdicts[0].reason if len(verdicts) == 1 else Reason(why=Why.ALL_REFUSED)
    stop = outcome is not Outcome.INCONCLUSIVE or state is State.AT_HORIZON
    return Decision(outcome=outcome, winner=winner, stop=stop, reason=reason, verdicts=verdicts)


def _of_variant(
    experiment: Experiment,
    state: State,
    variant: str,
    comparisons: Sequence[Comparison],
    *,
    alpha: float,
    n: int,
    days: float | None,
) -> VariantVerdict:
    def verdict(outcome: Outcome, why: Why, **facts: object) -> VariantVerdict:
        reason = Reason(why=why, facts={"variant": variant, **facts})
        return VariantVerdict(variant=variant, outcome=outcome, reason=reason)

    (primary,) = (one for one in comparisons if one.metric.role is Role.PRIMARY)
    broken = [one for one in comparisons if one.guard is Guard.BROKEN]
    if broken:
        return verdict(Outcome.DO_NOT_SHIP, Why.HARM, metric=broken[0].metric.name)
    if state is not State.RUNNING or experiment.early_part > 0:
        shown = _shown(primary, alpha)
        if shown in (Why.WORSE, Why.TOO_SMALL):
            return verdict(Outcome.DO_NOT_SHIP, shown, metric=primary.metric.name)
        unkept = [one for one in comparisons if one.guard is Guard.OPEN]
        if shown is Why.BETTER and unkept:
            name = unkept[0].metric.name
            return verdict(Outcome.INCONCLUSIVE, Why.GUARDRAIL_OPEN, metric=name)
        if shown is Why.BETTER:
            return verdict(Outcome.SHIP, shown, metric=primary.metric.name)
    if state is State.RUNNING:
        horizon = experiment.horizon
        units = max(0, (horizon.units or 0) - n)
        left_days = None if days is None else max(0.0, (horizon.days or 0.0) - days)
        return verdict(Outcome.INCONCLUSIVE, Why.RUNNING, n=units, days=left_days)
    return verdict(Outcome.INCONCLUSIVE, Why.UNDECIDED, metric=primary.metric.name)


def _shown(primary: Comparison, alpha: float) -> Why | None:
    """What is shown of the primary metric, or None."""
    metric, effect = primary.metric, primary.effect
    gain = metric.sign * (effect.difference or 0.0)
    known = reaches(primary.adjusted_p, alpha)
    if known and gain < 0:
        return Why.WORSE
    interval = effect.relative_interval if metric.relative else effect.interval
    most = interval.upper if metric.sign > 0 else -interval.lower
    if metric.effect is not None and most < metric.effect:
        return Why.TOO_SMALL
    return Why.BETTER if known and gain > 0 else None
