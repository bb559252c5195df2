"""Without a sort: the same counts and the same exact distance as with one."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.cell_counts import MANY, count_many
from seatrial.stats.cells import cell_ends
from seatrial.stats.divergence import ks_from_values
from seatrial.stats.histogram import Edges, quantile_edges
from tests.stats.laws import LAWS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stretch", [1.0, 1.05])
@pytest.mark.parametrize("law", LAWS)
def test_many_values_are_counted_and_measured_as_by_sorting(
    law: str, stretch: float, dtype: type
) -> None:
    rng = np.random.default_rng(0)
    reference = np.sort(LAWS[law](rng, 5_000).astype(dtype))
    values = (LAWS[law](rng, MANY + 5_000) * stretch).astype(dtype)
    for edges in (quantile_edges(reference), cell_ends(quantile_edges(reference))):
        made = Edges(edges)
        counted, distance = count_many(made, values, reference)
        plain = made.count(values)
        np.testing.assert_array_equal(counted.counts, plain.counts)
        assert (counted.lowest, counted.highest) == (plain.lowest, plain.highest)
        assert distance is not None
        exact = ks_from_values(reference, np.sort(values))
        assert distance.value == pytest.approx(exact.value, abs=1e-12)


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf, 1e300])
def test_missing_and_infinite_values_are_told_apart_among_many(spoilt: float) -> None:
    rng = np.random.default_rng(0)
    reference = np.sort(rng.normal(size=2_000))
    values = rng.normal(size=MANY * 2)
    values[::7] = spoilt
    edges = Edges(quantile_edges(reference))
    counted, distance = count_many(edges, values, reference)
    plain = edges.count(values)
    np.testing.assert_array_equal(counted.counts, plain.counts)
    assert (counted.n_missing, counted.n_infinite) == (plain.n_missing, plain.n_infinite)
    finite = np.sort(values[np.isfinite(values)])
    assert distance is not None
    assert distance.value == pytest.approx(ks_from_values(reference, finite).value, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_minus_zero_is_zero(dtype: type) -> None:
    rng = np.random.default_rng(0)

    def tenth(zero: float, n: int) -> np.ndarray:
        return np.where(rng.random(n) < 0.1, zero, rng.normal(size=n)).astype(dtype)

    reference, values = np.sort(tenth(0.0, 20_000)), tenth(-0.0, 2 * MANY)
    sizes = np.quantile(np.abs(reference), np.linspace(0.11, 1, 400))
    edges = Edges(np.unique(np.concatenate([-sizes, [0.0], sizes])))
    assert edges.middle == 0.0
    _, distance = count_many(edges, values, reference)
    assert distance is not None
    assert distance.value == ks_from_values(reference, np.sort(values)).value


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("law", LAWS)
def test_the_distance_is_exact_wherever_it_lies(law: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = np.sort(LAWS[law](rng, int(rng.integers(1, 9_000))))
    values = LAWS[law](rng, MANY + int(rng.integers(0, 50_000)))
    at = rng.choice(reference)  # one place where the two laws part
    moved = rng.random(len(values)) < rng.choice([0.001, 0.01, 0.3])
    values[moved] = at + rng.choice([-1, 0, 1]) * rng.choice([0, 1e-7, 0.1]) * (1 + abs(at))
    edges = Edges(cell_ends(quantile_edges(reference)))
    counted, distance = count_many(edges, values, reference)
    np.testing.assert_array_equal(counted.counts, edges.count(values).counts)
    assert distance is not None
    assert distance.value == ks_from_values(reference, np.sort(values)).value


def test_nothing_to_compare_has_no_distance() -> None:
    edges = Edges(quantile_edges(np.arange(5.0)))
    for values in (np.full(MANY, np.nan), np.empty(0)):
        counted, distance = count_many(edges, values, np.arange(5.0))
        assert counted.counts.sum() == 0
        assert distance is None


def test_integers_are_counted_alike() -> None:
    rng = np.random.default_rng(0)
    reference = np.sort(rng.integers(0, 10**6, 5_000))
    values = rng.integers(0, 10**6, MANY)
    edges = Edges(cell_ends(quantile_edges(reference)))
    counted, distance = count_many(edges, values, reference)
    np.testing.assert_array_equal(counted.counts, edges.count(values).counts)
    assert distance is not None
    assert distance.value == ks_from_values(reference, np.sort(values)).value
