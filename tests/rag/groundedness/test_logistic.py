import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.groundedness.logistic import Priors, auc, balanced_accuracy, fit, folds


def priors(d, *, deviation=10.0, sign=0.0, mean=0.0):
    return Priors(
        means=np.full(d, mean),
        deviations=np.full(d, deviation),
        signs=np.full(d, sign),
        scales=np.ones(d),
    )


def drawn(n, weights, intercept, seed):
    chance = np.random.default_rng(seed)
    inputs = chance.normal(size=(n, len(weights)))
    p = 1 / (1 + np.exp(-(inputs @ weights + intercept)))
    return inputs, (chance.random(n) < p).astype(float)


def test_the_weights_that_made_the_labels_are_found():
    inputs, labels = drawn(20_000, np.array([1.5, -0.7]), 0.4, seed=1)
    found = fit(inputs, labels, priors(2))
    assert found.weights == pytest.approx([1.5, -0.7], abs=0.1)
    assert found.intercept == pytest.approx(0.4, abs=0.1)


def test_at_the_end_the_slope_of_the_posterior_is_nothing():
    inputs, labels = drawn(300, np.array([1.0, -2.0, 0.3]), -0.5, seed=2)
    believed = priors(3, deviation=0.8, mean=0.5)
    found = fit(inputs, labels, believed)
    residuals = found.probabilities(inputs) - labels
    slope = residuals @ inputs + (found.weights - 0.5) / 0.8**2
    assert np.abs(slope).max() < 1e-3
    assert abs(residuals.sum()) < 1e-3


def test_a_weight_keeps_its_sign():
    inputs, labels = drawn(2000, np.array([-1.0]), 0.0, seed=3)
    assert fit(inputs, labels, priors(1, sign=1.0)).weights == pytest.approx([0.0])


def test_without_evidence_a_weight_is_what_was_believed():
    found = fit(np.zeros((50, 1)), np.ones(50), priors(1, mean=-3.0, deviation=0.5, sign=-1.0))
    assert found.weights == pytest.approx([-3.0], abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(rows):
    scores = np.array([float(score) for score, _ in rows])
    labels = np.array([float(label) for _, label in rows])
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, x in zip(scores, labels, strict=True)
        for b, y in zip(scores, labels, strict=True)
        if x and not y
    ]
    if pairs:
        assert auc(scores, labels) == pytest.approx(np.mean(pairs))
    else:
        assert np.isnan(auc(scores, labels))


def test_balanced_accuracy_counts_both_labels_alike():
    labels = np.array([1.0, 0, 0, 0, 0])
    assert balanced_accuracy(np.array([False] * 5), labels) == 0.5
    assert balanced_accuracy(labels > 0, labels) == 1


def test_folds_share_the_labels_and_are_the_same_again():
    labels = np.array([1.0] * 20 + [0.0] * 80)
    fold = folds(labels, 5, seed=0)
    assert [int(labels[fold == k].sum()) for k in range(5)] == [4] * 5
    assert (fold == folds(labels, 5, seed=0)).all()
