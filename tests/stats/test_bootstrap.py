"""Intervals of means by resampling."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from seatrial.stats.bootstrap import bootstrap_mean
from seatrial.stats.counts import BadStatistic, Interval


def test_as_scipy_has_it():
    values = np.random.default_rng(1).choice([0, 0.63, 1], p=[0.1, 0.2, 0.7], size=300)
    ours = bootstrap_mean(values, n_resamples=20_000)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, rng=2).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert ours.interval.lower == pytest.approx(theirs.low, abs=0.002)
    assert ours.interval.upper == pytest.approx(theirs.high, abs=0.002)


def test_the_interval_covers_as_often_as_it_says():
    """200 samples of 100 skewed values; 19 misses are two standard errors above the 10 of 5 %."""
    rng = np.random.default_rng(3)
    misses = 0
    for seed in range(200):
        values = rng.choice([0, 1], p=[0.15, 0.85], size=100)
        interval = bootstrap_mean(values, n_resamples=500, seed=seed).interval
        misses += not interval.lower <= 0.85 <= interval.upper
    assert misses <= 19


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    values = [0, 0.5, 1, 1]
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    many = np.arange(50) / 50
    assert bootstrap_mean(many, seed=1) != bootstrap_mean(many, seed=2)


def test_many_values_are_resampled_in_parts():
    values = np.tile([0.0, 1.0], 10_000)
    interval = bootstrap_mean(values, n_resamples=200).interval
    assert 0.49 < interval.lower < 0.5 < interval.upper < 0.51


def test_values_all_alike_and_one_alone():
    assert bootstrap_mean([0.5, 0.5]).interval == Interval(lower=0.5, upper=0.5)
    assert bootstrap_mean([0.5]).interval == Interval(lower=-math.inf, upper=math.inf)


@pytest.mark.parametrize("values", [[], [math.nan], [[1.0], [2.0]]])
def test_what_is_no_row_of_numbers_is_refused(values):
    with pytest.raises(BadStatistic, match="not one row of finite numbers"):
        bootstrap_mean(values)


def test_too_few_resamples_are_refused():
    with pytest.raises(BadStatistic, match="99 resamples"):
        bootstrap_mean([1, 2], n_resamples=99)
