"""Joining bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.coarse import firsts, firsts_inside, largest, neighbours
from seatrial.stats.counts import BadStatistic

references = st.lists(st.integers(0, 1000), min_size=1, max_size=60).map(np.array)


@given(references, st.integers(1, 40))
def test_neighbours_are_joined_in_order_without_gaps(reference: np.ndarray, most: int) -> None:
    groups = neighbours(reference, most)
    assert len(groups) == len(reference)
    assert groups[0] == 0
    assert set(np.diff(groups).tolist()) <= {0, 1}
    assert groups[-1] < most


@given(references, st.integers(1, 40), st.sampled_from([0, 10]))
def test_names_that_fill_a_group_keep_it_and_the_others_are_dealt_out_evenly(
    reference: np.ndarray, most: int, least: int
) -> None:
    groups = largest(reference, most, least=least)
    joined, names = np.bincount(groups, weights=reference), np.bincount(groups)
    assert set(groups.tolist()) == set(range(len(joined)))
    assert len(joined) <= most
    if len(reference) > most:
        assert joined.all() or not reference.any() or len(joined) == 1 + (reference > 0).sum()
    assert joined.sum() == reference.sum()
    most_dealt = reference[(names > 1)[groups]].max(initial=-1)
    # A group of one that is smaller than some that was dealt out was dealt out itself.
    alone = (names == 1) & (joined >= most_dealt)
    dealt = [reference[groups == group] for group in np.flatnonzero(~alone)]
    if dealt:
        together = np.concatenate(dealt)
        assert np.ptp(names[~alone]) <= 1
        # To and fro: no group is ahead of another by more than two of the most frequent of them.
        assert np.ptp([some.sum() for some in dealt]) <= 2 * together.max()


def test_equal_bins_are_joined_into_equal_groups() -> None:
    joined = np.bincount(neighbours(np.full(1024, 97), 32))
    assert joined.tolist() == [32] * 32


def test_a_value_that_many_rows_share_leaves_groups_to_its_neighbours() -> None:
    reference = np.array([1] * 100 + [900] + [1] * 100)
    groups = neighbours(reference, 12)
    joined = np.bincount(groups, weights=reference)
    assert len(joined) == 12
    assert 900 <= joined.max() < 960
    assert np.delete(joined, joined.argmax()).max() < 60


def test_empty_bins_beside_a_constant_stay_apart_from_it() -> None:
    groups = neighbours(np.array([0, 0, 0, 500, 0, 0]), 3)
    assert groups.tolist() == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("reference", "most"),
    [(np.array([1, -1]), 2), (np.array([np.nan]), 2), (np.ones((2, 2)), 2), (np.ones(3), 0)],
)
def test_what_is_no_histogram_is_refused(reference: np.ndarray, most: int) -> None:
    for joining in (neighbours, largest):
        with pytest.raises(BadStatistic, match="cannot be joined"):
            joining(reference, most)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 12))
def test_cuts_begin_at_the_first_bin_and_leave_none_empty(counts: list[int], n_groups: int) -> None:
    found = firsts(np.array(counts), n_groups)
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert len(found) <= n_groups
    if sum(counts):
        assert (np.add.reduceat(counts, found) > 0).all()


def test_groups_of_many_small_bins_are_alike() -> None:
    counts = np.full(1_000, 7)
    sizes = np.add.reduceat(counts, firsts(counts, 10))
    assert sizes.tolist() == [700] * 10


@pytest.mark.parametrize(
    ("counts", "found"),
    [([4], [0]), ([4, 5], [0, 1]), ([1, 5, 1], [0, 1, 2]), ([9, 5, 5, 5, 5, 9], [0, 1, 3, 5])],
)
def test_what_lies_outside_is_joined_to_nothing(counts: list[int], found: list[int]) -> None:
    assert firsts_inside(np.array(counts), 2).tolist() == found


def test_no_group_of_rare_names_is_without_rows_whoever_is_alone() -> None:
    assert np.bincount(
        largest(np.array([1, 1, 2, 1, 0, 1, 1, 2, 0]), 7), weights=[1, 1, 2, 1, 0, 1, 1, 2, 0]
    ).all()
    many_unmet = np.array([298] + [3] * 13 + [0] * 1_000)
    joined = np.bincount(largest(many_unmet, 32, least=10), weights=many_unmet)
    assert joined.min() >= 9
