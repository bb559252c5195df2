"""An experiment at a moment: what is known, what it means, and whether to go on.

Before the horizon everything is read by what holds at any look, at the part of alpha that the
design leaves for it; at the horizon once, at the rest. Units that come later are not judged:
another look at a test that has been read would be one too many. A guardrail is found broken by what
holds at any look, always, so that harm ends an experiment at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from seatrial.experiments.comparing import Ruler, differences, effect, read, turned_back
from seatrial.experiments.deciding import decided
from seatrial.experiments.design import Experiment, Role
from seatrial.experiments.families import compared
from seatrial.experiments.tally import DAY_S, Sums, Tally
from seatrial.experiments.verdicts import (
    Judgement,
    Mismatch,
    Point,
    SegmentEffect,
    State,
)
from seatrial.stats.srm import mismatch_at_any_look, mismatch_p_value

MISMATCH_ALPHA = 0.001
"""Chance of calling a split wrong that is right; small, for it invalidates everything (Fabijan et
al. 2019, KDD)."""

ASSUMED_UNITS = 10_000
"""Where bounds for any look are tightest when no horizon says how many units there will be."""

MOST_POINTS = 400
MOST_SEGMENTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """What is judged: the state, how many slices, and how it is read."""

    state: State
    n_slices: int
    ruler: Ruler
    always: Ruler
    alpha: float


def judge(experiment: Experiment, tally: Tally, *, now: datetime | None = None) -> Judgement:
    """Judge an experiment.

    Args: now: when; a slice that is not over is judged as far as it goes but does not reach the
        horizon. None: all slices are over.
    """
    moment = _moment(experiment, tally, now)
    counted = tally.sums.until(moment.n_slices)
    sums = {name: one.over(0) for name, one in counted.metrics.items()}
    comparisons = tuple(
        one
        for role in Role
        for one in compared(
            experiment, role, sums, moment.ruler, always=moment.always, alpha=moment.alpha
        )
    )
    mismatch = _mismatch(experiment, counted, moment)
    total = int(counted.n.sum())
    days = _days(tally, moment.n_slices)
    decision = decided(
        experiment, moment.state, comparisons, mismatch, alpha=moment.alpha, n=total, days=days
    )
    return Judgement(
        experiment=experiment,
        state=moment.state,
        alpha=moment.alpha,
        n=total,
        n_after=int(tally.sums.n.sum()) - total,
        days=days,
        n_crossed=tally.n_crossed,
        n_unexposed=tally.n_unexposed,
        outcome=decision.outcome,
        winner=decision.winner,
        stop=decision.stop,
        reason=decision.reason,
        verdicts=decision.verdicts,
        comparisons=comparisons,
        mismatch=mismatch,
        series=_series(experiment, tally, counted, moment),
        segments=_segments(experiment, tally, moment),
    )


def _moment(experiment: Experiment, tally: Tally, now: datetime | None) -> _Moment:
    horizon = experiment.horizon
    tightest_at = float(horizon.units or ASSUMED_UNITS)
    always = Ruler(at_horizon=False, tightest_at=tightest_at)
    n_slices = len(tally.slices)
    if not experiment.has_horizon:
        return _Moment(
            state=State.OPEN_ENDED,
            n_slices=n_slices,
            ruler=always,
            always=always,
            alpha=experiment.early_alpha,
        )
    end = _horizon(experiment, tally, now)
    if end is None:
        # With no alpha left for early decisions, what is shown is read as if there were some.
        return _Moment(
            state=State.RUNNING,
            n_slices=n_slices,
            ruler=always,
            always=always,
            alpha=experiment.early_alpha or experiment.alpha,
        )
    return _Moment(
        state=State.AT_HORIZON,
        n_slices=end,
        ruler=Ruler(at_horizon=True, tightest_at=tightest_at),
        always=always,
        alpha=experiment.final_alpha,
    )


def _horizon(experiment: Experiment, tally: Tally, now: datetime | None) -> int | None:
    """How many slices there were when the horizon was reached; None before."""
    n_slices = len(tally.slices)
    if not n_slices:
        return None
    horizon = experiment.horizon
    units = tally.sums.n.sum(axis=1).cumsum() >= (horizon.units or 1)
    if not tally.slice_s:
        return n_slices if units[-1] and horizon.days is None else None
    ends = (tally.slices - tally.slices[0]).astype(np.int64) + tally.slice_s
    over = np.full(n_slices, fill_value=True)
    passed = float(ends[-1])
    if now is not None:
        passed = now.timestamp() - float(tally.slices[0].astype(np.int64))
        over = ends <= passed
    asked_s = (horizon.days or 0.0) * DAY_S
    reached = np.flatnonzero(units & over & (ends >= asked_s))
    if len(reached):
        return int(reached[0]) + 1
    # Time goes on without units, too.
    return n_slices if units[-1] and over[-1] and passed >= asked_s else None


def _mismatch(experiment: Experiment, counted: Sums, moment: _Moment) -> Mismatch:
    """Half of its alpha is for all looks, half for the one at the horizon."""
    shares = experiment.shares
    p_value = mismatch_at_any_look(counted.n.cumsum(axis=0), shares)
    counts = counted.n.sum(axis=0)
    alpha = MISMATCH_ALPHA
    if experiment.has_horizon:
        alpha /= 2
        if moment.state is State.AT_HORIZON:
            p_value = min(p_value, mismatch_p_value(counts, shares))
    return Mismatch(
        found=p_value <= alpha,
        p_value=p_value,
        counts=tuple(int(n) for n in counts),
        shares=shares,
    )


def _days(tally: Tally, n_slices: int) -> float | None:
    if not tally.slice_s or not n_slices:
        return None
    seconds = (tally.slices[n_slices - 1] - tally.slices[0]).astype(np.int64) + tally.slice_s
    return float(seconds) / DAY_S


def _series(
    experiment: Experiment, tally: Tally, counted: Sums, moment: _Moment
) -> dict[str, tuple[Point, ...]]:
    """The primary metric as it was known at the end of each slice, by what holds at any look."""
    n_variants = len(experiment.variants)
    if not tally.slice_s or not moment.n_slices:
        return {variant.name: () for variant in experiment.variants[1:]}
    metric = experiment.primary
    every = np.unique(
        np.linspace(0, moment.n_slices - 1, min(moment.n_slices, MOST_POINTS)).round().astype(int)
    )
    running = counted.metrics[metric.name].running(0)[every]
    n = counted.n.sum(axis=1).cumsum()[every]
    level = experiment.early_alpha or experiment.alpha
    ends = tally.slices[every].astype(np.int64) + tally.slice_s
    found = {}
    for place in range(1, n_variants):
        difference = differences(metric, running, place)
        reading = read(metric, difference, moment.always, alpha=level / (n_variants - 1))
        found[experiment.variants[place].name] = tuple(
            Point(
                at=datetime.fromtimestamp(int(ends[i]), UTC),
                n=int(n[i]),
                difference=None if np.isnan(difference.value[i]) else float(difference.value[i]),
                interval=turned_back(metric, reading.lower[i], reading.upper[i]),
            )
            for i in range(len(every))
        )
    return found


def _segments(experiment: Experiment, tally: Tally, moment: _Moment) -> tuple[SegmentEffect, ...]:
    metric = experiment.primary
    parts = [
        (column, value, sums.until(moment.n_slices))
        for (column, value), sums in tally.segments.items()
    ]
    parts.sort(key=lambda part: -float(part[2].n.sum()))
    n_variants = len(experiment.variants)
    alpha = moment.alpha / max(1, len(parts) * (n_variants - 1))
    return tuple(
        SegmentEffect(
            column=column,
            value=value,
            variant=experiment.variants[place].name,
            n=int(sums.n.sum()),
            effect=effect(
                metric, sums.metrics[metric.name].over(0), place, moment.ruler, alpha=alpha
            ),
        )
        for column, value, sums in parts[:MOST_SEGMENTS]
        for place in range(1, n_variants)
    )
