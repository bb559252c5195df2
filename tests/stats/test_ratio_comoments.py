"""A ratio with a covariate: the same estimate, a smaller error, and sums that add up."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.comoments import Comoments
from seatrial.stats.cuped import adjusted
from seatrial.stats.difference import of_ratios
from seatrial.stats.ratio_comoments import RatioComoments


def some(n: int, *, seed: int, lift: float = 0.0) -> tuple[np.ndarray, ...]:
    """Group, clicks, views, and views' habit from before."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    habit = rng.gamma(2, 1, n)
    views = rng.poisson(5, n) + 1.0
    clicks = rng.poisson(views * (0.05 + 0.1 * habit + lift * group))
    return group, clicks.astype(float), views, habit


def summed(n: int = 6000, *, seed: int = 1, lift: float = 0.0) -> RatioComoments:
    group, clicks, views, habit = some(n, seed=seed, lift=lift)
    return RatioComoments.grouped(group, (2,), clicks, views, habit)


def test_without_a_covariate_that_tells_anything_it_is_the_delta_method() -> None:
    group, clicks, views, _ = some(6000, seed=1)
    sums = RatioComoments.grouped(group, (2,), clicks, views, np.full(6000, np.nan))
    plain = of_ratios(sums.ratio[0], sums.ratio[1])
    found = adjusted(sums.linear()).difference(1)
    assert float(found.value) == pytest.approx(float(plain.value))
    assert float(found.error) == pytest.approx(float(plain.error), rel=1e-3)


def test_the_linear_values_are_those_of_each_unit() -> None:
    group, clicks, views, habit = some(500, seed=2)
    sums = RatioComoments.grouped(group, (2,), clicks, views, habit).linear()
    values = np.empty(500)
    for g in (0, 1):
        mine = group == g
        r = clicks[mine].sum() / views[mine].sum()
        values[mine] = r + (clicks[mine] - r * views[mine]) / views[mine].mean()
    expected = Comoments.grouped(group, (2,), values, habit)
    for name in ("n", "y", "yy", "n_x", "y_x", "x", "xx", "xy"):
        assert np.allclose(getattr(sums, name), getattr(expected, name)), name


def test_a_covariate_that_explains_makes_the_error_smaller_and_it_covers() -> None:
    truth, n_trials, n_covered, shrunk = 0.02, 200, 0, []
    for seed in range(n_trials):
        sums = summed(2000, seed=seed, lift=truth)
        plain = of_ratios(sums.ratio[0], sums.ratio[1])
        found = adjusted(sums.linear()).difference(1)
        n_covered += abs(float(found.value) - truth) < 1.96 * float(found.error)
        shrunk.append(float(found.error / plain.error))
    assert n_covered >= 180  # 190 are expected; 180 is more than 3 standard errors below
    assert np.mean(shrunk) < 0.9


def test_parts_add_up_in_any_order() -> None:
    group, clicks, views, habit = some(1000, seed=3)
    whole = RatioComoments.grouped(group, (2,), clicks, views, habit)
    parts = [
        RatioComoments.grouped(group[p], (2,), clicks[p], views[p], habit[p])
        for p in (slice(0, 300), slice(300, 1000))
    ]
    for together in (parts[0] + parts[1], parts[1] + parts[0]):
        assert np.allclose(together.linear().yy, whole.linear().yy)


def test_nothing_yet_is_no_error() -> None:
    empty = np.zeros(0)
    sums = RatioComoments.grouped(np.zeros(0, np.intp), (2,), empty, empty, empty)
    assert np.isnan(float(adjusted(sums.linear()).difference(1).value))
