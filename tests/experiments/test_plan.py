"""Plans: textbook sizes, every variant's part, guardrails, covariates, days."""

from __future__ import annotations

from dataclasses import replace

import pytest
from experiment_units import LATENCY, SHARE, an_experiment

from seatrial.experiments.design import (
    BadExperiment,
    Baseline,
    Direction,
    Horizon,
    Metric,
    Role,
    Variant,
)
from seatrial.experiments.plan import NotPlannable, plan

BOUGHT = {"bought": Baseline(mean=0.1)}


def test_without_early_looks_it_is_the_textbooks_size() -> None:
    found = plan(an_experiment(early_part=0.0), BOUGHT)
    assert found.units == 2 * 3841
    assert found.by_variant == {"control": 3841, "variant-1": 3841}
    assert (found.days, found.within) == (None, ())


def test_early_looks_and_more_variants_take_alpha() -> None:
    two, three = (plan(an_experiment(n), BOUGHT) for n in (2, 3))
    assert two.needs[0].alpha == pytest.approx(0.04)
    assert three.needs[0].alpha == pytest.approx(0.02)
    assert two.units > 2 * 3841
    assert three.units / 3 > two.units / 2


def test_an_uneven_split_needs_more_in_all() -> None:
    even = plan(an_experiment(), BOUGHT)
    variants = (Variant(name="control", share=9), Variant(name="b", share=1))
    uneven = plan(an_experiment(variants=variants), BOUGHT)
    assert uneven.units > 2.5 * even.units
    assert uneven.by_variant["control"] == pytest.approx(9 * uneven.by_variant["b"], rel=1e-3)


def test_a_guardrail_that_is_known_may_ask_for_more() -> None:
    tight = an_experiment(metrics=(SHARE, replace(LATENCY, margin=1.0)))
    found = plan(tight, {**BOUGHT, "latency_ms": Baseline(mean=100, deviation=100)})
    assert found.units == found.needs[1].units > found.needs[0].units
    assert found.needs[1].alpha == pytest.approx(0.04)


def test_what_a_covariate_explains_is_saved() -> None:
    mean = Metric(name="revenue", role=Role.PRIMARY, effect=1.0, covariate="before")
    experiment = an_experiment(metrics=(mean,))
    plain, less = (
        plan(experiment, {"revenue": Baseline(mean=10, deviation=20, explained=share)})
        for share in (0.0, 0.5)
    )
    assert less.units == pytest.approx(plain.units / 2, rel=0.001)


def test_a_fall_takes_as_many_as_the_rise_of_its_complement() -> None:
    falls = an_experiment(metrics=(replace(SHARE, direction=Direction.DOWN),))
    rises = an_experiment()
    assert plan(falls, BOUGHT).units == plan(rises, {"bought": Baseline(mean=0.9)}).units


def test_days_are_whole_weeks_and_other_durations_are_told() -> None:
    found = plan(an_experiment(traffic=0.5), BOUGHT, units_per_day=1_000)
    assert found.units / 500 > 7
    assert found.days == 21
    effects = [one.effect for one in found.within]
    assert effects == sorted(effects, reverse=True)
    enough = next(one for one in found.within if 7 * one.weeks >= found.days)
    assert enough.effect <= 0.02
    assert plan(an_experiment(), BOUGHT, units_per_day=5_000).days == 2
    alone = plan(an_experiment(), BOUGHT, units_per_day=0.1)
    assert [one.effect for one in alone.within[:2]] == [None, None]


@pytest.mark.parametrize(
    ("horizon", "per_day", "units", "short"),
    [
        (Horizon(units=4_000), None, 4_000, True),
        (Horizon(units=9_000), None, 9_000, False),
        (Horizon(days=7), 1_000, 7_000, True),
        (Horizon(days=14), 1_000, 14_000, False),
        (Horizon(units=4_000, days=14), 1_000, 14_000, False),
        (Horizon(units=4_000, days=1), 1_000, 4_000, True),
        (Horizon(units=9_000, days=1), None, 9_000, False),
    ],
)
def test_a_horizon_has_room_for_the_plan_or_lacks_units(horizon, per_day, units, short) -> None:
    found = plan(an_experiment(horizon=horizon), BOUGHT, units_per_day=per_day)
    there = found.at_horizon
    assert (there.units, there.n_missing) == (units, max(0, found.units - units))
    assert (there.n_missing > 0, there.effect > 0.02) == (short, short)


def test_days_without_traffic_and_no_horizon_say_nothing() -> None:
    for horizon in (Horizon(), Horizon(days=7), Horizon(units=4_000, days=7)):
        assert plan(an_experiment(horizon=horizon), BOUGHT).at_horizon is None
    alone = plan(an_experiment(horizon=Horizon(days=0.1)), BOUGHT, units_per_day=1)
    assert (alone.at_horizon.units, alone.at_horizon.effect) == (0, None)


@pytest.mark.parametrize(
    ("experiment", "baselines", "per_day", "error"),
    [
        (an_experiment(), {}, None, NotPlannable),
        (an_experiment(), {"bought": Baseline(mean=0.99)}, None, NotPlannable),
        (an_experiment(), {"bought": Baseline(mean=1.0)}, None, NotPlannable),
        (an_experiment(), BOUGHT, 0.0, NotPlannable),
        (
            an_experiment(metrics=(replace(LATENCY, role=Role.PRIMARY, margin=None, effect=1.0),)),
            {"latency_ms": Baseline(mean=100)},
            None,
            NotPlannable,
        ),
        (an_experiment(metrics=(replace(SHARE, effect=None),)), BOUGHT, None, BadExperiment),
    ],
)
def test_what_cannot_be_planned_is_refused(experiment, baselines, per_day, error) -> None:
    with pytest.raises(error):
        plan(experiment, baselines, units_per_day=per_day)
