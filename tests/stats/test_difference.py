"""Differences of means and ratios, against scipy, the bootstrap and simulated experiments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seatrial.stats.comoments import Comoments
from seatrial.stats.difference import at_any_look, at_horizon, of_means, of_ratios, relative
from seatrial.stats.mixture import Mixture


def two(seed: int = 5, n: int = 40, m: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(10, 2, n), rng.normal(11, 4, m)


def test_at_the_horizon_it_is_welchs_test() -> None:
    a, b = two()
    found = of_means(Comoments.of(a), Comoments.of(b))
    reading = at_horizon(found, alpha=0.05)
    expected = stats.ttest_ind(b, a, equal_var=False)
    bounds = expected.confidence_interval(0.95)
    assert float(reading.p_value) == pytest.approx(expected.pvalue, rel=1e-8)
    assert (float(reading.lower), float(reading.upper)) == pytest.approx(tuple(bounds), rel=1e-8)
    assert float(found.df) == pytest.approx(expected.df)


def test_one_sided_it_is_welchs_test_against_more_than_the_null() -> None:
    a, b = two()
    reading = at_horizon(of_means(Comoments.of(a), Comoments.of(b)), alpha=0.05, sides=1, null=-0.5)
    expected = stats.ttest_ind(b + 0.5, a, equal_var=False, alternative="greater")
    assert float(reading.p_value) == pytest.approx(expected.pvalue, rel=1e-8)
    assert float(reading.lower) == pytest.approx(expected.confidence_interval(0.95).low - 0.5)


def test_a_ratios_error_is_that_of_the_bootstrap_over_users() -> None:
    rng = np.random.default_rng(1)
    views = rng.poisson(4, 2_000) + 1.0
    clicks = rng.binomial(views.astype(int), rng.beta(2, 8, 2_000)).astype(float)
    sums = Comoments.of(clicks, views)
    found = of_ratios(sums, sums)
    draws = rng.integers(0, 2_000, (3_000, 2_000))
    ratios = clicks[draws].sum(axis=1) / views[draws].sum(axis=1)
    assert float(found.control) == pytest.approx(clicks.sum() / views.sum())
    # The bootstrap of 3,000 draws knows a deviation to 1.3 %.
    assert float(found.control_error) == pytest.approx(ratios.std(), rel=0.05)
    # Views taken for themselves would be called far surer than they are.
    share = clicks.sum() / views.sum()
    assert float(found.control_error) > 1.15 * np.sqrt(share * (1 - share) / views.sum())


def test_at_any_look_it_is_wider_and_needs_units() -> None:
    a, b = two(n=99, m=200)
    mixture = Mixture.tightest_at(200, alpha=0.05)
    few = at_any_look(of_means(Comoments.of(a), Comoments.of(b)), mixture, alpha=0.05)
    assert (float(few.lower), float(few.upper), float(few.p_value)) == (-np.inf, np.inf, 1.0)
    a = np.append(a, 10.0)
    found = of_means(Comoments.of(a), Comoments.of(b))
    always, once = at_any_look(found, mixture, alpha=0.05), at_horizon(found, alpha=0.05)
    assert always.lower < once.lower < found.value < once.upper < always.upper
    assert always.p_value > once.p_value


def test_the_interval_leaves_out_what_the_p_value_rejects() -> None:
    rng = np.random.default_rng(2)
    mixture = Mixture.tightest_at(400, alpha=0.05)
    for shift in (0.0, 0.3, 0.5, 0.7):
        a, b = rng.normal(0, 1, 150), rng.normal(shift, 1, 150)
        found = of_means(Comoments.of(a), Comoments.of(b))
        for reading in (at_horizon(found, alpha=0.05), at_any_look(found, mixture, alpha=0.05)):
            outside = reading.lower > 0 or reading.upper < 0
            assert outside == (reading.p_value <= 0.05)


def test_too_few_units_say_nothing() -> None:
    one = Comoments.of([1.0])
    reading = at_horizon(of_means(one, Comoments.of([1.0, 2.0])), alpha=0.05)
    assert (float(reading.lower), float(reading.upper), float(reading.p_value)) == (
        -np.inf,
        np.inf,
        1.0,
    )


def test_values_that_are_all_alike_differ_for_certain_or_not_at_all() -> None:
    ones, twos = Comoments.of([1.0] * 9), Comoments.of([2.0] * 9)
    assert float(at_horizon(of_means(ones, ones), alpha=0.05).p_value) == 1.0
    assert float(at_horizon(of_means(ones, twos), alpha=0.05).p_value) == 0.0


def test_a_relative_effect_is_fiellers() -> None:
    """Against its definition: the ratios r at which b - r a is not told from 0."""
    a, b = two(n=400, m=400)
    found = of_means(Comoments.of(a), Comoments.of(b))
    value, low, high = (float(x) for x in relative(found, 1.96))
    assert value == pytest.approx(b.mean() / a.mean() - 1)
    va, vb = a.var(ddof=1) / 400, b.var(ddof=1) / 400
    for end in (low, high):
        r = 1 + end
        assert abs(b.mean() - r * a.mean()) == pytest.approx(1.96 * np.sqrt(vb + r**2 * va))
    assert low < value < high


def test_a_relative_effect_of_a_control_near_zero_is_not_known() -> None:
    rng = np.random.default_rng(3)
    found = of_means(Comoments.of(rng.normal(0, 1, 50)), Comoments.of(rng.normal(1, 1, 50)))
    _, low, high = relative(found, 1.96)
    assert (float(low), float(high)) == (-np.inf, np.inf)
    assert np.isnan(relative(of_means(Comoments.of([0.0] * 9), Comoments.of([1.0] * 9)), 1.96)[0])


def test_a_relative_effect_is_not_known_where_the_difference_is_not() -> None:
    for control in ([0.0] * 9, [1.0] * 9, [1.0, 2.0, 3.0]):
        found = of_means(Comoments.of(control), Comoments.of([1.0] * 9))
        _, low, high = relative(found, np.inf)
        assert (float(low), float(high)) == (-np.inf, np.inf)
