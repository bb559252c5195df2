"""Sums add up in any order and give the means and variances of the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.comoments import Comoments
from seatrial.stats.counts import BadStatistic


def some(n: int = 500, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(5, 2, n)
    x[rng.random(n) < 0.2] = np.nan
    return rng.integers(0, 6, n), rng.normal(100, 7, n), x


def test_groups_have_the_means_and_variances_of_their_units() -> None:
    groups, y, x = some()
    sums = Comoments.grouped(groups, (2, 3), y, x)
    for group in range(6):
        place, chosen = divmod(group, 3), groups == group
        assert sums.n[place] == chosen.sum()
        assert sums.mean[place] == pytest.approx(y[chosen].mean())
        assert sums.variance[place] == pytest.approx(y[chosen].var(ddof=1))
        assert sums.mean_x[place] == pytest.approx(np.nanmean(x[chosen]))
        assert sums.n_x[place] == np.isfinite(x[chosen]).sum()


def test_parts_add_up_to_the_whole() -> None:
    groups, y, x = some()
    whole = Comoments.grouped(groups, (6,), y, x)
    parts = [Comoments.grouped(groups[i::3], (6,), y[i::3], x[i::3]) for i in range(3)]
    together = parts[2] + parts[0] + parts[1]
    for name in ("n", "y", "yy", "n_x", "y_x", "x", "xx", "xy"):
        assert getattr(together, name) == pytest.approx(getattr(whole, name))


def test_over_and_running_are_sums_along_an_axis() -> None:
    groups, y, _ = some()
    sums = Comoments.grouped(groups, (3, 2), y)
    assert sums.over(0).y == pytest.approx(sums.running(0)[-1].y)
    assert sums.over(0).over(0).mean == pytest.approx(y.mean())
    assert sums[1, 0].n == (groups == 2).sum()


def test_groups_can_be_put_among_others() -> None:
    sums = Comoments.grouped(np.array([0, 1]), (2, 1), [3.0, 4.0])
    assert sums.spread([2, 0], 3).y[:, 0].tolist() == [4.0, 0.0, 3.0]


def test_no_unit_has_no_mean_and_one_no_variance() -> None:
    sums = Comoments.grouped(np.array([0]), (2,), [3.0])
    assert sums.mean.tolist()[0] == 3.0
    assert np.isnan([sums.mean[1], *sums.variance, *sums.mean_x]).all()


def test_equal_values_have_no_variance() -> None:
    assert Comoments.of(np.full(1000, 0.1)).variance == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(("y", "x"), [([np.nan], [1.0]), ([np.inf], [1.0]), ([1.0], [np.inf])])
def test_what_is_no_number_is_refused(y: list[float], x: list[float]) -> None:
    with pytest.raises(BadStatistic, match="missing or infinite"):
        Comoments.of(y, x)
