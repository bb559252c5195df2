"""Fusion of rankings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.legs import together
from seatrial.rag.index.passage import NO_HITS, Hits
from seatrial.rag.retrieval.fusion import (
    best_first,
    mixed,
    normalised,
    reciprocal_rank,
)

scores = st.lists(st.floats(0, 50, width=32), min_size=1, max_size=20)


def hits(**scores):
    keys = np.array([int(key[1:]) for key in scores], np.int64)
    return Hits(keys, np.array(list(scores.values()), np.float32))


def test_a_key_that_one_leg_found_is_unknown_to_the_other():
    found = together([hits(k7=0.9, k2=0.5), hits(k2=3.0, k4=1.0)])
    assert found.keys.tolist() == [2, 4, 7]
    np.testing.assert_allclose(found.scores, [[0.5, np.nan, 0.9], [3, 1, np.nan]])


def test_nothing_found_is_nothing_fused():
    found = together([NO_HITS, NO_HITS])
    assert len(found) == 0
    assert mixed(found.scores, share=0.7, unrelated=0.0).shape == (0,)


def test_scores_are_told_from_the_lowest_possible_to_the_highest_there():
    np.testing.assert_allclose(normalised(np.array([0.5, -1, np.nan]), -1.0), [1, 0, 0])
    np.testing.assert_allclose(normalised(np.array([8.0, 2, np.nan]), 0.0), [1, 0.25, 0])


def test_a_poor_best_is_not_the_whole():
    scores = np.array([[0.5, 0.5], [2.0, 1.0]])
    found = mixed(scores, share=0.5, unrelated=0.0, whole=8.0)
    np.testing.assert_allclose(found, [0.5 + 0.125, 0.5 + 0.0625])


def test_a_leg_whose_scores_are_all_the_lowest_says_nothing():
    assert normalised(np.array([0.0, np.nan]), 0.0).tolist() == [0, 0]


@given(
    legs=st.lists(
        st.tuples(st.floats(-1, 1, width=32), st.just(0.0) | st.floats(0.0625, 50, width=32)),
        max_size=20,
    ),
    share=st.floats(0.1, 0.9),
    unrelated=st.sampled_from([0.0, 0.3, 0.8]),
    whole=st.sampled_from([0.0, 7.0, 100.0]),
)
def test_cosines_and_bm25_are_mixed_by_how_far_they_are_above_what_is_unrelated(
    legs, share, unrelated, whole
):
    cosines, bm25 = np.array(legs, np.float64).reshape(-1, 2).T
    found = mixed(np.array([cosines, bm25]), share=share, unrelated=unrelated, whole=whole)
    near = (cosines - unrelated) / (1 - unrelated)
    if not bm25.any():
        expected = normalised(cosines, -1.0)
    elif cosines.max() <= unrelated:
        expected = normalised(bm25, 0.0)
    else:
        words = bm25 / max(bm25.max(), whole)
        expected = share * normalised(near, -1.0) + (1 - share) * words
        assert ((expected >= 0) & (expected <= 1 + 1e-12)).all()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(scores)
def test_two_equal_legs_rank_as_one(values):
    leg = np.array(values)
    fused = reciprocal_rank(np.array([leg, leg]), 60, (0.5, 0.5))
    np.testing.assert_allclose(leg[best_first(fused)], leg[best_first(leg)], atol=1e-6)


def test_reciprocal_ranks_as_in_the_source():
    legs = np.array([[9.0, 5.0, np.nan], [1.0, 2.0, 3.0]])
    expected = 61 / 2 * np.array([1 / 61 + 1 / 63, 1 / 62 + 1 / 62, 1 / 61])
    np.testing.assert_allclose(reciprocal_rank(legs, 60, (0.5, 0.5)), expected)


def test_equal_scores_share_a_rank_and_stay_in_order():
    legs = np.array([[2.0, 2.0, 1.0]])
    assert reciprocal_rank(legs, 0, (1.0,)).tolist() == pytest.approx([1, 1, 1 / 3])
    assert best_first(np.array([1.0, 1.0, 2.0])).tolist() == [2, 0, 1]
