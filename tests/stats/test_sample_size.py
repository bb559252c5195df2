"""Sample sizes: figures of statsmodels, and that size, power and effect undo one another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.counts import BadStatistic
from seatrial.stats.sample_size import (
    Test,
    effect_for_means,
    effect_for_shares,
    power_for_shares,
    units_for_means,
    units_for_shares,
)


def test_two_shares_are_those_of_statsmodels() -> None:
    """statsmodels 0.15.0: samplesize_proportions_2indep_onetail(.02, .1, .8) is 3840.84748, and
    power_proportions_2indep(.02, .1, 2000) is 0.5245153."""
    assert units_for_shares(0.1, 0.12, test=Test()) == 3841
    assert power_for_shares(0.1, 0.12, n_control=2_000, test=Test()) == pytest.approx(
        0.5245152561158343, rel=1e-9
    )


def test_two_means_are_those_of_statsmodels() -> None:
    """NormalIndPower().solve_power(.1 / 1.7, None, .05, .8, 1.5) is 3780.534, and the effect that
    3,000 and 3,000 find is 0.1229719."""
    assert units_for_means(0.1, deviation=1.7, test=Test(ratio=1.5)) == 3781
    assert effect_for_means(n_control=3_000, deviation=1.7, test=Test()) == pytest.approx(
        0.12297194801942177, rel=1e-5
    )


TESTS = st.builds(
    Test,
    alpha=st.floats(0.001, 0.1),
    power=st.floats(0.7, 0.99),
    sides=st.sampled_from([1, 2]),
    ratio=st.floats(0.1, 5),
)


@given(TESTS, st.floats(0.05, 0.6), st.floats(0.02, 0.3))
def test_the_units_of_a_plan_find_its_effect_with_its_power(test, control, effect):
    n = units_for_shares(control, control + effect, test=test)
    assert power_for_shares(control, control + effect, n_control=n, test=test) >= test.power - 1e-9
    if n > 200:
        fewer = power_for_shares(control, control + effect, n_control=0.97 * n, test=test)
        assert fewer < test.power
    found = effect_for_shares(control, n_control=n, test=test)
    assert found <= effect + 1e-9
    n = units_for_means(effect, deviation=1.3, test=test)
    assert effect_for_means(n_control=n, deviation=1.3, test=test) <= effect + 1e-9


def test_a_margin_makes_no_effect_worth_finding() -> None:
    grant = Test(sides=1, margin=0.02)
    n = units_for_shares(0.1, 0.1, test=grant)
    assert power_for_shares(0.1, 0.1, n_control=n, test=grant) == pytest.approx(0.8, abs=1e-3)
    # Chow et al.: (1.645 + 0.842)^2 * 2 * 0.09 / 0.02^2
    assert n == 2783
    assert units_for_means(0.0, deviation=1.0, test=Test(sides=1, margin=0.1)) == 1237


def test_a_fall_is_found_too_and_what_is_impossible_is_not() -> None:
    down = effect_for_shares(0.1, n_control=4_000, test=Test(), up=False)
    assert 0.015 < down < 0.02
    assert math.isnan(effect_for_shares(0.1, n_control=10, test=Test(), up=False))


@pytest.mark.parametrize(
    "bad",
    [
        lambda: units_for_means(0.0, deviation=1.0, test=Test()),
        lambda: units_for_means(-0.2, deviation=1.0, test=Test(sides=1, margin=0.1)),
        lambda: units_for_shares(0.0, 0.1, test=Test()),
        lambda: units_for_shares(0.95, 1.0, test=Test()),
        lambda: Test(alpha=0.0),
        lambda: Test(power=1.0),
        lambda: Test(margin=0.1),
        lambda: Test(margin=-0.1, sides=1),
        lambda: Test(ratio=0.0),
    ],
)
def test_what_cannot_be_planned_is_refused(bad) -> None:
    with pytest.raises(BadStatistic):
        bad()
