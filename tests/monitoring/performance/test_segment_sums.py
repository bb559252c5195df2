"""Sums by segment: any partition adds up, and what is taken out leaves nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.performance.segment_sums import SegmentSums

N_SEGMENTS = 5


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places in two columns, and whole numbers, whose sums are exact."""
    rng = np.random.default_rng(seed)
    places = np.column_stack([rng.integers(0, 3, n), rng.integers(3, 5, n)])
    expected = rng.integers(0, 8, n).astype(np.float64)
    expected[rng.random(n) < 0.2] = np.nan
    return places, expected, rng.integers(0, 8, n).astype(np.float64)


def summed(places: np.ndarray, expected: np.ndarray, outcome: np.ndarray) -> SegmentSums:
    return SegmentSums.of(places, expected, n_segments=N_SEGMENTS) + SegmentSums.labelled(
        places, outcome, n_segments=N_SEGMENTS
    )


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), max_size=4))
def test_any_partition_of_the_rows_gives_the_identical_sums(
    n: int, seed: int, cuts: list[int]
) -> None:
    rows = drawn(n, seed)
    parts = np.split(np.random.default_rng(seed).permutation(n), sorted(cuts))
    found = sum((summed(*(c[part] for c in rows)) for part in parts), SegmentSums.empty(N_SEGMENTS))
    assert np.array_equal(found.sums, summed(*rows).sums)
    assert not (found - summed(*rows)).sums.any()


def test_each_row_is_in_one_segment_of_each_column() -> None:
    places, expected, outcome = drawn(1_000, 0)
    sums = summed(places, expected, outcome)
    assert sum(sums.n(place) for place in range(3)) == 1_000
    assert sum(sums.n(place) for place in range(3, 5)) == 1_000
    mine = places[:, 0] == 1
    known = mine & ~np.isnan(expected)
    assert sums.expected(1).n == known.sum()
    assert sums.expected(1).mean == pytest.approx(expected[known].mean())
    assert sums.expected(1).variance == pytest.approx(expected[known].var(ddof=1))
    assert sums.outcome(1).of_mean == pytest.approx(outcome[mine].var(ddof=1) / mine.sum())


def test_no_row_has_no_mean() -> None:
    empty = SegmentSums.empty(1).outcome(0)
    assert (empty.n, empty.mean, empty.of_mean) == (0, 0.0, float("inf"))
