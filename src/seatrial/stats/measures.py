"""What models are measured by, of weighted rows: the `Measure`s of `resampling.py`.

With weights of one each quantity is the usual one; oracles in the tests are scikit-learn's. Rows
of a class that no model has are wrong answers, and beyond what ranks can say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

LABEL_QUANTITIES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "precision_macro",
    "recall_macro",
    "f1_macro",
)
SCORE_QUANTITIES = ("auc", "average_precision")
PROBABILITY_QUANTITIES = ("log_loss", "brier")
NUMBER_QUANTITIES = ("mae", "rmse", "r2")

LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Smaller probabilities count as this one in the log loss: engines answer in float32, which tells
nothing closer to 1 apart."""


_NONE = 1e-300
"""In place of a count of 0 below another count of 0."""


class Labels:
    """Accuracy, precision, recall and F1 of predicted classes.

    ``precision``, ``recall`` and ``f1`` are of the second of two classes, else the same as
    ``..._macro``: the mean over the classes that occur among labels or predictions. What divides by
    zero, such as the precision of a class that was never predicted, is 0.

    Args:
        true: place of the true class, shape (n,); ``n_classes`` for a class no model has.
        predicted: place of the predicted one, shape (n,), in [0, n_classes).
        n_classes: >= 2.
    """

    names = LABEL_QUANTITIES

    def __init__(self, true: Places, predicted: Places, *, n_classes: int) -> None:
        self._n_classes = n_classes
        cells, cell = np.unique(true * n_classes + predicted, return_inverse=True)
        self._rows = _Cells(cell, len(cells))
        of_true, of_predicted = np.divmod(cells, n_classes)
        self._true = _Cells(of_true, n_classes + 1)
        self._predicted = _Cells(of_predicted, n_classes)
        self._right = _Cells(np.where(of_true == of_predicted, of_true, n_classes), n_classes + 1)

    def __call__(self, weights: Floats) -> Floats:
        """See `resampling.Measure`."""
        cells = self._rows(weights)
        right = self._right(cells)[:, :-1]
        n_true = self._true(cells)[:, :-1]
        n_predicted = self._predicted(cells)
        accuracy = right.sum(axis=1) / weights.sum(axis=1)
        by_class = [
            _ratio(right, n_predicted),
            _ratio(right, n_true),
            _ratio(2 * right, n_true + n_predicted),
        ]
        occurs = n_true + n_predicted > 0
        n_occur = np.maximum(occurs.sum(axis=1), 1)
        macro = [np.where(occurs, found, 0.0).sum(axis=1) / n_occur for found in by_class]
        first = [found[:, 1] for found in by_class] if self._n_classes == 2 else macro
        return np.stack([accuracy, *first, *macro], axis=1)


class Scores:
    """Area under the ROC curve and average precision of class probabilities.

    Of two classes it is the second's; of more the mean over the classes that occur, each against
    the rest. Undefined where one class only occurs.

    Args:
        true: place of the true class, shape (n,); rows of other places do not count.
        probabilities: shape (n, n_classes), finite; any scores do.
    Source: ties count half, as in Mann and Whitney 1947, Ann. Math. Statist. 18:50; average
        precision is the sum over distinct scores, without interpolation.
    """

    names = SCORE_QUANTITIES

    def __init__(self, true: Places, probabilities: Floats) -> None:
        n_classes = probabilities.shape[1]
        self._known = (true < n_classes).astype(np.float64)
        self._all_known = bool(self._known.all())
        classes = [1] if n_classes == 2 else range(n_classes)
        self._ranked = [_Ranked(true == c, probabilities[:, c]) for c in classes]

    def __call__(self, weights: Floats) -> Floats:
        """See `resampling.Measure`."""
        used = weights if self._all_known else weights * self._known
        found = np.stack([ranked(used) for ranked in self._ranked])
        defined = ~np.isnan(found)
        n = defined.sum(axis=0)
        total = np.where(defined, found, 0.0).sum(axis=0)
        return np.where(n > 0, total / np.maximum(n, 1), np.nan)


class Means:
    """Means over rows.

    Args: by name, what each row adds, shape (n,), finite.
    """

    def __init__(self, rows: Mapping[str, Floats]) -> None:
        self.names = tuple(rows)
        self._rows = np.asfortranarray(np.stack(list(rows.values()), axis=1))

    def __call__(self, weights: Floats) -> Floats:
        """See `resampling.Measure`."""
        means: Floats = weights @ self._rows / weights.sum(axis=1, keepdims=True)
        return means


def probability_means(true: Places, probabilities: Floats) -> Means:
    """Log loss and Brier score.

    The Brier score is that of the second of two classes, in [0, 1]; of more the sum over classes,
    in [0, 2]. A row whose class no model has got no probability.

    Args: see `Scores`.
    Source: Brier 1950, Mon. Weather Rev. 78:1.
    """
    n, n_classes = probabilities.shape
    rows = np.arange(n)
    known = true < n_classes
    of_true = np.where(known, probabilities[rows, np.where(known, true, 0)], 0.0)
    occurred = np.zeros((n, n_classes))
    occurred[rows[known], true[known]] = 1.0
    off = ((probabilities - occurred) ** 2).sum(axis=1)
    clipped = np.clip(of_true, LEAST_PROBABILITY, 1.0)
    return Means({"log_loss": -np.log(clipped), "brier": off / 2 if n_classes == 2 else off})


