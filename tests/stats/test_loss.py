import numpy as np
import pytest

from seatrial.stats.counts import BadStatistic
from seatrial.stats.loss import LEAST_ROWS, fit_loss


def made(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two features of four and three bins; the first says how hard a row is."""
    bins = np.column_stack([rng.integers(0, 4, n), rng.integers(0, 3, n)])
    return bins, np.abs(rng.normal(0, 1 + bins[:, 0]))


def test_hard_rows_expect_a_larger_error() -> None:
    rng = np.random.default_rng(1)
    model = fit_loss(*(made(rng, 8_000)[0:1]), (4, 3), np.ones(8_000))
    assert len(model.means) == 1  # all errors alike: nothing to tell apart
    bins, error = made(rng, 8_000)
    model = fit_loss(bins, (4, 3), error)
    asked = np.array([[hard, 0] for hard in range(4)])
    half_normal = np.sqrt(2 / np.pi) * (1 + np.arange(4))
    np.testing.assert_allclose(model.expected(asked), half_normal, rtol=0.15)


def test_the_expected_error_of_other_rows_lies_within_the_stated_errors() -> None:
    rng = np.random.default_rng(2)
    z = []
    for _ in range(150):
        model = fit_loss(*_args(made(rng, 2_000)))
        bins, error = made(rng, 1_000)
        hard = bins[:, 0] > 1  # harder rows than in the reference
        said = model.expect(model.expected(bins[hard]))
        assert said is not None
        miss = error[hard].mean() - said.mean
        z.append(miss / np.sqrt(said.row_variance / said.n + said.map_variance))
    # 150 numbers of a standard deviation of 1 scatter within 18 % of it with 99.7 %; the levels
    # mix rows that are not alike, which adds some.
    assert 0.8 < np.std(z) < 1.3
    assert abs(np.mean(z)) < 0.5


def _args(given: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    return given[0], (4, 3), given[1]


def test_features_that_say_nothing_cost_nothing() -> None:
    rng = np.random.default_rng(3)
    bins = rng.integers(0, 8, (4_000, 5))
    error = np.abs(rng.normal(size=4_000))
    expected = fit_loss(bins, (8,) * 5, error).expected(bins)
    np.testing.assert_allclose(expected, error.mean(), rtol=0.12)


def test_without_features_all_rows_expect_the_mean() -> None:
    error = np.abs(np.random.default_rng(4).normal(size=500))
    model = fit_loss(np.zeros((500, 0), np.int64), (), error)
    assert model.expected(np.zeros((2, 0), np.int64)) == pytest.approx(error[1::2].mean())


def test_one_enormous_error_does_not_decide_which_rows_are_hard() -> None:
    bins, error = made(np.random.default_rng(5), 4_000)
    error[0], bins[0] = 1e9, [0, 0]
    model = fit_loss(bins, (4, 3), error)
    easy, hard = model.expected(np.array([[0, 0], [3, 0]]))
    assert easy < hard < 10


def test_rows_without_an_expected_error_are_left_out() -> None:
    model = fit_loss(*_args(made(np.random.default_rng(6), 500)))
    some = model.expected(np.array([[1, 1], [2, 2]]))
    assert model.expect(np.append(some, np.nan)) == model.expect(some)
    assert model.expect(np.array([np.nan])) is None


def test_an_expected_error_finds_its_level_again() -> None:
    bins, error = made(np.random.default_rng(7), 3_000)
    model = fit_loss(bins, (4, 3), error)
    expected = model.expected(bins)
    np.testing.assert_array_equal(model.means[model.level(expected)], expected)


def test_too_few_rows_are_refused() -> None:
    n = LEAST_ROWS - 1
    with pytest.raises(BadStatistic, match=f"from {n} labelled rows"):
        fit_loss(np.zeros((n, 0), np.int64), (), np.ones(n))
