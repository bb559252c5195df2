"""Calibration error, and how much of it sampling alone makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from seatrial.stats.counts import BadStatistic
from seatrial.stats.reliability import reliability, share_interval


def test_the_error_is_the_mean_of_what_bins_are_off():
    stated = np.array([0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
    occurred = np.array([0, 0, 1, 0, 1, 1, 1, 1], bool)
    found = reliability(stated, occurred, n_bins=2)
    assert [b.n for b in found.bins] == [4, 4]
    assert found.ece == pytest.approx((0.15 + 0.1) / 2)


def test_the_error_of_a_calibrated_model_is_the_one_foretold():
    rng = np.random.default_rng(0)
    errors, told, squares = [], [], []
    for _ in range(200):
        stated = rng.beta(1, 3, size=600)
        found = reliability(stated, rng.random(600) < stated)
        errors.append(found.ece)
        told.append(found.ece_if_calibrated)
        squares.append(found.rms)
    spread = np.std(errors) / np.sqrt(200)
    assert abs(np.mean(errors) - np.mean(told)) < 4 * spread + 0.01 * np.mean(told)
    assert np.median(squares) < np.mean(errors) / 2


def test_the_distance_without_bias_is_the_one_there_is():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        stated = rng.random(800) * 0.6 + 0.1
        found.append(reliability(stated, rng.random(800) < stated + 0.1).rms ** 2)
    assert abs(np.mean(found) - 0.01) < 4 * np.std(found) / np.sqrt(200)


def test_probabilities_that_repeat_share_a_bin():
    found = reliability(np.full(50, 0.3), np.arange(50) < 20)
    (only,) = found.bins
    assert (only.n, only.occurred) == (50, 0.4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_row_once_in_order(rows):
    stated, occurred = (np.array(column) for column in zip(*rows, strict=True))
    found = reliability(stated, occurred, n_bins=5)
    assert sum(b.n for b in found.bins) == len(rows)
    means = [b.stated for b in found.bins]
    assert means == sorted(means)
    assert 0 <= found.ece <= 1
    assert all(b.interval.lower <= b.occurred + 1e-12 for b in found.bins)
    assert all(b.occurred - 1e-12 <= b.interval.upper for b in found.bins)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (40, 900)])
def test_the_interval_of_a_share_is_wilsons(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    found = share_interval(k / n, n, alpha=0.05)
    assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("stated", [[], [1.2], [np.nan], [[0.5]]])
def test_what_is_no_probability_is_refused(stated):
    with pytest.raises(BadStatistic, match="in \\[0, 1\\]"):
        reliability(np.array(stated), np.ones(len(stated), bool))
