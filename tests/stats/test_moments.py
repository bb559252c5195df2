"""Moments: exact sums, whatever the order."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.counts import BadStatistic
from seatrial.stats.moments import Moments

VALUES = st.lists(st.integers(0, 10**15), max_size=20)


@given(VALUES, VALUES)
def test_moments_add_up(one: list[int], other: list[int]):
    assert Moments.of(one) + Moments.of(other) == Moments.of(other + one)
    assert Moments.of(one) + Moments() == Moments.of(one)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_mean_and_deviation_are_those_of_the_values(values: list[int]):
    moments = Moments.of(values)
    assert moments.mean == pytest.approx(statistics.fmean(values))
    assert moments.deviation == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-6)


def test_nothing_has_no_mean():
    assert (Moments().mean, Moments().deviation) == (None, 0.0)


@pytest.mark.parametrize("sums", [(-1, 0, 0), (0, 1, 1), (2, 4, 7), (1, -1, 1)])
def test_sums_that_contradict_each_other_are_refused(sums: tuple[int, int, int]):
    n, total, squares = sums
    with pytest.raises(BadStatistic, match="cannot add up"):
        Moments(n=n, total=total, squares=squares)
