"""A small logistic regression whose weights have a sign and a prior, and how good it is.

Source: maximum a posteriori estimate under independent normal priors, by cyclic Newton steps on one
coordinate at a time, clipped to the sign (Genkin, Lewis & Madigan 2007, Technometrics 49:291).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """What is believed of each weight, for inputs in units of their `scale`.

    Args:
        means, deviations: of normal distributions (d,), deviations > 0.
        signs: +1: the weight is not negative; -1: not positive; 0: either (d,).
        scales: by which inputs are divided while fitting (d,), > 0.
    """

    means: Array
    deviations: Array
    signs: Array
    scales: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Weights (d,) of the inputs as they are, and the intercept."""

    weights: Array
    intercept: float

    def probabilities(self, inputs: Array) -> Array:
        """Of inputs (n, d)."""
        return sigmoid(inputs @ self.weights + self.intercept)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)), np.float64)


def fit(inputs: Array, labels: Array, priors: Priors, *, rounds: int = 200) -> Fit:
    """The likeliest weights.

    Args: inputs (n, d), labels (n,) of 0 and 1.   Cost: rounds * n * d at most.
    """
    x = inputs / priors.scales
    n, d = x.shape
    w = priors.means.copy()
    rate = float(np.clip(labels.mean(), 0.01, 0.99))
    b = float(np.log(rate / (1 - rate)))
    z = x @ w + b
    for _ in range(rounds):
        moved = 0.0
        for j in range(d + 1):
            p = sigmoid(z)
            column = x[:, j] if j < d else np.ones(n)
            slope = float((p - labels) @ column)
            # A quarter bounds p(1-p): the step never overshoots where the curve is flat.
            curve = float((np.maximum(p * (1 - p), 0.05) * column) @ column)
            if j < d:
                precision = 1 / priors.deviations[j] ** 2
                new = w[j] - (slope + precision * (w[j] - priors.means[j])) / (curve + precision)
                if priors.signs[j]:
                    new = max(new * priors.signs[j], 0.0) * priors.signs[j]
                step, w[j] = new - w[j], new
            else:
                step = -slope / max(curve, 1e-9)
                b += step
            z += step * column
            moved = max(moved, abs(step))
        if moved < 1e-6:
            break
    return Fit(weights=w / priors.scales, intercept=b)


def auc(scores: Array, labels: Array) -> float:
    """The probability that a positive scores above a negative, ties half; nan without both.

    Source: Mann-Whitney U over its maximum.
    """
    positive = labels > 0.5
    n_positive = int(positive.sum())
    n_negative = len(labels) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    return float(ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (
        n_positive * n_negative
    )


def balanced_accuracy(said: NDArray[np.bool_], labels: Array) -> float:
    """The mean of the shares of positives and of negatives that are told right."""
    positive = labels > 0.5
    return float((said[positive].mean() + (~said[~positive]).mean()) / 2)


def folds(labels: Array, n_folds: int, *, seed: int) -> Array:
    """A fold for each row, each with its share of both labels."""
    chance = np.random.default_rng(seed)
    fold = np.empty(len(labels))
    for label in (0, 1):
        rows = np.flatnonzero((labels > 0.5) == bool(label))
        fold[chance.permutation(rows)] = np.arange(len(rows)) % n_folds
    return fold
