"""Margins and effects that are shares of the control's value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from experiment_units import SHARE, an_experiment

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.design import Baseline, Direction, Horizon, Kind, Metric, Role
from seatrial.experiments.judge import judge
from seatrial.experiments.plan import NotPlannable, plan
from seatrial.experiments.tally import Units, tally
from seatrial.experiments.verdicts import Guard, Judgement
from seatrial.experiments.words import said

DOWN, UP = Direction.DOWN, Direction.UP


def judged(metric: Metric, control: float, treated: float, *, seed: int = 1) -> Judgement:
    """One guardrail, whose mean or share is so on each side."""
    rng = np.random.default_rng(seed)
    n = 20_000
    variant = rng.integers(0, 2, n)
    means = np.where(variant == 1, treated, control)
    drawn = rng.random(n) < means if metric.kind is Kind.SHARE else rng.gamma(4, means / 4)
    experiment = an_experiment(metrics=(SHARE, metric), horizon=Horizon(units=n))
    values = {"bought": (rng.random(n) < 0.1).astype(float), metric.name: drawn.astype(float)}
    return judge(experiment, tally(experiment, Units(variant=variant, values=values)))


def guard(found: Judgement) -> Guard | None:
    return next(c.guard for c in found.comparisons if c.metric.role is Role.GUARDRAIL)


@pytest.mark.parametrize("kind", [Kind.MEAN, Kind.SHARE])
@pytest.mark.parametrize(
    ("direction", "treated", "expected"),
    [
        (DOWN, 0.20, Guard.KEPT),
        (DOWN, 0.30, Guard.BROKEN),
        (UP, 0.20, Guard.KEPT),
        (UP, 0.10, Guard.BROKEN),
    ],
)
def test_a_loss_is_held_against_the_control(
    kind: Kind, direction: Direction, treated: float, expected: Guard
) -> None:
    metric = Metric(
        name="m", kind=kind, role=Role.GUARDRAIL, direction=direction, margin=0.1, relative=True
    )
    found = judged(metric, 0.2, treated)
    assert guard(found) is expected


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_loss_of_just_the_margin_is_seldom_called_kept(direction: Direction) -> None:
    metric = Metric(name="m", role=Role.GUARDRAIL, direction=direction, margin=0.1, relative=True)
    at_margin = 0.2 * (1 - 0.1 * metric.sign)
    kept = sum(guard(judged(metric, 0.2, at_margin, seed=s)) is Guard.KEPT for s in range(60))
    assert kept <= 8  # 0.04 each: 2.4 are expected, more than 8 in one of a thousand such tests


def test_a_relative_margin_is_that_of_the_control_in_the_sentence() -> None:
    metric = Metric(name="m", role=Role.GUARDRAIL, direction=DOWN, margin=0.1, relative=True)
    found = judged(metric, 0.2, 0.3)
    assert "10 % of the control's" in said(found, found.reason)
    assert "对照值的 10 %" in said(found, found.reason, "zh")


def file(**changes: Any) -> ExperimentFile:
    base = {
        "experiment": "e",
        "variants": {"a": 1, "b": 1},
        "primary": {"name": "bought", "kind": "share", "effect": "20%", "baseline": {"mean": 0.1}},
        "guardrails": [{"name": "s", "margin": "5%", "baseline": {"mean": 2.0, "deviation": 1.0}}],
    }
    return ExperimentFile.model_validate(base | changes)


def test_a_plan_takes_them_as_they_are_today() -> None:
    relative = file()
    absolute = file(
        primary={"name": "bought", "kind": "share", "effect": 0.02, "baseline": {"mean": 0.1}},
        guardrails=[{"name": "s", "margin": 0.1, "baseline": {"mean": 2.0, "deviation": 1.0}}],
    )
    plans = [plan(one.design(), one.baselines()) for one in (relative, absolute)]
    assert plans[0] == plans[1]
    nothing = {"bought": Baseline(mean=0.1), "s": Baseline(mean=0.0, deviation=1.0)}
    with pytest.raises(NotPlannable, match="0 today"):
        plan(relative.design(), nothing)


@pytest.mark.parametrize("effect", ["0", "x%", "-5%", "0%", -1, 0, float("nan"), "5 percent"])
def test_what_is_no_size_is_refused(effect: object) -> None:
    with pytest.raises(ValueError, match="effect"):
        file(primary={"name": "bought", "effect": effect})
