"""Quantities of weighted rows against scikit-learn on the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from seatrial.stats.counts import BadStatistic
from seatrial.stats.measures import (
    LEAST_PROBABILITY,
    Labels,
    Means,
    Numbers,
    OfRows,
    Scores,
    probability_means,
)


def drawn(rng, n, b=5):
    """Resamples: row indices, and how often each row is in them."""
    rows = rng.integers(n, size=(b, n))
    return rows, np.stack([np.bincount(r, minlength=n) for r in rows]).astype(float)


def probabilities_of(rng, n, k, *, levels=None):
    scores = rng.random((n, k)) + 0.01
    if levels:
        scores = np.ceil(scores * levels)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_labels_are_what_sklearn_says_of_the_drawn_rows(k):
    rng = np.random.default_rng(k)
    true, predicted = rng.integers(k, size=60), rng.integers(k, size=60)
    rows, weights = drawn(rng, 60)
    found = Labels(true, predicted, n_classes=k)(weights)
    for r, got in zip(rows, found, strict=True):
        y, p = true[r], predicted[r]
        average = "binary" if k == 2 else "macro"
        several = [
            f(y, p, average=a, zero_division=0)
            for a in (average, "macro")
            for f in (metrics.precision_score, metrics.recall_score, metrics.f1_score)
        ]
        assert got.tolist() == pytest.approx([metrics.accuracy_score(y, p), *several])


def test_a_class_that_no_model_has_is_a_wrong_answer():
    found = Labels(np.array([0, 1, 2]), np.array([0, 1, 1]), n_classes=2)(np.ones((1, 3)))
    accuracy, precision, recall = found[0, :3]
    assert accuracy == pytest.approx(2 / 3)
    assert precision == pytest.approx(1 / 2)
    assert recall == 1.0


@pytest.mark.parametrize("levels", [None, 3])
def test_ranks_are_what_sklearn_says_of_the_drawn_rows(levels):
    rng = np.random.default_rng(4)
    true = rng.integers(2, size=80)
    p = probabilities_of(rng, 80, 2, levels=levels)
    rows, weights = drawn(rng, 80)
    found = Scores(true, p)(weights)
    for r, (auc, average) in zip(rows, found, strict=True):
        assert auc == pytest.approx(metrics.roc_auc_score(true[r], p[r, 1]))
        assert average == pytest.approx(metrics.average_precision_score(true[r], p[r, 1]))


def test_ranks_of_several_classes_are_the_mean_over_one_against_the_rest():
    rng = np.random.default_rng(5)
    true, p = rng.integers(3, size=90), probabilities_of(rng, 90, 3)
    rows, weights = drawn(rng, 90)
    for r, (auc, average) in zip(rows, Scores(true, p)(weights), strict=True):
        assert auc == pytest.approx(
            metrics.roc_auc_score(true[r], p[r], multi_class="ovr", average="macro")
        )
        assert average == pytest.approx(
            metrics.average_precision_score(np.eye(3)[true[r]], p[r], average="macro")
        )


@pytest.mark.parametrize("true", [[0, 0, 0], [1, 1, 1], [2, 2, 2]])
def test_ranks_of_one_class_are_not_defined(true):
    p = np.array([[0.1, 0.9], [0.5, 0.5], [0.7, 0.3]])
    assert np.isnan(Scores(np.array(true), p)(np.ones((2, 3)))).all()


def test_ranks_leave_out_rows_of_a_class_that_no_model_has():
    p = np.array([[0.1, 0.9], [0.5, 0.5], [0.7, 0.3], [0.0, 1.0]])
    true = np.array([1, 0, 1, 2])
    expected = Scores(true[:3], p[:3])(np.ones((1, 3)))
    assert Scores(true, p)(np.ones((1, 4))) == pytest.approx(expected)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(BadStatistic, match="not all finite"):
        Scores(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, np.nan]]))


@pytest.mark.parametrize("k", [2, 3])
def test_log_loss_and_brier_are_what_sklearn_says(k):
    rng = np.random.default_rng(k)
    true, p = rng.integers(k, size=70), probabilities_of(rng, 70, k)
    rows, weights = drawn(rng, 70)
    measure = probability_means(true, p)
    assert measure.names == ("log_loss", "brier")
    for r, (log_loss, brier) in zip(rows, measure(weights), strict=True):
        assert log_loss == pytest.approx(metrics.log_loss(true[r], p[r], labels=range(k)))
        expected = ((p[r] - np.eye(k)[true[r]]) ** 2).sum(axis=1).mean()
        assert brier == pytest.approx(expected / 2 if k == 2 else expected)


def test_certainty_that_is_wrong_costs_what_float32_can_tell():
    log_loss, _ = probability_means(np.array([1]), np.array([[1.0, 0.0]]))(np.ones((1, 1)))[0]
    assert log_loss == pytest.approx(-np.log(LEAST_PROBABILITY))


def test_numbers_are_what_sklearn_says_of_the_drawn_rows():
    rng = np.random.default_rng(6)
    true = rng.normal(1e6, 3, size=50)
    predicted = true + rng.normal(size=50)
    rows, weights = drawn(rng, 50)
    for r, (mae, rmse, r2) in zip(rows, Numbers(true, predicted)(weights), strict=True):
        assert mae == pytest.approx(metrics.mean_absolute_error(true[r], predicted[r]))
        assert rmse == pytest.approx(metrics.root_mean_squared_error(true[r], predicted[r]))
        assert r2 == pytest.approx(metrics.r2_score(true[r], predicted[r]))


def test_r2_of_labels_that_are_one_number_is_not_defined():
    found = Numbers(np.full(4, 7.3), np.array([7.0, 7.1, 7.3, 8.0]))(np.ones((1, 4)))
    assert np.isnan(found[0, 2])
    assert found[0, 0] == pytest.approx(0.3)


def test_a_function_is_given_the_rows_as_they_were_drawn():
    seen = []
    measure = OfRows("own", lambda rows: seen.append(rows.tolist()) or len(rows) / 0.5)
    assert measure(np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])).tolist() == [[6.0], [6.0]]
    assert seen == [[0, 0, 2], [1, 1, 1]]


def test_what_a_function_returns_besides_numbers_is_undefined():
    assert np.isnan(OfRows("own", lambda rows: float("inf"))(np.ones((1, 2)))).all()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=30
    )
)
def test_a_row_that_counts_k_times_is_k_rows(rows):
    true, predicted, times = (np.array(column) for column in zip(*rows, strict=True))
    if not times.sum():
        return
    p = np.eye(3)[predicted] * 0.4 + 0.2
    repeated = np.repeat(np.arange(len(rows)), times)
    for make in (
        lambda t, q, s: Labels(t, q, n_classes=3),
        lambda t, q, s: Scores(t, s),
        lambda t, q, s: probability_means(t, s),
        lambda t, q, s: Numbers(t.astype(float), q.astype(float)),
        lambda t, q, s: Means({"m": t + 0.5}),
    ):
        weighted = make(true, predicted, p)(times[None].astype(float))
        whole = make(true[repeated], predicted[repeated], p[repeated])(np.ones((1, len(repeated))))
        np.testing.assert_allclose(weighted, whole, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7))
def test_a_block_of_resamples_is_measured_as_each_of_them(b):
    rng = np.random.default_rng(b)
    true, p = rng.integers(2, size=20), probabilities_of(rng, 20, 2, levels=4)
    _, weights = drawn(rng, 20, b=b)
    for measure in (Scores(true, p), Labels(true, p.argmax(axis=1), n_classes=2)):
        measure(np.ones((9, 20)))  # a block of another size before
        alone = np.concatenate([measure(weights[i : i + 1]) for i in range(b)])
        np.testing.assert_allclose(measure(weights), alone)
