"""Outcomes joined to exposures: after the first one, within the window, once, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from experiment_units import an_experiment

from seatrial.experiments.design import Kind, Metric, Role
from seatrial.experiments.entries import OutcomeChanged
from seatrial.experiments.outcomes import Exposure, Outcome, joined
from seatrial.experiments.tally import BadUnits

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAID = Metric(name="paid", role=Role.PRIMARY)
BOUGHT = Metric(name="bought", kind=Kind.SHARE)
CLICKS = Metric(name="clicks", kind=Kind.RATIO, denominator="views")


def h(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def exposure(unit: str, variant: str, hours: float = 0, **more) -> Exposure:
    return Exposure(unit=unit, variant=variant, at=h(hours), **more)


def outcome(id_: str, unit: str, hours: float, value: float = 1.0, metric: str = "paid") -> Outcome:
    return Outcome(id=id_, unit=unit, metric=metric, value=value, at=h(hours))


def experiment(*metrics: Metric, **more):
    return an_experiment(metrics=(PAID, *metrics), **more)


def paid(tally, variant: int) -> float:
    return float(tally.sums.metrics["paid"].over(0).y[variant])


def test_what_comes_after_the_first_exposure_counts() -> None:
    exposures = [
        exposure("a", "control", 5),
        exposure("a", "control", 1),
        exposure("b", "variant-1"),
    ]
    found = joined(
        experiment(),
        exposures,
        [
            outcome("1", "a", 0.5, 100),  # before
            outcome("2", "a", 1, 10),
            outcome("3", "a", 500, 1),
            outcome("4", "c", 2, 1000),  # never exposed
        ],
    )
    assert (paid(found, 0), paid(found, 1)) == (11, 0)
    assert found.sums.n.sum(axis=0).tolist() == [1, 1]
    assert found.n_unexposed == 2


def test_an_outcome_handed_in_twice_counts_once() -> None:
    once = outcome("1", "a", 1, 10)
    found = joined(experiment(), [exposure("a", "control")], [once, outcome("1", "a", 1, 10), once])
    assert paid(found, 0) == 10
    with pytest.raises(OutcomeChanged, match="'1'"):
        joined(experiment(), [exposure("a", "control")], [once, outcome("1", "a", 1, 11)])


def test_a_unit_of_two_variants_is_left_out_and_told() -> None:
    exposures = [
        exposure("a", "control"),
        exposure("a", "variant-1", 3),
        exposure("b", "control"),
        exposure("c", "variant-1"),
    ]
    found = joined(experiment(), exposures, [outcome("1", "a", 4, 7), outcome("2", "b", 4, 5)])
    assert found.sums.n.sum(axis=0).tolist() == [1, 1]
    assert (paid(found, 0), found.n_crossed, found.n_unexposed) == (5, 1, 0)


def test_only_the_window_counts_and_only_units_whose_window_is_over() -> None:
    window = experiment(window_s=24 * 3600)
    exposures = [exposure("a", "control"), exposure("b", "variant-1", 30)]
    outcomes = [outcome("1", "a", 23, 1), outcome("2", "a", 24, 50), outcome("3", "b", 31, 2)]
    found = joined(window, exposures, outcomes, now=h(40))
    assert found.sums.n.sum(axis=0).tolist() == [1, 0]
    assert paid(found, 0) == 1
    later = joined(window, exposures, outcomes, now=h(54))
    assert (paid(later, 0), paid(later, 1)) == (1, 2)
    assert later.n_unexposed == 0


def test_what_lies_in_the_future_does_not_count_yet() -> None:
    found = joined(
        experiment(),
        [exposure("a", "control"), exposure("b", "variant-1", 9)],
        [outcome("1", "a", 8, 3), outcome("2", "a", 1, 4)],
        now=h(5),
    )
    assert paid(found, 0) == 4
    assert found.sums.n.sum() == 1


def test_shares_and_ratios_are_made_of_sums() -> None:
    found = joined(
        experiment(BOUGHT, CLICKS),
        [exposure("a", "control"), exposure("b", "control"), exposure("c", "variant-1")],
        [
            outcome("1", "a", 1, 1, "bought"),
            outcome("2", "a", 2, 1, "bought"),
            outcome("3", "b", 2, 1, "bought"),
            outcome("4", "b", 3, -1, "bought"),  # taken back
            outcome("5", "a", 1, 10, "views"),
            outcome("6", "a", 1, 3, "clicks"),
        ],
    )
    bought = found.sums.metrics["bought"].over(0)
    clicks = found.sums.metrics["clicks"].over(0)
    assert (bought.y[0], bought.n[0]) == (1, 2)
    assert (clicks.y[0], clicks.x[0]) == (3, 10)


def test_covariates_and_segments_are_those_of_the_first_exposure() -> None:
    metric = Metric(name="paid", role=Role.PRIMARY, covariate="before")
    one = an_experiment(metrics=(metric,))
    exposures = [
        exposure("a", "control", 4, covariates={"before": 9.0}, segments={"country": "fr"}),
        exposure("a", "control", 1, covariates={"before": 2.0}, segments={"country": "de"}),
        exposure("b", "variant-1"),
    ]
    found = joined(one, exposures, [])
    sums = found.sums.metrics["paid"].over(0)
    assert (sums.x[0], sums.n_x.tolist()) == (2, [1, 0])
    assert list(found.segments) == [("country", "de")]


def test_the_order_of_arrival_does_not_matter() -> None:
    rng = Random(3)
    exposures = [
        exposure(f"u{rng.randrange(40)}", rng.choice(["control", "variant-1"]), rng.randrange(50))
        for _ in range(60)
    ]
    outcomes = [
        outcome(str(i), f"u{rng.randrange(40)}", rng.randrange(80), rng.randrange(9))
        for i in range(200)
    ]
    first = joined(experiment(), exposures, outcomes)
    assert first.n_crossed > 3
    for _ in range(5):
        rng.shuffle(exposures)
        rng.shuffle(outcomes)
        again = joined(experiment(), exposures, outcomes)
        assert again.slices.tolist() == first.slices.tolist()
        assert np.array_equal(again.sums.metrics["paid"].y, first.sums.metrics["paid"].y)
        assert (again.n_crossed, again.n_unexposed) == (first.n_crossed, first.n_unexposed)


@pytest.mark.parametrize(
    ("exposures", "outcomes", "says"),
    [
        ([exposure("a", "blue")], [], "'blue', which is no variant of 'button'"),
        ([exposure("a", "control")], [outcome("1", "a", 1, 1, "payd")], "'payd', no metric"),
    ],
)
def test_names_that_are_not_known_are_refused(exposures, outcomes, says) -> None:
    with pytest.raises(BadUnits, match=says):
        joined(experiment(), exposures, outcomes)


def test_nothing_seen_is_a_tally_of_nothing() -> None:
    found = joined(experiment(), [], [])
    assert found.sums.n.sum() == 0
