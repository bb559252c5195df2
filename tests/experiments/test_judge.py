"""What is said of experiments whose truth is known, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from experiment_units import LATENCY, SHARE, START, an_experiment, part, some_units

from seatrial.experiments.design import Direction, Experiment, Horizon, Kind, Metric, Role, Variant
from seatrial.experiments.judge import judge
from seatrial.experiments.report import lines
from seatrial.experiments.tally import Units, tally
from seatrial.experiments.verdicts import Guard, Judgement, Outcome, State, Why


def judged(experiment: Experiment, units: Units, **more) -> Judgement:
    return judge(experiment, tally(experiment, units, slice_s=3_600), **more)


def comparison(judgement: Judgement, metric: str, variant: str = "variant-1"):
    (found,) = (c for c in judgement.comparisons if (c.metric.name, c.variant) == (metric, variant))
    return found


def test_a_better_variant_that_keeps_its_guardrails_ships_at_the_horizon() -> None:
    found = judged(an_experiment(), some_units(lift=0.03))
    assert (found.state, found.outcome) == (State.AT_HORIZON, Outcome.SHIP)
    assert (found.winner, found.stop) == ("variant-1", True)
    assert found.reason.why is Why.BETTER
    assert comparison(found, "latency_ms").guard is Guard.KEPT
    assert comparison(found, "revenue").effect.explained > 0.5


def test_what_comes_after_the_horizon_is_not_judged() -> None:
    experiment, units = an_experiment(), some_units(lift=0.03)
    whole = judged(experiment, units)
    until = judged(experiment, part(units, slice(whole.n)))
    assert whole.n + whole.n_after == 10_000
    assert 8_000 <= whole.n < 8_200
    assert lines(whole) == lines(until)


def test_before_the_horizon_intervals_are_wider_and_alpha_smaller() -> None:
    units = some_units(7_000, lift=0.012)
    running = judged(an_experiment(), units)
    assert (running.state, running.outcome) == (State.RUNNING, Outcome.INCONCLUSIVE)
    assert running.alpha == pytest.approx(0.01)
    assert running.reason.why is Why.RUNNING
    assert running.reason.facts["n"] == 1_000
    assert not running.stop
    ended = judged(an_experiment(horizon=Horizon(units=6_900)), units)
    widths = [
        c.effect.interval.upper - c.effect.interval.lower
        for c in (comparison(running, "bought"), comparison(ended, "bought"))
    ]
    assert widths[0] > 1.5 * widths[1]


def test_a_large_effect_is_shipped_early_unless_the_design_waits() -> None:
    units = some_units(5_000, lift=0.1)
    early = judged(an_experiment(), units)
    assert (early.state, early.outcome, early.stop) == (State.RUNNING, Outcome.SHIP, True)
    waits = judged(an_experiment(early_part=0.0), units)
    assert (waits.outcome, waits.stop) == (Outcome.INCONCLUSIVE, False)


def test_without_a_horizon_there_is_none_to_reach() -> None:
    found = judged(an_experiment(horizon=Horizon()), some_units(lift=0.04))
    assert (found.state, found.alpha, found.outcome) == (State.OPEN_ENDED, 0.05, Outcome.SHIP)


def test_a_worse_variant_and_one_that_changes_too_little_are_not_shipped() -> None:
    worse = judged(an_experiment(), some_units(lift=-0.04))
    assert (worse.outcome, worse.reason.why) == (Outcome.DO_NOT_SHIP, Why.WORSE)
    small = judged(an_experiment(horizon=Horizon(units=38_000)), some_units(40_000, lift=0.0))
    assert (small.outcome, small.reason.why) == (Outcome.DO_NOT_SHIP, Why.TOO_SMALL)


def test_what_is_neither_at_the_horizon_stays_undecided_and_ends() -> None:
    found = judged(an_experiment(horizon=Horizon(units=2_000)), some_units(2_100, lift=0.01))
    assert (found.outcome, found.reason.why) == (Outcome.INCONCLUSIVE, Why.UNDECIDED)
    assert found.stop


def test_a_guardrail_that_breaks_ends_the_experiment_at_once() -> None:
    found = judged(an_experiment(), some_units(3_000, lift=0.1, slower=40.0))
    assert (found.state, found.outcome) == (State.RUNNING, Outcome.DO_NOT_SHIP)
    assert (found.reason.why, found.reason.facts["metric"]) == (Why.HARM, "latency_ms")
    assert found.stop
    # Even where decisions on the primary metric wait.
    waits = judged(an_experiment(early_part=0.0), some_units(3_000, slower=40.0))
    assert waits.reason.why is Why.HARM


def test_a_guardrail_that_is_not_shown_to_be_kept_holds_a_better_variant() -> None:
    tight = replace(LATENCY, margin=2.0)
    found = judged(an_experiment(metrics=(SHARE, tight)), some_units(lift=0.04, slower=3.0))
    assert (found.outcome, found.reason.why) == (Outcome.INCONCLUSIVE, Why.GUARDRAIL_OPEN)
    one = comparison(found, "latency_ms")
    assert one.guard is Guard.OPEN
    assert one.gain_bound < -2


def test_less_is_better_where_the_design_says_so() -> None:
    metric = replace(SHARE, direction=Direction.DOWN)
    fewer = judged(an_experiment(metrics=(metric,)), some_units(lift=-0.04))
    assert (fewer.outcome, fewer.reason.why) == (Outcome.SHIP, Why.BETTER)
    more = judged(an_experiment(metrics=(metric,)), some_units(lift=0.04))
    assert more.reason.why is Why.WORSE
    # The interval is of the difference, whatever is good.
    up = judged(an_experiment(metrics=(SHARE,)), some_units(lift=-0.04))
    ends = [
        (c.effect.interval.lower, c.effect.interval.upper)
        for c in (comparison(fewer, "bought"), comparison(up, "bought"))
    ]
    assert ends[0] == pytest.approx(ends[1], abs=1e-9)


def test_a_split_that_is_not_the_one_asked_for_voids_everything() -> None:
    units = some_units(lift=0.05)
    kept = np.flatnonzero((units.variant == 0) | (np.arange(10_000) % 8 > 0))
    found = judged(an_experiment(), part(units, kept))
    assert (found.outcome, found.reason.why) == (Outcome.INCONCLUSIVE, Why.MISMATCH)
    assert found.mismatch.found
    assert found.stop
    assert {one.outcome for one in found.verdicts} == {Outcome.INCONCLUSIVE}
    meant = replace(
        an_experiment(), variants=(Variant(name="control", share=8), Variant(name="b", share=7))
    )
    assert not judged(meant, part(units, kept)).mismatch.found


def test_a_variant_without_units_is_named() -> None:
    units = some_units(2_000)
    found = judged(an_experiment(3), units)
    assert (found.outcome, found.reason.why) == (Outcome.INCONCLUSIVE, Why.NO_UNITS)
    assert found.reason.facts["variant"] == "variant-2"


def test_nothing_at_all_is_not_decided() -> None:
    found = judged(an_experiment(), part(some_units(100), slice(0)))
    assert (found.n, found.outcome, found.reason.why) == (0, Outcome.INCONCLUSIVE, Why.NO_UNITS)
    assert not found.stop


def test_of_several_variants_the_best_one_ships_and_others_are_told_apart() -> None:
    units = some_units(24_000, n_variants=4)
    rng = np.random.default_rng(0)
    for variant, share in ((1, 0.13), (2, 0.16), (3, 0.05)):
        chosen = units.variant == variant
        units.values["bought"][chosen] = rng.random(chosen.sum()) < share
    found = judged(an_experiment(4, horizon=Horizon(units=20_000)), units)
    assert (found.outcome, found.winner) == (Outcome.SHIP, "variant-2")
    assert [one.outcome for one in found.verdicts] == [
        Outcome.SHIP,
        Outcome.SHIP,
        Outcome.DO_NOT_SHIP,
    ]
    p = [comparison(found, "bought", f"variant-{i}") for i in (1, 2, 3)]
    assert all(one.adjusted_p >= one.effect.p_value for one in p)


def test_of_three_variants_one_that_fails_everybody_is_refused_after_few_units() -> None:
    """Read by exact bounds, whose p-value is just the alpha that each comparison has."""
    units = some_units(150, n_variants=4)
    units.values["bought"][:] = units.variant != 3
    found = judged(an_experiment(4, metrics=(SHARE,)), units)
    assert [one.reason.why for one in found.verdicts] == [Why.RUNNING, Why.RUNNING, Why.WORSE]


def test_all_refused_is_said_of_all() -> None:
    found = judged(an_experiment(3), some_units(n_variants=3, lift=-0.05))
    assert (found.outcome, found.reason.why) == (Outcome.DO_NOT_SHIP, Why.ALL_REFUSED)


def test_a_horizon_in_days_is_the_end_of_a_day_with_all_its_units() -> None:
    week = an_experiment(horizon=Horizon(units=100, days=7))
    experiment_days = judge(week, tally(week, some_units()))
    assert (experiment_days.state, experiment_days.days) == (State.AT_HORIZON, 7.0)
    begun = tally(week, some_units(days=7))
    start = datetime.fromisoformat(str(START)).replace(tzinfo=UTC)
    before = judge(week, begun, now=start + timedelta(days=6, hours=23))
    after = judge(week, begun, now=start + timedelta(days=7))
    assert (before.state, after.state) == (State.RUNNING, State.AT_HORIZON)


def test_time_passes_without_units_too() -> None:
    week = an_experiment(horizon=Horizon(units=100, days=7))
    few = tally(week, some_units(500, days=2))
    start = datetime.fromisoformat(str(START)).replace(tzinfo=UTC)
    assert judge(week, few, now=start + timedelta(days=3)).state is State.RUNNING
    assert judge(week, few, now=start + timedelta(days=9)).state is State.AT_HORIZON


def test_the_series_ends_where_the_judgement_stands() -> None:
    experiment = an_experiment(horizon=Horizon())
    found = judged(experiment, some_units(lift=0.03))
    points = found.series["variant-1"]
    assert points[-1].n == found.n
    one = comparison(found, "bought").effect
    assert points[-1].difference == pytest.approx(one.difference)
    assert points[-1].interval.lower == pytest.approx(one.interval.lower)
    assert [p.at for p in points] == sorted(p.at for p in points)


def test_long_series_are_thinned() -> None:
    found = judged(an_experiment(horizon=Horizon()), some_units(3_000, days=60))
    assert len(found.series["variant-1"]) == 400


def test_segments_are_there_with_intervals_that_hold_together() -> None:
    found = judged(an_experiment(), some_units(lift=0.03))
    assert {(one.column, one.value) for one in found.segments} == {
        ("country", "de"),
        ("country", "fr"),
    }
    whole = comparison(found, "bought").effect.interval
    for one in found.segments:
        width = one.effect.interval.upper - one.effect.interval.lower
        assert width > whole.upper - whole.lower


def test_a_ratio_is_judged_by_its_sums() -> None:
    rng = np.random.default_rng(3)
    n = 12_000
    variant = rng.integers(0, 2, n)
    views = rng.poisson(5, n) + 1.0
    clicks = rng.binomial(views.astype(int), 0.2 + 0.03 * variant)
    metric = Metric(name="clicks", kind=Kind.RATIO, denominator="views", role=Role.PRIMARY)
    experiment = an_experiment(metrics=(metric,), horizon=Horizon(units=n))
    found = judged(
        experiment, Units(variant=variant, values={"clicks": clicks * 1.0, "views": views})
    )
    assert found.outcome is Outcome.SHIP
    assert comparison(found, "clicks").effect.control == pytest.approx(0.2, abs=0.005)


def test_wrong_decisions_are_as_rare_as_the_design_says() -> None:
    """Two variants that do nothing, looked at five times; at alpha 20 %, few trials tell."""
    n_trials, alpha = 150, 0.2
    experiment = an_experiment(
        3, metrics=(replace(SHARE, effect=None),), horizon=Horizon(units=3_000), alpha=alpha
    )
    wrong = 0
    for seed in range(n_trials):
        whole = tally(experiment, some_units(3_000, seed=seed, n_variants=3))
        looks = (
            replace(whole, slices=whole.slices[:k], sums=whole.sums.until(k), segments={})
            for k in range(2, 11, 2)
        )
        wrong += any(
            verdict.outcome is not Outcome.INCONCLUSIVE
            for look in looks
            for verdict in judge(experiment, look).verdicts
        )
    assert 0 < wrong / n_trials <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / n_trials)
