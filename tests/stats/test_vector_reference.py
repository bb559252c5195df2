"""Units, principal axes and what is finite."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.vector_reference import (
    MOST_AXES,
    domain_reference,
    finite_rows,
    looked_at,
    units_of,
    whole_vectors,
)


def test_units_are_means_and_deviations_whatever_a_single_row_holds() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal([1, -2, 0], [3, 0.1, 1], size=(5_000, 3))
    rows[17] = 1e9
    middle, unit = units_of(rows)
    assert middle == pytest.approx([1, -2, 0], abs=0.15)
    assert unit == pytest.approx([3, 0.1, 1], rel=0.1)


def test_a_coordinate_that_never_varies_has_the_unit_of_the_others() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 2, size=(500, 5))
    rows[:, 1], rows[:, 2] = 7.0, 0.0
    _, unit = units_of(rows)
    assert (unit > 1).all()
    assert (units_of(np.zeros((10, 3)))[1] > 0).all()
    assert units_of(np.zeros((0, 3)))[1].tolist() == [1, 1, 1]


def test_a_coordinate_that_is_nearly_always_nought_has_a_unit_of_its_own() -> None:
    rows = np.random.default_rng(0).normal(size=(4_000, 2))
    rows[:, 1] = 0
    rows[:8, 1] = 0.01
    assert units_of(rows)[1][1] < 0.01


def test_principal_axes_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    width = 200
    latent = rng.normal(size=(3_000, 5)) * np.array([6, 5, 4, 3, 2])
    mixing = np.linalg.qr(rng.normal(size=(width, 5)))[0]
    rows = latent @ mixing.T + rng.normal(size=(3_000, width)) * 0.3
    units = whole_vectors(rows, 8)
    reference = domain_reference(units, rows)
    assert reference.axes.shape == (2, MOST_AXES, width)
    level = (rows - units.middle) / units.unit
    values, vectors = np.linalg.eigh(np.cov(level.T, bias=True))
    for i in range(5):
        assert abs(reference.axes[0, i] @ vectors[:, -1 - i]) > 0.999
        assert reference.variances[0, i] == pytest.approx(values[-1 - i], rel=0.01)
    assert reference.variances[0, -1] == pytest.approx(values.sum(), rel=0.01)


def test_the_reference_is_the_same_each_time() -> None:
    rows = np.random.default_rng(0).normal(size=(1_000, 300)).astype(np.float32)
    one, other = (domain_reference(whole_vectors(rows, 4), rows) for _ in range(2))
    np.testing.assert_array_equal(one.axes, other.axes)
    assert (one.moments, one.sample) == (other.moments, other.sample)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_rows_make_a_reference_that_says_it_is_not_enough(n: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n, 8))
    reference = domain_reference(whole_vectors(rows, 8), rows)
    assert not reference.enough
    assert int(reference.moments.n.sum()) == n


def test_what_is_not_finite_as_float32_is_named() -> None:
    rows = np.zeros((5, 3))
    rows[1, 2], rows[2, 0], rows[3, 1] = np.nan, -np.inf, 1e300
    assert finite_rows(rows).tolist() == [True, False, False, False, True]
    assert finite_rows(np.zeros((2, 3), np.int64)).all()


@pytest.mark.parametrize("n", [0, 1, 2, 9, 100_000])
def test_half_of_the_rows_at_most_are_looked_at(n: int) -> None:
    found = looked_at(n)
    assert len(found) == min(n // 2, 4_096)
    assert set(found.tolist()) <= set(range(n))
