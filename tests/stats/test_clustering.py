"""How much rows that come in clusters are worth."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.clustering import effective_rows, estimate_clustering
from seatrial.stats.counts import BadStatistic

SHARES = np.full(16, 1 / 16)
N_WINDOWS, N_ROWS, N_COLUMNS = 60, 1_000, 100


def _windows(rho: float, seed: int) -> np.ndarray:
    """Each window draws its own shares, so that two of its rows correlate by rho."""
    rng = np.random.default_rng(seed)
    shape = (N_WINDOWS, N_COLUMNS)
    shares = rng.dirichlet(SHARES * (1 / rho - 1), shape) if rho else np.tile(SHARES, (*shape, 1))
    return rng.multinomial(N_ROWS, shares)


def test_independent_rows_are_worth_themselves_and_clustered_ones_at_most_one_over_rho() -> None:
    np.testing.assert_allclose(effective_rows([0, 1, 50, 10**6], 0.0), [0, 1, 50, 10**6])
    np.testing.assert_allclose(effective_rows([1, 101], 0.01), [1, 101 / 2])
    assert 99 < effective_rows(10**9, 0.01) < 100


@pytest.mark.parametrize("n_ordered", [16, 0])
def test_clustering_is_found_where_it_is_and_rarely_where_it_is_not(n_ordered: int) -> None:
    ordered = np.full(N_COLUMNS, n_ordered)
    none = estimate_clustering(_windows(0.0, 1), n_ordered=ordered)
    assert np.count_nonzero(none) <= 6  # 1 in 100 expected, more than 6 once in 3,000
    some = estimate_clustering(_windows(0.004, 2), n_ordered=ordered)
    assert 0.0035 < np.median(some) < 0.0065
    assert (some > 0.002).all()


def test_a_daily_swing_of_the_level_is_found_though_it_is_one_direction_of_many() -> None:
    rng = np.random.default_rng(3)
    tilt = np.linspace(-1, 1, 16) * 0.15 * np.sin(np.arange(N_WINDOWS) * 2 * np.pi / 24)[:, None]
    shares = SHARES * (1 + tilt)
    windows = rng.multinomial(N_ROWS, shares)[:, None, :]
    found = float(estimate_clustering(windows, n_ordered=[16])[0])
    variance_of_level = np.var(shares @ ((np.arange(16) - 7.5) / np.std(np.arange(16))))
    assert found == pytest.approx(variance_of_level, rel=0.5)


def test_columns_with_nothing_to_say_are_taken_as_independent() -> None:
    windows = np.zeros((5, 2, 3))
    windows[:, 1, 0] = 50
    assert estimate_clustering(windows, n_ordered=[3, 0]).tolist() == [0, 0]


@pytest.mark.parametrize("windows", [np.ones((1, 2, 3)), np.ones((3, 4)), np.full((3, 1, 2), -1)])
def test_what_is_no_series_of_windows_is_refused(windows: np.ndarray) -> None:
    with pytest.raises(BadStatistic, match="say nothing about clustering"):
        estimate_clustering(windows, n_ordered=[2])
