"""What a judgement consists of: its outcomes, in closed lists, and the evidence for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from seatrial.experiments.comparing import Effect
from seatrial.experiments.design import Experiment, Metric
from seatrial.stats.counts import Interval


class State(StrEnum):
    """Where an experiment stands: before its horizon, at it, or without one."""

    RUNNING = "running"
    AT_HORIZON = "at_horizon"
    OPEN_ENDED = "open_ended"


class Outcome(StrEnum):
    """What is to be done with a variant."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    INCONCLUSIVE = "inconclusive"


class Guard(StrEnum):
    """How a guardrail stands: shown to be kept, shown to be broken, or neither."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"


class Why(StrEnum):
    """What an outcome rests on; `experiments/words.py` has a sentence for each."""

    NO_UNITS = "no_units"
    MISMATCH = "mismatch"
    HARM = "harm"
    BETTER = "better"
    GUARDRAIL_OPEN = "guardrail_open"
    WORSE = "worse"
    TOO_SMALL = "too_small"
    RUNNING = "running"
    UNDECIDED = "undecided"
    ALL_REFUSED = "all_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an outcome is what it is.

    Args:
        why: which sentence.
        facts: what it speaks of: ``variant``, ``metric``, ``n`` and such.
    """

    why: Why
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A metric of a variant.

    Args:
        metric, variant: which.
        effect: with an interval that holds together with those of the metric's family.
        adjusted_p: p-value, corrected for the family by Holm.
        guard: how it stands, for a guardrail.
        gain_bound: for a guardrail, the gain it is shown to have at least; negative is a loss.
    """

    metric: Metric
    variant: str
    effect: Effect
    adjusted_p: float
    guard: Guard | None = None
    gain_bound: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Whether units were split as intended.

    Args:
        found: whether it is shown that they were not.
        p_value: the smaller of that for any look and, at the horizon, chi-square's.
        counts: units by variant, in order.
        shares: intended, in order.
    """

    found: bool
    p_value: float
    counts: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The primary metric of a variant as it was known at a time.

    Args:
        at: end of a slice.
        n: units by then, all variants.
        difference: treated minus control, or None.
        interval: valid at every look.
    """

    at: datetime
    n: int
    difference: float | None
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """The primary metric of a variant in a segment; tells where to look, and decides nothing.

    Args:
        column, value: the segment.
        n: its units, all variants.
        effect: its interval holds together with those of all segments.
    """

    column: str
    value: str
    variant: str
    n: int
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantVerdict:
    """What is to be done with a variant, and why."""

    variant: str
    outcome: Outcome
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """An experiment at a moment.

    Args:
        experiment: as planned.
        state: where it stands.
        alpha: chance of a wrong decision that the primary metric's intervals stand for.
        n: units that were judged; those after the horizon are not.
        n_after: units that came after the horizon.
        days: from the beginning to the end of what was judged; None where times are not known.
        n_crossed, n_unexposed: see `Tally`.
        outcome: of the experiment.
        winner: the variant to ship, or None.
        stop: whether there is nothing to gain by going on.
        reason: why.
        verdicts: by variant, without the control.
        comparisons: by metric, then variant.
        mismatch: of the split.
        series: by variant, the primary metric over time.
        segments: effects in segments.
    """

    experiment: Experiment
    state: State
    alpha: float
    n: int
    n_after: int
    days: float | None
    n_crossed: int
    n_unexposed: int
    outcome: Outcome
    winner: str | None
    stop: bool
    reason: Reason
    verdicts: tuple[VariantVerdict, ...]
    comparisons: tuple[Comparison, ...]
    mismatch: Mismatch
    series: Mapping[str, tuple[Point, ...]]
    segments: tuple[SegmentEffect, ...]
