"""Rising factorials and laws of counts against scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from seatrial.stats.dirichlet import log_count_law, log_rising


@given(st.floats(1e-12, 1e8), st.one_of(st.integers(0, 10**8), st.floats(0, 1e4)))
def test_a_rising_factorial_is_scipys(x: float, n: float) -> None:
    rising = float(log_rising(np.array([x]), np.array([float(n)]))[0])
    expected = float(special.gammaln(x + n) - special.gammaln(x))
    lost_by_scipy = 4e-16 * abs(float(special.gammaln(x + n)))
    assert rising == pytest.approx(expected, rel=1e-11, abs=1e-9 + 4 * lost_by_scipy)


def test_a_rising_factorial_of_huge_counts_loses_nothing() -> None:
    x, n = np.array([1e13, 1e15]), np.array([8.0, 3.0])
    np.testing.assert_allclose(log_rising(x, n), n * np.log(x), rtol=1e-12)


@given(st.lists(st.tuples(st.floats(0.01, 500), st.integers(0, 50)), min_size=2, max_size=8))
def test_the_law_of_counts_is_scipys(bins: list[tuple[float, int]]) -> None:
    alpha, counts = np.array([a for a, _ in bins]), np.array([n for _, n in bins])
    n = int(counts.sum())
    ways = special.gammaln(n + 1) - special.gammaln(counts + 1).sum()
    expected = stats.dirichlet_multinomial.logpmf(counts, alpha, n)
    assert float(log_count_law(alpha, counts.astype(float)) + ways) == pytest.approx(
        float(expected), abs=1e-7
    )


def test_the_law_of_counts_sums_to_one() -> None:
    alpha = np.array([0.5, 2.0, 7.5])
    total = 0.0
    for a, b in itertools.product(range(7), repeat=2):
        if a + b <= 6:
            counts = np.array([a, b, 6 - a - b], dtype=float)
            ways = special.gammaln(7) - special.gammaln(counts + 1).sum()
            total += float(np.exp(log_count_law(alpha, counts) + ways))
    assert total == pytest.approx(1, abs=1e-9)