class Numbers:
    """Mean absolute error, root of the mean squared error, and R2 of predicted numbers.

    R2 is undefined where all labels are one number.

    Args: labels and predictions, shape (n,), finite.
    """

    names = NUMBER_QUANTITIES

    def __init__(self, true: Floats, predicted: Floats) -> None:
        error = predicted - true
        centred = true - true.mean()
        self._rows = np.stack([np.abs(error), error**2, centred, centred**2], axis=1)

    def __call__(self, weights: Floats) -> Floats:
        """See `resampling.Measure`."""
        means = weights @ self._rows / weights.sum(axis=1, keepdims=True)
        mae, squared, first, second = means.T
        spread = second - first**2
        # What is left of a spread of nothing is rounding, of the size of the squares.
        flat = spread <= 1e-12 * np.maximum(second, 1e-300)
        r2 = np.where(flat, np.nan, 1 - squared / np.where(flat, 1.0, spread))
        return np.stack([mae, np.sqrt(squared), r2], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class OfRows:
    """A quantity that a function finds in rows, which it is given as they were drawn.

    Args:
        name: of the quantity.
        function: from the rows, by index, to a number; what is not finite is undefined.
    """

    name: str
    function: Callable[[Places], float]
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", (self.name,))

    def __call__(self, weights: Floats) -> Floats:
        """See `resampling.Measure`."""
        rows = np.arange(weights.shape[1])
        found = [self.function(np.repeat(rows, row.astype(np.intp))) for row in weights]
        values = np.array(found, np.float64)
        return np.where(np.isfinite(values), values, np.nan)[:, None]


class _Cells:
    """Sums of weights by cell, for each resample.

    Args: the cell of each place, shape (n,), in [0, n_cells).
    """

    def __init__(self, cell: Places, n_cells: int) -> None:
        self._cell = np.ascontiguousarray(cell, np.intp)
        self._n_cells = n_cells
        self._blocks = self._cell

    def __call__(self, weights: Floats) -> Floats:
        """Sums, shape (b, n_cells), of weights, shape (b, n)."""
        b, n = weights.shape
        if len(self._blocks) < b * n:
            starts = np.arange(0, b * self._n_cells, self._n_cells)
            self._blocks = (self._cell + starts[:, None]).ravel()
        size = b * self._n_cells
        sums = np.bincount(self._blocks[: b * n], weights=weights.ravel(), minlength=size)
        return sums.astype(np.float64, copy=False).reshape(b, self._n_cells)


class _Ranked:
    """Area under the curve and average precision of one class against the rest, shape (b, 2)."""

    def __init__(self, positive: NDArray[np.bool_], score: Floats) -> None:
        if not np.isfinite(score).all():
            raise BadStatistic(
                "Scores are not all finite numbers.",
                remedy="Leave out rows that a model did not answer.",
            )
        order = np.argsort(score, kind="stable")
        self._negatives = order[~positive[order]]
        self._positives = order[positive[order]]
        levels, self._starts = np.unique(score[self._positives], return_index=True)
        self._distinct = len(levels) == len(self._positives)
        below = score[self._negatives]
        self._low = np.searchsorted(below, levels, side="left")
        self._high = np.searchsorted(below, levels, side="right")
        self._tied = bool((self._low != self._high).any())

    def __call__(self, weights: Floats) -> Floats:
        b = len(weights)
        below = np.zeros((b, len(self._negatives) + 1))
        np.cumsum(weights.take(self._negatives, axis=1), axis=1, out=below[:, 1:])
        positive = weights.take(self._positives, axis=1)
        if not self._distinct:
            positive = np.add.reduceat(positive, self._starts, axis=1)
        true = np.cumsum(positive, axis=1)
        if not true.shape[1]:
            return np.full((b, 2), np.nan)
        n_negative, n_positive = below[:, -1:], true[:, -1:].copy()
        won = beaten = below.take(self._low, axis=1)
        if self._tied:
            won = (beaten + below.take(self._high, axis=1)) / 2
        auc = np.einsum("bi,bi->b", positive, won)
        np.subtract(n_positive, true, out=true)
        true += positive
        found = n_negative - beaten
        found += true
        np.maximum(found, _NONE, out=found)
        np.divide(true, found, out=true)
        average = np.einsum("bi,bi->b", positive, true)
        n_negative, n_positive = n_negative[:, 0], n_positive[:, 0]
        both = (n_negative > 0) & (n_positive > 0)
        values = np.stack(
            [_ratio(auc, n_negative * n_positive), _ratio(average, n_positive)], axis=1
        )
        return np.where(both[:, None], values, np.nan)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part by whole; 0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
