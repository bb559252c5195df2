"""Covariate adjustment is the regression that textbooks would run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.stats.comoments import Comoments
from seatrial.stats.cuped import adjusted
from seatrial.stats.difference import at_horizon, of_means


def experiment(
    seed: int = 0, n: int = 900, missing: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    group, x = rng.integers(0, 3, n), rng.normal(5, 2, n)
    y = 3 * x + 0.5 * (group == 1) + rng.normal(0, 3, n)
    known = rng.random(n) >= missing
    return group, np.where(known, y, y - 10), np.where(known, x, np.nan)


def regression(
    group: NDArray[np.int64], y: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of ordinary least squares, and their errors where variances differ (HC2)."""
    known = np.isfinite(x)
    columns = [group == i for i in range(3)] + [np.where(known, x, np.nanmean(x))]
    if not known.all():
        columns.append(known)
    design = np.stack(columns, axis=1).astype(float)
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    weights = (y - design @ slopes) ** 2 / (1 - leverage)
    middle = design.T @ (design * weights[:, None])
    return slopes, inverse @ middle @ inverse


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("treated", [1, 2])
def test_it_is_the_regression_on_group_and_covariate(missing: float, treated: int) -> None:
    group, y, x = experiment(missing=missing)
    found = adjusted(Comoments.grouped(group, (3,), y, x))
    slopes, covariance = regression(group, y, x)
    difference = found.difference(treated)
    error = np.sqrt(covariance[0, 0] + covariance[treated, treated] - 2 * covariance[0, treated])
    assert float(difference.value) == pytest.approx(slopes[treated] - slopes[0])
    assert float(found.slope) == pytest.approx(slopes[3])
    assert float(difference.error) == pytest.approx(error, rel=0.01)
    assert int(found.n_slopes) == (1 if missing == 0 else 2)


def test_it_narrows_the_interval_by_what_is_explained() -> None:
    group, y, x = experiment(n=5_000)
    sums = Comoments.grouped(group, (3,), y, x)
    found = adjusted(sums)
    plain = of_means(sums[0], sums[1])
    lessened = float(found.difference(1).error) / float(plain.error)
    assert lessened**2 == pytest.approx(1 - float(found.explained), rel=0.05)
    assert float(found.explained) == pytest.approx(36 / 45, rel=0.05)


def test_adjusted_means_have_the_unadjusted_average() -> None:
    group, y, x = experiment(missing=0.2)
    sums = Comoments.grouped(group, (3,), y, x)
    found = adjusted(sums)
    assert (found.mean * sums.n).sum() == pytest.approx(y.sum())


def test_a_covariate_of_another_origin_changes_nothing() -> None:
    group, y, x = experiment()
    near, far = (adjusted(Comoments.grouped(group, (3,), y, x + by)) for by in (0.0, 1e5))
    assert far.difference(1).value == pytest.approx(near.difference(1).value, rel=1e-4)


@pytest.mark.parametrize("x", [np.full(900, 3.0), np.full(900, np.nan)])
def test_a_covariate_that_says_nothing_leaves_the_means(x: NDArray[np.float64]) -> None:
    group, y, _ = experiment()
    sums = Comoments.grouped(group, (3,), y, x)
    found = adjusted(sums)
    assert found.mean == pytest.approx(sums.mean)
    assert int(found.n_slopes) == 0
    once = at_horizon(found.difference(1), alpha=0.05)
    plain = at_horizon(of_means(sums[0], sums[1]), alpha=0.05)
    assert float(once.lower) == pytest.approx(float(plain.lower))


def test_a_constant_covariate_known_of_some_is_whether_it_is_known() -> None:
    group, y, x = experiment(missing=0.5)
    found = adjusted(Comoments.grouped(group, (3,), y, np.where(np.isfinite(x), 1.0, np.nan)))
    assert int(found.n_slopes) == 1
    assert float(found.explained) > 0.2


def test_days_and_trials_are_adjusted_each_for_itself() -> None:
    parts = [Comoments.grouped(*_placed(seed)) for seed in range(4)]
    stacked = Comoments(
        **{
            name: np.stack([getattr(one, name) for one in parts])
            for name in ("n", "y", "yy", "n_x", "y_x", "x", "xx", "xy")
        }
    )
    together = adjusted(stacked).difference(2)
    for i, one in enumerate(parts):
        alone = adjusted(one).difference(2)
        assert float(together.value[i]) == pytest.approx(float(alone.value))
        assert float(together.error[i]) == pytest.approx(float(alone.error))


def _placed(
    seed: int,
) -> tuple[NDArray[np.int64], tuple[int], NDArray[np.float64], NDArray[np.float64]]:
    group, y, x = experiment(seed, missing=0.1)
    return group, (3,), y, x


def test_a_variant_without_units_has_no_difference() -> None:
    group, y, x = experiment()
    found = adjusted(Comoments.grouped(group, (4,), y, x)).difference(3)
    assert np.isnan(found.value)
    assert float(at_horizon(found, alpha=0.05).p_value) == 1.0
