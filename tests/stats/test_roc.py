"""The area under a ROC curve, against scikit-learn, scipy and its own simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from seatrial.stats.counts import BadStatistic
from seatrial.stats.roc import normal_tail, roc_auc

scores = st.lists(st.integers(-5, 5), min_size=2, max_size=30)
rows = st.integers(1, 4)


@given(scores, scores)
def test_it_is_the_share_of_pairs_in_order(first: list[int], second: list[int]) -> None:
    truth = [0] * len(first) + [1] * len(second)
    assert roc_auc(first, second).value == pytest.approx(roc_auc_score(truth, first + second))


@given(scores, scores, st.data())
def test_a_score_with_several_rows_counts_as_often(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    a = data.draw(st.lists(rows, min_size=len(first), max_size=len(first)))
    b = data.draw(st.lists(rows, min_size=len(second), max_size=len(second)))
    weighed = roc_auc(first, second, first_rows=a, second_rows=b)
    spelt = roc_auc(np.repeat(first, a), np.repeat(second, b))
    assert weighed.value == pytest.approx(spelt.value)
    assert weighed.standard_error >= spelt.standard_error * 0.7 - 1e-9
    assert 0 <= weighed.p_value <= 1


def test_the_chance_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=300), rng.normal(0.1, size=200)
    oracle = mannwhitneyu(second, first, alternative="greater", method="asymptotic")
    assert roc_auc(first, second).p_value == pytest.approx(oracle.pvalue, rel=0.01)


def test_the_error_is_how_far_areas_scatter() -> None:
    rng = np.random.default_rng(1)
    found = [roc_auc(rng.normal(size=60), rng.normal(0.7, 1.5, size=90)) for _ in range(400)]
    scatter = np.std([one.value for one in found])
    stated = np.mean([one.standard_error for one in found])
    assert stated == pytest.approx(scatter, rel=0.12)  # 400 runs know it to 4 %


def test_the_means_of_all_rows_make_the_area_of_a_sample_surer() -> None:
    rng = np.random.default_rng(2)
    plain, better = [], []
    for _ in range(150):
        first, second = rng.normal(size=4_000), rng.normal(0.3, 1.2, size=4_000)
        known = {"first_of": (first.mean(), 4_000.0), "second_of": (second.mean(), 4_000.0)}
        plain.append(roc_auc(first[:200], second[:200]))
        better.append(roc_auc(first[:200], second[:200], **known))
    truth = 0.5 * math.erfc(-0.3 / math.hypot(1, 1.2) / math.sqrt(2))
    scatter = np.std([one.value for one in better])
    assert np.mean([one.value for one in better]) == pytest.approx(truth, abs=0.002)
    assert scatter < np.std([one.value for one in plain]) / 2.5
    assert np.mean([one.standard_error for one in better]) == pytest.approx(scatter, rel=0.25)
    assert better[0].p_value == plain[0].p_value


def test_the_means_of_the_rows_themselves_change_nothing() -> None:
    first, second = np.arange(30.0), np.arange(20.0) * 1.5
    known = {"first_of": (first.mean(), 30.0), "second_of": (second.mean(), 20.0)}
    found, plain = roc_auc(first, second, **known), roc_auc(first, second)
    assert found.value == pytest.approx(plain.value)
    assert found.standard_error == pytest.approx(plain.standard_error, rel=0.05)


def test_groups_that_are_apart_or_alike_have_the_areas_one_expects() -> None:
    assert roc_auc([1, 2], [3, 4]).value == 1
    assert roc_auc([3, 4], [1, 2]).value == 0
    same = roc_auc([5, 5, 5], [5, 5])
    assert (same.value, same.standard_error, same.p_value) == (0.5, 0, 0.5)


def test_the_tail_of_the_normal_law() -> None:
    assert normal_tail(0) == 0.5
    assert normal_tail(1.6448536269514722) == pytest.approx(0.05)
    assert 0 < normal_tail(30) < 1e-190


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ([1.0], [1.0, 2.0], None),
        ([1.0, math.nan], [1.0, 2.0], None),
        ([[1.0, 2.0]], [1.0, 2.0], None),
        ([1.0, 2.0], [1.0, 2.0], [1]),
        ([1.0, 2.0], [1.0, 2.0], [1, 0]),
    ],
)
def test_scores_that_are_none_are_refused(first: object, second: object, counts: object) -> None:
    with pytest.raises(BadStatistic, match="first group"):
        roc_auc(first, second, first_rows=counts)  # type: ignore[arg-type]
