"""Bounds of a mean at every look: around it, narrower with more values, rarely wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.counts import BadStatistic
from seatrial.stats.mean_sequence import (
    FOR_LOWER,
    FOR_UPPER,
    lower_mean,
    upper_mean,
    values_needed,
)
from seatrial.stats.moments import Moments

ALPHAS = st.floats(0.001, 0.2)


def times(moments: Moments, n: int) -> Moments:
    return Moments(n=n * moments.n, total=n * moments.total, squares=n * moments.squares)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), st.integers(5, 200), ALPHAS)
def test_bounds_stand_around_the_mean(values: list[int], n: int, alpha: float):
    moments = times(Moments.of(values), n)
    assert moments.mean is not None
    assert 0 <= lower_mean(moments, alpha=alpha) <= moments.mean
    assert upper_mean(moments, alpha=alpha) > moments.mean


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), ALPHAS)
def test_more_of_the_same_narrows_them(values: list[int], alpha: float):
    few, many = (times(Moments.of(values), n) for n in (200, 2000))
    assert upper_mean(many, alpha=alpha) < upper_mean(few, alpha=alpha)
    assert lower_mean(many, alpha=alpha) >= lower_mean(few, alpha=alpha)


def test_few_values_say_nothing():
    assert upper_mean(Moments.of([5] * (FOR_UPPER - 1)), alpha=0.05) == math.inf
    assert lower_mean(Moments.of([5] * (FOR_LOWER - 1)), alpha=0.05) == 0
    assert upper_mean(Moments.of([5] * FOR_UPPER), alpha=0.05) < 10
    assert lower_mean(Moments.of([5] * FOR_LOWER), alpha=0.05) > 0


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=9), st.floats(1.05, 20), ALPHAS)
def test_what_is_needed_is_enough_and_no_more(values: list[int], factor: float, alpha: float):
    moments = times(Moments.of(values), 12)
    assert moments.mean is not None
    limit = factor * moments.mean
    needed = values_needed(moments, limit=limit, alpha=alpha)
    assert needed is not None
    if needed == 0:
        assert upper_mean(moments, alpha=alpha) <= limit
        return
    # As if further values had the same mean and spread, which is what is forecast.
    grown = Moments.of(values)
    whole = -(-(moments.n + needed) // grown.n)
    assert upper_mean(times(grown, whole), alpha=alpha) <= limit * 1.01


def test_a_mean_over_the_limit_is_never_shown_to_be_under_it():
    assert values_needed(Moments.of([5] * 50), limit=5, alpha=0.05) is None
    assert values_needed(Moments(), limit=5, alpha=0.05) == FOR_UPPER


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_an_alpha_that_makes_no_sense_is_refused(alpha: float):
    with pytest.raises(BadStatistic):
        upper_mean(Moments(), alpha=alpha)


def test_bounds_are_rarely_wrong_at_any_look():
    """Exponential values of mean 1,000 at alpha 5 %, looked at 25 times: about 5 % and 1 %."""
    chance, alpha, n_trials = np.random.default_rng(7), 0.05, 300
    looks = np.unique(np.geomspace(FOR_LOWER, 2000, 25).astype(int))
    wrong = np.zeros(2)
    for _ in range(n_trials):
        values = chance.exponential(1000, looks[-1]).round().astype(int)
        sums, squares = values.cumsum(), (values**2).cumsum()
        seen = [
            Moments(n=int(n), total=int(sums[n - 1]), squares=int(squares[n - 1])) for n in looks
        ]
        wrong += (
            any(upper_mean(m, alpha=alpha) < 1000 for m in seen),
            any(lower_mean(m, alpha=alpha) > 1000 for m in seen),
        )
    # Binomial of 300 trials: 0.05 is exceeded by 0.03 in fewer than one run in a hundred.
    assert wrong[0] <= 0.08 * n_trials
    assert wrong[1] <= 0.05 * n_trials
