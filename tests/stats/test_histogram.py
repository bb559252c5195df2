from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seatrial.stats.counts import BadStatistic
from seatrial.stats.histogram import MAX_BINS, Edges, quantile_edges, with_floor

anything = arrays(
    np.float64,
    st.integers(0, 200),
    elements=st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, -1e9]),
)


def _of(values: np.ndarray) -> Edges:
    return Edges(quantile_edges(np.sort(values[np.isfinite(values)])))


@given(anything, anything)
def test_every_value_is_counted_once(reference: np.ndarray, values: np.ndarray) -> None:
    edges = _of(reference)
    found = edges.count(values)
    finite = values[np.isfinite(values)]
    assert len(found.counts) == edges.n_bins
    assert (found.counts >= 0).all()
    assert found.counts.sum() == len(finite)
    assert found.n_missing == np.isnan(values).sum()
    assert found.n_infinite == np.isinf(values).sum()
    assert found.lowest == (finite.min() if len(finite) else None)
    assert found.highest == (finite.max() if len(finite) else None)


@given(anything, anything, st.integers(0, 200))
def test_parts_add_up_to_the_whole(reference: np.ndarray, values: np.ndarray, at: int) -> None:
    edges = _of(reference)
    parts = edges.count(values[:at]).counts + edges.count(values[at:]).counts
    np.testing.assert_array_equal(parts, edges.count(values).counts)


@given(anything)
def test_the_reference_itself_lies_within_its_range(reference: np.ndarray) -> None:
    edges = _of(reference)
    counts = edges.count(reference).counts
    finite = reference[np.isfinite(reference)]
    if len(finite) and finite.min() > -1e300:
        assert counts[0] == counts[-1] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_counts_are_those_of_a_plain_search(dtype: type, scale: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    reference = (offset + scale * rng.normal(size=5_000)).astype(dtype)
    values = (offset + scale * rng.normal(0.1, 1.2, size=20_000)).astype(dtype)
    edges = _of(reference)
    plain = np.bincount(
        np.searchsorted(edges.values, values.astype(np.float64)), minlength=edges.n_bins
    )
    # float32 rounds a value at most into the bin beside it, and hardly ever.
    assert np.abs(np.cumsum(edges.count(values).counts) - np.cumsum(plain)).max() <= 20


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int8, np.bool_])
def test_integers_and_booleans_count_as_numbers(dtype: type) -> None:
    values = np.array([0, 1, 1, 1], dtype)
    assert Edges(quantile_edges(np.sort(values))).count(values).counts.tolist() == [0, 1, 3, 0]


def test_huge_integers_keep_apart_what_a_double_tells_apart() -> None:
    values = np.array([2**62, 2**62 + 2**12, 2**62 + 2**13])
    counts = Edges(quantile_edges(values)).count(values).counts
    assert counts.tolist() == [0, 1, 1, 1, 0]


def test_there_are_at_most_so_many_bins_and_each_holds_its_share() -> None:
    values = np.random.default_rng(0).lognormal(size=50_000)
    counts = _of(values).count(values).counts
    assert len(counts) == MAX_BINS + 2 + 1
    assert counts.max() <= 51
    assert counts.nbytes <= 8_192


def test_a_frequent_value_does_not_hide_its_neighbours() -> None:
    values = np.concatenate([np.zeros(5_000), np.linspace(1, 2, 5_000)])
    edges = _of(values)
    counts = edges.count(values).counts
    assert counts.max() == 5_000
    assert np.sort(counts)[-2] < 30


def test_what_lies_under_a_constant_differs_from_it() -> None:
    for constant in (5.0, 0.0, -1e-20, 1.7e9, 0.1, -1e300):
        edges = _of(np.full(10, constant))
        below = np.nextafter(constant, -np.inf) - abs(constant) * 1e-6 - 1e-25
        assert edges.count(np.array([below, constant])).counts.tolist() == [1, 1, 0]


def test_edges_out_of_order_are_refused() -> None:
    for wrong in ([2.0, 1.0], [1.0, 1.0], [0.0, np.nan]):
        with pytest.raises(BadStatistic, match="ascending"):
            Edges(np.array(wrong))


def test_a_floor_lies_just_under_the_first_edge() -> None:
    edges = with_floor(np.array([1.0, 2.0, 3.0]))
    assert edges.tolist()[1:] == [1.0, 2.0, 3.0]
    assert 0.9999 < edges[0] < 1.0
