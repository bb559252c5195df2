"""How good predictions were: accuracy, precision, recall, F1, AUC; MAE, RMSE, from additive sums.

Any partition of the rows gives the same sums, and a label that is corrected is taken out as it went
in. Standard errors are those of a random sample of rows, by the delta method.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.calibration import N_LEVELS, UNUSABLE

UNKNOWN_CLASS = -1
"""The label of a row whose true class the model does not have: such a prediction is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measured quantity.

    Args:
        name: ``accuracy``; ``precision``, ``recall``, ``f1`` (of the second of two classes, else
            the mean over the classes that were predicted, that occurred, or either); ``auc``,
            ``mae`` or ``rmse``.
        value: in [0, 1], or in the unit of the label.
        standard_error: of ``value`` over samples of ``n`` rows, >= 0; None with a single row.
        n: labelled rows it comes from, >= 1.
    """

    name: str
    value: float
    standard_error: float | None
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """Labelled rows of a classifier.

    Args:
        confusion: shape (n_classes + 1, n_classes), int64: by true class, the last one for classes
            that the model does not have, and predicted class.
        scores: shape (2, N_LEVELS), int64: with two classes, rows by true class and level of the
            probability of the second; zeros otherwise.
    """

    confusion: NDArray[np.int64]
    scores: NDArray[np.int64]

    @classmethod
    def empty(cls, n_classes: int) -> ClassSums:
        """Sums of nothing: the neutral element of ``+``."""
        return cls(
            np.zeros((n_classes + 1, n_classes), np.int64), np.zeros((2, N_LEVELS), np.int64)
        )

    @classmethod
    def of(
        cls,
        true: NDArray[np.integer],
        predicted: NDArray[np.integer],
        second_level: NDArray[np.int16] | None,
        *,
        n_classes: int,
    ) -> ClassSums:
        """Sum rows up.

        Args:
            true: index of the true class or UNKNOWN_CLASS, shape (n,).
            predicted: index of the predicted class, shape (n,).
            second_level: `calibration.levels` of the probability of the second of two classes,
                shape (n,); None without probabilities or with other than two classes.
            n_classes: >= 1.
        """
        row = np.where(true == UNKNOWN_CLASS, n_classes, true).astype(np.int64)
        size = (n_classes + 1) * n_classes
        confusion = np.bincount(row * n_classes + predicted, minlength=size)
        scores = np.zeros(2 * N_LEVELS, np.int64)
        if second_level is not None and n_classes == 2:
            usable = (second_level != UNUSABLE) & (row < 2)
            cell = row[usable] * N_LEVELS + second_level[usable]
            scores = np.bincount(cell, minlength=2 * N_LEVELS)
        return cls(confusion.reshape(n_classes + 1, n_classes), scores.reshape(2, N_LEVELS))

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.confusion + other.confusion, self.scores + other.scores)

    def __sub__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.confusion - other.confusion, self.scores - other.scores)

    @property
    def n(self) -> int:
        """Labelled rows."""
        return int(self.confusion.sum())

    def metrics(self) -> tuple[Metric, ...]:
        """Accuracy, precision, recall, F1 and, with two classes that both occur, AUC; none without
        rows, and none that is not defined for them."""
        if not self.n:
            return ()
        accuracy = float(np.trace(self.confusion) / self.n)
        error = math.sqrt(accuracy * (1 - accuracy) / self.n)
        found = [Metric(name="accuracy", value=accuracy, standard_error=error, n=self.n)]
        right = np.diag(self.confusion[:-1]).astype(np.float64)
        return (
            *found,
            *self._share("precision", right, self.confusion.sum(axis=0)),
            *self._share("recall", right, self.confusion[:-1].sum(axis=1)),
            *self._f1(),
            *self._auc(),
        )

    def _share(
        self, name: str, right: NDArray[np.float64], n: NDArray[np.int64]
    ) -> tuple[Metric, ...]:
        """The share of right ones per class, given how many rows each has."""
        classes = np.array([1]) if len(n) == 2 else np.flatnonzero(n)
        if not len(classes) or not n[classes].all():
            return ()
        shares = right[classes] / n[classes]
        variance = float((shares * (1 - shares) / n[classes]).sum()) / len(classes) ** 2
        value = float(shares.mean())
        return (Metric(name=name, value=value, standard_error=math.sqrt(variance), n=self.n),)

    def _f1(self) -> tuple[Metric, ...]:
        n_classes = self.confusion.shape[1]
        square = self.confusion[:n_classes]
        right = np.diag(square).astype(np.float64)
        n_true, n_predicted = square.sum(axis=1), self.confusion.sum(axis=0)
        seen = n_true + n_predicted > 0
        classes = [1] if n_classes == 2 else np.flatnonzero(seen).tolist()
        if not classes or not seen[classes].all():
            return ()
        gradient = np.zeros(self.confusion.shape)
        value = 0.0
        for c in classes:
            total = float(n_true[c] + n_predicted[c])
            value += 2 * right[c] / total
            gradient[c] -= 2 * right[c] / total**2
            gradient[:, c] -= 2 * right[c] / total**2
            gradient[c, c] += 2 / total
        gradient /= len(classes)
        # The counts are multinomial, and F1 does not change when all of them grow alike, so the
        # mean of the gradient over the rows is zero.
        variance = float((self.confusion * gradient**2).sum())
        return (
            Metric(
                name="f1",
                value=float(value / len(classes)),
                standard_error=math.sqrt(variance),
                n=self.n,
            ),
        )

    def _auc(self) -> tuple[Metric, ...]:
        """Source: DeLong 1988, Biometrics 44:837; rows of one level count as ties."""
        negative, positive = self.scores.astype(np.float64)
        n_negative, n_positive = negative.sum(), positive.sum()
        if min(n_negative, n_positive) < 1:
            return ()
        won = (np.cumsum(negative) - negative / 2) / n_negative
        lost = 1 - (np.cumsum(positive) - positive / 2) / n_positive
        value = float((positive * won).sum() / n_positive)
        variance = None
        if min(n_negative, n_positive) > 1:
            variance = (positive * (won - value) ** 2).sum() / (n_positive - 1) / n_positive
            variance += (negative * (lost - value) ** 2).sum() / (n_negative - 1) / n_negative
        return (
            Metric(
                name="auc",
                value=value,
                standard_error=None if variance is None else math.sqrt(variance),
                n=int(n_negative + n_positive),
            ),
        )


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Labelled rows of a regressor: powers of the absolute error, summed per power of two.

    Summed apart by size, so that an error of 1e9 that is corrected later leaves no trace in the
    sums of the small ones.

    Args:
        by_size: exponent of two -> rows, and sums of the error, its square and its fourth power.
    """

    by_size: Mapping[int, tuple[int, float, float, float]]

    @classmethod
    def empty(cls) -> ErrorSums:
        """Sums of nothing: the neutral element of ``+``."""
        return cls({})

    @classmethod
    def of(cls, error: NDArray[np.float64]) -> ErrorSums:
        """Sum rows up.   Args: finite errors of either sign, shape (n,)."""
        size = np.abs(error)
        exponents, place = np.unique(np.frexp(size)[1], return_inverse=True)
        with np.errstate(over="ignore"):
            sums = [np.bincount(place, weights=size**k, minlength=0) for k in (1, 2, 4)]
        rows = np.bincount(place)
        return cls(
            {
                exponent: (n, first, second, fourth)
                for exponent, n, first, second, fourth in zip(
                    exponents.tolist(), rows.tolist(), *(s.tolist() for s in sums), strict=True
                )
            }
        )

    def __add__(self, other: ErrorSums) -> ErrorSums:
        return self._with(other, 1)

    def __sub__(self, other: ErrorSums) -> ErrorSums:
        return self._with(other, -1)

    def _with(self, other: ErrorSums, sign: int) -> ErrorSums:
        nothing = (0, 0.0, 0.0, 0.0)
        merged = dict(self.by_size)
        for exponent, there in other.by_size.items():
            n, first, second, fourth = merged.pop(exponent, nothing)
            if n + sign * there[0]:
                merged[exponent] = (
                    n + sign * there[0],
                    first + sign * there[1],
                    second + sign * there[2],
                    fourth + sign * there[3],
                )
        return ErrorSums(merged)

    @property
    def n(self) -> int:
        """Labelled rows."""
        return sum(n for n, *_ in self.by_size.values())

    def metrics(self) -> tuple[Metric, ...]:
        """MAE and RMSE; none without rows."""
        n = self.n
        if not n:
            return ()
        first, second, fourth = (
            math.fsum(sums[k] for sums in self.by_size.values()) / n for k in (1, 2, 3)
        )
        rmse = math.sqrt(second)
        of_mae = math.sqrt(max(0.0, second - first**2) / (n - 1)) if n > 1 else None
        of_rmse = None
        if n > 1:
            spread = math.sqrt(max(0.0, fourth - second**2) / (n - 1))
            of_rmse = spread / (2 * rmse) if rmse else 0.0
        return (
            Metric(name="mae", value=first, standard_error=of_mae, n=n),
            Metric(name="rmse", value=rmse, standard_error=of_rmse, n=n),
        )
