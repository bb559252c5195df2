"""How well a variant did on its reference: what its performance is later held against.

Kept with the profile of a bundle: a few kilobytes, made once from labelled rows the model was not
trained on.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.expected_loss import (
    ExpectedLoss,
    learn_expected_loss,
    loss_from_dict,
    loss_to_dict,
)
from seatrial.monitoring.rows.scores import (
    BadScores,
    ScoreColumns,
    classes_of,
    labels_of,
    named_column,
    predictions_and_confidence,
    predictions_of,
    rows_of_numbers,
)
from seatrial.monitoring.rows.table import Table
from seatrial.stats.calibration import UNUSABLE, Calibration, ConfidenceCounts, Expectation, levels
from seatrial.stats.performance import UNKNOWN_CLASS, ClassSums, ErrorSums, Metric

LEAST_ROWS = 100
"""Labelled rows of a reference: with fewer its own accuracy is uncertain by ten points."""

_MOST_UNUSABLE_SHARE = 0.01
_SHOWN = 8
_VERSION = 1


class BadReference(Invalid):
    """A reference that nothing can be held against, or a stored one that cannot be read."""

    code = "monitoring.bad_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceReference:
    """What is known of a variant's performance from its reference.

    Args:
        classes: the model's, in the order of its probabilities; None for a regressor.
        metrics: accuracy, precision, recall, F1 and AUC, or MAE and RMSE, with their errors.
        confidence: labelled reference rows by confidence, of a classifier with probabilities.
        loss: the error to expect, of a regressor. Without either nothing is estimated; labels
            alone say how well the variant does.
    """

    classes: tuple[str, ...] | None
    metrics: tuple[Metric, ...]
    confidence: ConfidenceCounts | None = None
    loss: ExpectedLoss | None = None
    width: int = 1
    calibration: Calibration | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        if self.confidence is not None:
            object.__setattr__(self, "calibration", Calibration.fit(self.confidence))

    @property
    def main(self) -> Metric:
        """The metric that is estimated without labels: accuracy, or MAE."""
        return self.metrics[0]

    @property
    def estimates(self) -> bool:
        """Whether anything can be said before labels come."""
        return self.confidence is not None or self.loss is not None

    @property
    def n_classes(self) -> int:
        """Classes of the model; 0 for a regressor."""
        return len(self.classes or ())

    @property
    def scale(self) -> float:
        """What a drop of 1 is: one of accuracy, or as much again as the reference's MAE."""
        return 1.0 if self.classes is not None else self.main.value

    def drop(self, value: float) -> float:
        """By how much a value of the main metric is worse than the reference's, in its scale."""
        worse = self.main.value - value if self.classes is not None else value - self.main.value
        return worse / self.scale

    def of_rows(self, metric: Metric) -> Metric:
        """A metric of values with the error that it has when those of a row err together."""
        if self.width == 1 or metric.standard_error is None:
            return metric
        return replace(metric, standard_error=metric.standard_error * math.sqrt(self.width))

    def outcome(
        self, predicted: NDArray[np.float64], label: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What the main metric is the mean of: 1 where right and 0 where not, or the error."""
        if self.classes is not None:
            return np.equal(predicted, label).astype(np.float64)
        error: NDArray[np.float64] = np.abs(predicted - label)
        return error

    def expected(
        self, predicted: NDArray[np.float64], score: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What to expect of each row's outcome, and its variance; NaN where the score is unusable.

        Args: as in `labels.Scored`, shape (n,).
        """
        if self.calibration is not None:
            chance = self.calibration.chances(levels(score), predicted.astype(np.intp))
            return chance, chance * (1 - chance)
        if self.loss is None:
            return np.full(len(predicted), np.nan), np.full(len(predicted), np.nan)
        model = self.loss.model
        variance = model.variances[model.level(score)]
        return score, np.where(np.isnan(score), np.nan, variance)

    def counts(
        self, predicted: NDArray[np.float64], score: NDArray[np.float64]
    ) -> ConfidenceCounts | None:
        """Rows by predicted class and confidence; None where there is no such thing."""
        if self.calibration is None:
            return None
        return ConfidenceCounts.of(
            levels(score), predicted.astype(np.intp), n_classes=self.n_classes
        )

    def expectation(
        self, score: NDArray[np.float64], counts: ConfidenceCounts | None
    ) -> Expectation | None:
        """What to expect of the mean outcome; None when no row is usable.

        Args: scores of some rows, shape (n,); their `counts`.
        """
        if self.calibration is not None and counts is not None:
            return self.calibration.expect(counts)
        return None if self.loss is None else self.loss.model.expect(score)

    def sums(
        self,
        predicted: NDArray[np.float64],
        score: NDArray[np.float64],
        label: NDArray[np.float64],
    ) -> ClassSums | ErrorSums:
        """Labelled rows, summed up for the metrics."""
        if self.classes is None:
            return ErrorSums.of(predicted - label)
        place = predicted.astype(np.intp)
        second = levels(np.where(place == 1, score, 1 - score)) if self.n_classes == 2 else None
        return ClassSums.of(label.astype(np.intp), place, second, n_classes=self.n_classes)

    def no_sums(self) -> ClassSums | ErrorSums:
        """Sums of no row."""
        return ErrorSums.empty() if self.classes is None else ClassSums.empty(self.n_classes)


def classifier_reference(
    table: Table, columns: ScoreColumns, *, classes: Sequence[str] | None = None
) -> PerformanceReference:
    """The reference of a classifier.

    Args:
        table: labelled rows that the model was not trained on.
        columns: label at least, and probabilities or prediction. Without probabilities nothing is
            estimated; labels alone say how well the variant does.
        classes: in the order of the probabilities; None: the distinct labels in order, which is
            what most libraries do.
    Raises:
        BadScores: a column is absent, or its values are no probabilities.
        BadReference: fewer than LEAST_ROWS labelled rows.
    """
    if columns.label is None:
        raise _nothing_labelled(0)
    if classes is None:
        classes = classes_of(named_column(table, columns.label), columns.label)
    label = labels_of(table, columns.label, classes)
    _check_labels(table, columns.label, label, classes)
    scored = columns.probabilities is not None
    if scored:
        predicted, score = predictions_and_confidence(table, columns, classes)
        _check_scores(score, columns)
    else:
        predicted = predictions_of(table, columns, classes)
        score = np.full(table.n, np.nan)
    known = ~(np.isnan(label) | np.isnan(predicted) | (np.isnan(score) & scored))
    if known.sum() < LEAST_ROWS:
        raise _nothing_labelled(int(known.sum()))
    predicted, score, label = predicted[known], score[known], label[known]
    place, level = predicted.astype(np.intp), levels(score)
    bare = PerformanceReference(classes=tuple(classes), metrics=())
    return PerformanceReference(
        classes=tuple(classes),
        metrics=bare.sums(predicted, score, label).metrics(),
        confidence=ConfidenceCounts.of(level, place, predicted == label, n_classes=len(classes))
        if scored
        else None,
    )


def _check_labels(
    table: Table, name: str, label: NDArray[np.float64], classes: Sequence[str]
) -> None:
    """Refuse labels of which not one is a class: every answer would count as wrong."""
    known = label[~np.isnan(label)]
    if known.size and (known == UNKNOWN_CLASS).all():
        found = classes_of(named_column(table, name), name)
        raise BadScores(
            f"No label is a class of the model: there are {_listed(found)}, and it has "
            f"{_listed(classes)}.",
            remedy="Write labels as the model answers them.",
            column=name,
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def regressor_reference(
    table: Table, columns: ScoreColumns, *, features: Sequence[str]
) -> PerformanceReference:
    """The reference of a regressor.

    Args:
        table: labelled rows that the model was not trained on.
        columns: prediction and label.
        features: columns that may tell how hard a row is; the prediction is one without saying.
    Raises: BadScores; BadExpectedLoss; BadReference: too few labelled rows, or no error at all.
    """
    if columns.label is None or columns.prediction is None:
        raise _nothing_labelled(0)
    predicted, label = (
        rows_of_numbers(named_column(table, name), name)
        for name in (columns.prediction, columns.label)
    )
    if predicted.shape != label.shape:
        raise BadScores(
            f"The column {columns.label!r} holds {label.shape[1]} numbers a row for predictions of "
            f"{predicted.shape[1]}.",
            remedy="Give a label for each number that the model answers with.",
            column=columns.label,
        )
    width = predicted.shape[1]
    error = np.abs(predicted - label)
    known = np.isfinite(error).all(axis=1)
    if known.sum() < LEAST_ROWS:
        raise _nothing_labelled(int(known.sum()))
    if not error[known].any():
        raise BadReference(
            "The predictions equal the labels in every reference row.",
            remedy="Give rows the model was not trained on, and labels that are not predictions.",
        )
    metrics = ErrorSums.of(error[known].ravel()).metrics()
    if width > 1:
        wide = PerformanceReference(classes=None, metrics=metrics, width=width)
        return replace(wide, metrics=tuple(wide.of_rows(metric) for metric in metrics))
    names = tuple(dict.fromkeys([*features, columns.prediction]))
    loss = learn_expected_loss(table, names, error[:, 0])
    return PerformanceReference(classes=None, metrics=metrics, loss=loss)


def reference_to_dict(reference: PerformanceReference) -> dict[str, object]:
    """A JSON-able record that `reference_from_dict` reads back."""
    confidence, loss = reference.confidence, reference.loss
    return {
        "version": _VERSION,
        "classes": None if reference.classes is None else list(reference.classes),
        "metrics": [asdict(metric) for metric in reference.metrics],
        "confidence": None if confidence is None else b64encode(confidence.encode()).decode(),
        "loss": None if loss is None else loss_to_dict(loss),
        **({"width": reference.width} if reference.width > 1 else {}),
    }


def reference_from_dict(record: Mapping[str, Any]) -> PerformanceReference:
    """The reference of a record.

    Raises: BadReference; stats.calibration.BadCalibration; BadExpectedLoss.
    """
    try:
        if record["version"] != _VERSION:
            raise _unreadable(f"version {record['version']!r} is unknown")
        confidence, loss, classes = record["confidence"], record["loss"], record["classes"]
        return PerformanceReference(
            classes=None if classes is None else tuple(classes),
            metrics=tuple(Metric(**metric) for metric in record["metrics"]),
            confidence=None
            if confidence is None
            else ConfidenceCounts.decode(b64decode(confidence)),
            loss=None if loss is None else loss_from_dict(loss),
            width=int(record.get("width", 1)),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise _unreadable(repr(problem)) from problem


def _check_scores(score: NDArray[np.float64], columns: ScoreColumns) -> None:
    n_unusable = int((levels(score) == UNUSABLE).sum())
    if len(score) and n_unusable > _MOST_UNUSABLE_SHARE * len(score):
        raise BadScores(
            f"The column {columns.probabilities!r} has {n_unusable:,} of {len(score):,} reference "
            "rows without a probability between 0 and 1 for each class.",
            remedy="Give probabilities, not margins or logits, and no missing ones.",
            column=columns.probabilities,
        )


def _nothing_labelled(n: int) -> BadReference:
    return BadReference(
        f"The reference has {n} rows with a prediction and a label.",
        remedy=f"Give at least {LEAST_ROWS}, and name the columns of prediction and label.",
        n=n,
    )


def _unreadable(why: str) -> BadReference:
    return BadReference(
        f"The stored reference performance cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or make the profile anew.",
    )
