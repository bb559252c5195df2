"""Directions of drift against scipy's normal law, and the words for what moved."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.scores import LARGEST, MIX, SCORES, scores_of, what_moved

EQUAL = np.full(32, 1 / 32)


def _shares(level: float = 0.0, spread: float = 1.0) -> np.ndarray:
    edges = stats.norm.ppf(np.arange(33) / 32)
    return np.diff(stats.norm.cdf((edges - level) / spread))


@given(st.lists(st.integers(1, 200), min_size=3, max_size=40))
def test_scores_have_mean_zero_and_variance_one_unless_cut(counts: list[int]) -> None:
    shares = np.array(counts) / sum(counts)
    scores = scores_of(shares, len(counts) - 1)
    inside = (np.abs(scores) < LARGEST).all(axis=1) & (scores != 0).any(axis=1)
    np.testing.assert_allclose(scores[inside] @ shares, 0, atol=1e-9)
    np.testing.assert_allclose(scores[inside] ** 2 @ shares, 1, atol=1e-9)


def test_level_and_spread_are_moments_of_the_normal_law_in_each_bin() -> None:
    shares = np.array([0.05, 0.15, 0.3, 0.4, 0.1])
    edges = stats.norm.ppf(np.concatenate([[0], np.cumsum(shares)[:-1], [1]]))
    for place, power in enumerate((1, 2)):
        means = [
            stats.norm.expect(lambda z, power=power: z**power, lb=a, ub=b, conditional=True)
            for a, b in itertools.pairwise(edges)
        ]
        centred = np.array(means) - np.dot(means, shares)
        expected = centred / np.sqrt(np.dot(centred**2, shares))
        np.testing.assert_allclose(scores_of(shares, 5)[place], expected, atol=1e-6)


def test_names_and_constants_have_no_direction() -> None:
    assert not scores_of(np.array([0.2, 0.3, 0.5]), 0).any()
    assert not scores_of(np.array([1.0, 0.0]), 1)[:4].any()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (_shares(0.1), ("level", 1)),
        (_shares(-0.5), ("level", -1)),
        (_shares(0, 1.2), ("spread", 1)),
        (_shares(0, 0.8), ("spread", -1)),
        (np.concatenate([EQUAL[:16] * 1.3, EQUAL[16:] * 0.7])[::-1], ("level", 1)),
        (EQUAL * np.tile([1.4, 0.6], 16), (MIX, 0)),
    ],
)
def test_what_moved_is_named(now: np.ndarray, said: tuple[str, int]) -> None:
    scores = scores_of(EQUAL, 32)
    assert what_moved(scores, EQUAL, 20_000 * now) == said


def test_missing_values_are_named_though_the_reference_had_none() -> None:
    reference = np.array([250, 250, 250, 250, 0.5])
    scores = scores_of(reference / reference.sum(), 4)
    assert what_moved(scores, reference, np.array([175, 175, 175, 175, 300])) == (SCORES[4], 1)
    assert what_moved(scores, reference, np.zeros(5)) == (MIX, 0)
