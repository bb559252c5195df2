"""The whole rule, as `judge` applies it day by day: how often it ships what is no better."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.design import (
    Direction,
    Experiment,
    Horizon,
    Kind,
    Metric,
    Role,
    Variant,
)
from seatrial.experiments.judge import judge
from seatrial.experiments.tally import DAY_S, Sums, Tally
from seatrial.experiments.verdicts import Outcome, State, Why
from seatrial.stats.comoments import Comoments

SEED = 2_026
N_DAYS = 14
MARGIN = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of experiments.

    Args:
        lift: true change of the variants' share, from 10 %.
        harm: true change of the guardrail's share, from 5 %; 1 point is accepted.
        shipped, refused: shares of trials; the rest stayed undecided.
        harmed: share in which the guardrail was called broken.
        early: share that was decided before the horizon.
        median_days: to a decision, of those decided.
    """

    lift: float
    harm: float
    n_variants: int
    n_trials: int
    shipped: float
    refused: float
    harmed: float
    early: float
    median_days: float


def design(n_variants: int, units: int) -> Experiment:
    return Experiment(
        name="simulated",
        variants=tuple(Variant(name=f"v{i}") for i in range(n_variants)),
        metrics=(
            Metric(name="bought", kind=Kind.SHARE, role=Role.PRIMARY, effect=0.02),
            Metric(
                name="failed",
                kind=Kind.SHARE,
                role=Role.GUARDRAIL,
                direction=Direction.DOWN,
                margin=MARGIN,
            ),
        ),
        horizon=Horizon(units=units),
    )


def decided(
    *, lift: float, harm: float = 0.0, n_variants: int = 2, n_trials: int, per_day: int
) -> Decided:
    """Run experiments and stop when the rule says so.   Args: users of a variant a day."""
    rng = np.random.default_rng([SEED, n_variants, n_trials, per_day])
    experiment = design(n_variants, per_day * n_variants * N_DAYS)
    effect = np.array([0.0] + [1.0] * (n_variants - 1))
    outcomes, harmed, days = [], 0, []
    early = 0
    for _ in range(n_trials):
        whole = _tally(rng, 0.1 + lift * effect, 0.05 + harm * effect, per_day)
        for day in range(1, N_DAYS + 1):
            until = replace(whole, slices=whole.slices[:day], sums=whole.sums.until(day))
            found = judge(experiment, until)
            if found.stop:
                break
        outcomes.append(found.outcome)
        harmed += found.reason.why is Why.HARM
        if found.outcome is not Outcome.INCONCLUSIVE:
            days.append(day)
            early += found.state is State.RUNNING
    return Decided(
        lift=lift,
        harm=harm,
        n_variants=n_variants,
        n_trials=n_trials,
        shipped=outcomes.count(Outcome.SHIP) / n_trials,
        refused=outcomes.count(Outcome.DO_NOT_SHIP) / n_trials,
        harmed=harmed / n_trials,
        early=early / n_trials,
        median_days=float(np.median(days)) if days else float("nan"),
    )


def _tally(
    rng: np.random.Generator,
    bought: NDArray[np.float64],
    failed: NDArray[np.float64],
    per_day: int,
) -> Tally:
    n = np.full((N_DAYS, len(bought)), float(per_day))
    metrics = {}
    for name, shares in (("bought", bought), ("failed", failed)):
        events = rng.binomial(per_day, shares, n.shape).astype(np.float64)
        metrics[name] = replace(Comoments.zeros(n.shape), n=n, y=events, yy=events)
    start = np.datetime64("2026-03-02T00:00:00")
    slices = start + DAY_S * np.arange(N_DAYS).astype("timedelta64[s]")
    return Tally(slices=slices, slice_s=DAY_S, sums=Sums(n=n, metrics=metrics))
