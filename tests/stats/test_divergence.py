"""Measures against scipy, against plain formulas, and against simulations without drift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from seatrial.stats.counts import BadStatistic
from seatrial.stats.divergence import (
    Divergence,
    benjamini_hochberg,
    chi_square,
    jensen_shannon,
    ks_from_counts,
    ks_from_values,
    ks_tail,
    proportion_tail,
    psi,
    psi_of_columns,
    shares_tail,
)

REFERENCE = np.array([100, 300, 400, 150, 50])
CURRENT = np.array([40, 100, 180, 120, 60])
counts = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def test_psi_is_the_sum_of_its_formula() -> None:
    p, q = REFERENCE / 1000, CURRENT / 500
    found = psi(REFERENCE, CURRENT)
    assert found.value == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert found.corrected == pytest.approx(found.value - 4 * (1 / 1000 + 1 / 500))
    assert (found.n, found.m, found.n_bins) == (1000, 500, 5)


@pytest.mark.parametrize("measure", [psi, jensen_shannon])
def test_fractions_of_rows_in_one_bin_have_not_moved(measure: Callable[..., Divergence]) -> None:
    """It was the root of a negative variance: rare names are such fractions."""
    found = measure(np.array([39.16]), np.array([54.0]))
    assert (found.value, found.standard_error, found.p_value) == (0.0, 0.0, 1.0)


def test_jensen_shannon_is_that_of_scipy() -> None:
    expected = jensenshannon(REFERENCE, CURRENT, base=2) ** 2
    assert jensen_shannon(REFERENCE, CURRENT).value == pytest.approx(expected)
    assert jensen_shannon(np.array([5, 0]), np.array([0, 5])).value == pytest.approx(1)


def test_psi_of_columns_is_that_of_each_with_half_a_row_more_in_every_bin() -> None:
    reference = np.array([[100.0, 300, 400, 150], [9, 0, 0, 1], [50, 50, 0, 0]])
    current = np.array([[40.0, 100, 180, 120], [1, 0, 0, 9], [40, 60, 0, 0]])
    found = psi_of_columns(reference, current, np.ones(3))
    expected = [
        psi(r[used] + 0.5, c[used] + 0.5).corrected
        for r, c in zip(reference, current, strict=True)
        for used in [r + c > 0]
    ]
    assert found == pytest.approx(expected)
    # Rows that tell as little as a tenth of so many leave more to chance.
    assert (psi_of_columns(reference, current, np.full(3, 10.0)) <= found).all()


def test_chi_square_is_that_of_scipy() -> None:
    expected = stats.chi2_contingency(np.array([REFERENCE, CURRENT]), correction=False)
    found = chi_square(REFERENCE, CURRENT)
    assert found.value == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("digits", [1, 12])
def test_ks_of_values_is_that_of_scipy(shift: float, digits: int) -> None:
    rng = np.random.default_rng(0)
    a = np.sort(rng.normal(size=800).round(digits))
    b = np.sort(rng.normal(shift, size=1500).round(digits))
    expected = stats.ks_2samp(a, b, method="asymp")
    found = ks_from_values(a, b)
    assert found.value == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.1, abs=1e-12)


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_ks_of_values_and_of_one_bin_per_value_agree(a: list[int], b: list[int]) -> None:
    exact = ks_from_values(np.sort(a), np.sort(b)).value
    counted = ks_from_counts(np.bincount(a, minlength=10), np.bincount(b, minlength=10))
    assert counted.value == pytest.approx(exact, abs=1e-12)


@given(st.integers(0, 2**32), st.integers(1, 30), st.floats(-1, 1))
def test_the_exact_distance_lies_within_the_error_of_the_counted_one(
    seed: int, n_edges: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    a, b = np.sort(rng.normal(size=200)), np.sort(rng.normal(shift, size=300))
    edges = np.sort(rng.normal(size=n_edges))
    counted = ks_from_counts(
        *(np.bincount(np.searchsorted(edges, x), minlength=n_edges + 1) for x in (a, b))
    )
    exact = ks_from_values(a, b).value
    assert counted.value - 1e-12 <= exact <= counted.value + counted.error + 1e-12


@pytest.mark.parametrize(("measure", "alpha"), [(psi, 0.05), (jensen_shannon, 0.05)])
def test_without_drift_the_bias_is_gone_and_the_tail_is_right(
    measure: object, alpha: float
) -> None:
    rng = np.random.default_rng(1)
    n, m, bins, reps = 1_000, 400, 10, 1_500
    share = np.full(bins, 1 / bins)
    found = [measure(rng.multinomial(n, share), rng.multinomial(m, share)) for _ in range(reps)]  # type: ignore[operator]
    rejected = np.mean([one.p_value <= alpha for one in found])
    # Five standard errors of the binomial law; the tail is a limit, right to a few tenths.
    assert abs(rejected - alpha) <= 5 * np.sqrt(alpha * (1 - alpha) / reps) + 0.01
    scale = 9 * (1 / n + 1 / m) * (1 if measure is psi else 1 / (8 * np.log(2)))
    assert np.mean([one.value for one in found]) == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize("measure", [psi, jensen_shannon, chi_square])
def test_the_standard_error_is_the_spread_over_repetitions(measure: object) -> None:
    rng = np.random.default_rng(2)
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.2, 0.25, 0.3, 0.25])
    found: list[Divergence] = [
        measure(rng.multinomial(2_000, p), rng.multinomial(800, q))  # type: ignore[operator]
        for _ in range(1_000)
    ]
    spread = np.std([one.value for one in found])
    stated = np.mean([one.standard_error or 0.0 for one in found])
    # Pearson's statistic with an uncertain reference spreads more than the non-central law says.
    assert stated == pytest.approx(spread, rel=0.3 if measure is chi_square else 0.1)


def test_ks_tail_is_the_limit_law() -> None:
    for d in (0.01, 0.03, 0.05, 0.08):
        expected = stats.kstwobign.sf(d * np.sqrt(5_000))
        assert ks_tail(d, 10_000, 10_000) == pytest.approx(expected, rel=0.1)
    assert ks_tail(0.0, 5, 5) == 1.0


@given(counts, st.data())
def test_measures_stay_in_their_range(reference: list[int], data: st.DataObject) -> None:
    size = len(reference)
    current = data.draw(st.lists(st.integers(0, 500), min_size=size, max_size=size))
    r, c = np.array(reference), np.array(current)
    if not r.sum() or not c.sum():
        with pytest.raises(BadStatistic):
            psi(r, c)
        return
    for measure in (psi, jensen_shannon, chi_square, ks_from_counts):
        found = measure(r, c)
        assert found.value >= -1e-12
        assert 0 <= found.corrected <= found.value + 1e-12
        assert 0 <= found.p_value <= 1
    assert jensen_shannon(r, c).value <= 1
    assert ks_from_counts(r, c).value <= 1 + 1e-12


def test_counts_of_other_bins_are_refused() -> None:
    with pytest.raises(BadStatistic, match="5 and 2 bins"):
        psi(REFERENCE, np.array([1, 2]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_are_those_of_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values)
    assert benjamini_hochberg(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_no_p_value_adjusts_to_none() -> None:
    assert benjamini_hochberg([]) == []


@given(st.integers(1, 400), st.data(), st.floats(0.001, 0.99))
def test_a_proportions_tail_bounds_the_binomial_one(
    n: int, data: st.DataObject, expected: float
) -> None:
    k = data.draw(st.integers(0, n))
    assert proportion_tail(k, n, expected) >= stats.binom.sf(k - 1, n, expected) - 1e-12


def test_one_event_where_none_was_before_is_no_proof() -> None:
    assert shares_tail(0, 100_000, 1, 1_000) > 0.01
    assert shares_tail(0, 100_000, 300, 1_000) < 1e-9
    assert shares_tail(30_000, 100_000, 0, 1_000) < 1e-9
    assert shares_tail(5, 10, 0, 0) == shares_tail(0, 10, 0, 10) == 1.0


def test_equal_shares_are_rejected_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(3)
    found = [shares_tail(rng.binomial(500, 0.1), 500, k, 800) for k in rng.binomial(800, 0.1, 2000)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 2000)
