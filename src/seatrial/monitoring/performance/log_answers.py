"""The log of another server in the names of served answers, and the reference beside it.

A log says in which columns the answer, the probabilities and what came true stand; served answers
have one name each (`rows/served.py`). Once a table bears those, whoever judges a served version
judges a log too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.reference import (
    BadReference,
    PerformanceReference,
    classifier_reference,
    regressor_reference,
)
from seatrial.monitoring.performance.served_reference import Origin, ServedReference
from seatrial.monitoring.rows.class_names import class_names, named_as
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.label_values import label_values, label_vectors
from seatrial.monitoring.rows.scores import (
    BadScores,
    ScoreColumns,
    predictions_and_confidence,
)
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES, TRUTH
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.stats.performance import UNKNOWN_CLASS

MOST_NUMBERED_CLASSES = 50
"""Whole numbers with more distinct values are amounts, not classes."""

_LEAST_AGREEMENT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Rows of a log in the names of served answers.

    Args:
        table: with the columns of `rows/served.py`, as far as the log has them, and the others.
        n_other: rows whose predicted class the reference does not know; they have no prediction.
    """

    table: Table
    n_other: int = 0


def says_performance(columns: Columns) -> bool:
    """Whether rows have anything of it: what was answered, or what came true."""
    return bool(columns.prediction or columns.scores or columns.label)


def log_reference(table: Table, columns: Columns, *, holdout: bool) -> ServedReference:
    """How well a model did on the rows that a log is compared with.

    It is a classifier when there are probabilities, when answers or labels are names, or when both
    are at most MOST_NUMBERED_CLASSES whole numbers; a column that is to be read as a number makes
    it a regressor.

    Args:
        table: the reference, and the roles of its ``columns``.
        holdout: whether the model was not trained on the rows, as somebody said.
    Raises: BadReference: no labels or answers, too few of them, or one class only; BadScores;
        BadExpectedLoss; stats.counts.BadStatistic.
    """
    label = None if columns.label is None else table.columns.get(columns.label)
    answer = None if columns.prediction is None else table.columns.get(columns.prediction)
    if label is None or (answer is None and not columns.scores):
        missing = "labels" if label is None else "predictions or probabilities"
        raise BadReference(
            f"The reference has no column of {missing}.",
            remedy="Name it under reference.columns, as label, prediction or scores.",
        )
    if answer is not None and _is_regression(label, answer, columns):
        reference = _regressor(table, columns, answer, label)
    else:
        _check_classes(columns.label, label)
        _check_classes(columns.prediction, answer)
        reference = _classifier(table, columns, answer, label)
    origin = Origin.HOLDOUT if holdout else Origin.ROWS
    return ServedReference(reference=reference, origin=origin, n=reference.main.n)


def log_answers(
    table: Table,
    columns: Columns,
    reference: PerformanceReference,
    *,
    truth: Sequence[str] | None = None,
) -> Answers:
    """The rows of a log as a served version's would be.

    Args:
        table: the log, and the roles of its ``columns``.
        reference: of the model.
        truth: what came true, in place of the log's own column; empty where it is not known.
    Raises: BadScores: columns that cannot be probabilities or numbers.
    """
    label = None if columns.label is None else table.columns.get(columns.label)
    answer = None if columns.prediction is None else table.columns.get(columns.prediction)
    found: dict[str, Column] = dict(table.columns)
    if reference.classes is None:
        if answer is not None:
            found[NUMBER] = answer
        numbers = _numbers(label, truth, reference.width)
        if numbers is not None:
            found[TRUTH] = numbers
        return Answers(table=Table(columns=found, n=table.n, at=table.at))
    _check_classes(columns.label, label)
    _check_classes(columns.prediction, answer)
    classes, n_other = reference.classes, 0
    if reference.confidence is not None:
        scores = _probabilities(table, columns, classes)
        found[PROBABILITIES] = (
            np.full((table.n, len(classes)), np.nan) if scores is None else scores
        )
    if answer is not None:
        found[CLASS], n_other = _answered(answer, classes)
    elif PROBABILITIES in found:
        found[CLASS] = _most_probable(found, table.n, classes)
    names = _truths(label, truth, classes)
    if names is not None:
        found[TRUTH] = names
    return Answers(table=Table(columns=found, n=table.n, at=table.at), n_other=n_other)


def other_classes(name: str, n: int) -> SourceProblem:
    """What to say of rows whose predicted class the reference does not know."""
    return SourceProblem(
        flaw="value",
        where=name,
        message=f"{n:,} rows of {name} predict a class that the reference does not know; their "
        "performance is not judged.",
        n=n,
    )


def _regressor(
    table: Table, columns: Columns, answer: Column, label: Column
) -> PerformanceReference:
    features = columns.features_of(table)
    kept = {name: table.columns[name] for name in features}
    rows = Table(columns={**kept, NUMBER: answer, TRUTH: label}, n=table.n)
    return regressor_reference(
        rows, ScoreColumns(prediction=NUMBER, label=TRUTH), features=features
    )


def _classifier(
    table: Table, columns: Columns, answer: Column | None, label: Column
) -> PerformanceReference:
    classes = class_names(label, answer)
    if len(classes) < 2:
        raise BadReference(
            f"The labels and predictions of the reference are all {classes[0]!r}."
            if classes
            else "The reference has no label.",
            remedy="Give rows of every class that the model tells apart.",
        )
    scores = _probabilities(table, columns, classes)
    found: dict[str, Column] = {TRUTH: named_as(label, classes)}
    if scores is not None:
        found[PROBABILITIES] = scores
    found[CLASS] = (
        _most_probable(found, table.n, classes) if answer is None else named_as(answer, classes)
    )
    rows = Table(columns=found, n=table.n)
    asked = ScoreColumns(
        prediction=CLASS, probabilities=None if scores is None else PROBABILITIES, label=TRUTH
    )
    if scores is not None and answer is not None:
        _check_order(rows, asked, classes, columns.scores[0])
    return classifier_reference(rows, asked, classes=classes)


def _is_regression(label: Column, answer: Column, columns: Columns) -> bool:
    asked = {columns.kinds.get(name) for name in (columns.prediction, columns.label) if name}
    if columns.scores or "name" in asked:
        return False
    numbers = [c for c in (label, answer) if isinstance(c, np.ndarray) and c.dtype.kind != "b"]
    if len(numbers) < 2:
        return False
    if "number" in asked or any(column.ndim > 1 for column in numbers):
        return True
    values = np.unique(np.concatenate([np.unique(c.astype(np.float64)) for c in numbers]))
    values = values[np.isfinite(values)]
    return len(values) > MOST_NUMBERED_CLASSES or bool((values != np.round(values)).any())


def _check_classes(name: str | None, column: Column | None) -> None:
    if isinstance(column, np.ndarray) and column.ndim > 1:
        raise BadScores(
            f"The column {name!r} holds vectors, not classes.",
            remedy="Name a column of one class a row; probabilities are scores.",
            column=name,
        )


def _answered(answer: Column, classes: Sequence[str]) -> tuple[Coded, int]:
    """Predicted classes, and how many are none of the classes: they become missing."""
    names = named_as(answer, classes)
    known = set(classes)
    codes = np.array([*(k if v in known else -1 for k, v in enumerate(names.values)), -1], np.int32)
    kept = codes[names.codes]
    return Coded(kept, names.values), int(((kept < 0) & (names.codes >= 0)).sum())


def _truths(
    label: Column | None, truth: Sequence[str] | None, classes: Sequence[str]
) -> Coded | None:
    own = None if label is None else named_as(label, classes)
    if truth is None or not any(truth):
        return own
    values = dict.fromkeys((*(own.values if own is not None else ()), *classes))
    places = {value: place for place, value in enumerate(values)}
    found = label_values(truth, classes)
    codes = own.codes.copy() if own is not None else np.full(len(truth), -1, np.int32)
    for row, (text, place) in enumerate(zip(truth, found.tolist(), strict=True)):
        if text:
            name = text if place == UNKNOWN_CLASS else classes[int(place)]
            codes[row] = places.setdefault(name, len(places))
    return Coded(codes, tuple(places))


def _numbers(
    label: Column | None, truth: Sequence[str] | None, width: int
) -> NDArray[np.generic] | None:
    own: NDArray[np.generic] | None = None
    if isinstance(label, Coded):
        own = _numbers_of((*label.values, ""), width)[label.codes]
    elif label is not None:
        own = label
    if truth is None or not any(truth):
        return own
    said = _numbers_of(truth, width)
    return said if own is None else np.where(np.isnan(said), own.astype(np.float64), said)


def _numbers_of(texts: Sequence[str], width: int) -> NDArray[np.float64]:
    return label_values(texts, None) if width == 1 else label_vectors(texts, width)


def _probabilities(table: Table, columns: Columns, classes: Sequence[str]) -> Column | None:
    parts = {name: table.columns[name] for name in columns.scores if name in table.columns}
    if not parts:
        return None
    if len(parts) == 1:
        return next(iter(parts.values()))
    for name, part in parts.items():
        if isinstance(part, Coded) or part.ndim != 1:
            raise BadScores(
                f"The column {name!r} does not hold one probability a row.",
                remedy="Name one column of numbers for each class, or one of vectors.",
                column=name,
            )
    order = _by_class(tuple(parts), classes)
    return np.column_stack([np.asarray(parts[name], np.float64) for name in order])


def _by_class(names: Sequence[str], classes: Sequence[str]) -> Sequence[str]:
    """Columns in the order of the classes where each is named after one, else as they are named."""
    found: Mapping[str, list[str]] = {
        one: [n for n in names if n == one or n.endswith((f".{one}", f"_{one}", f"-{one}"))]
        for one in classes
    }
    if len(names) == len(classes) and all(len(some) == 1 for some in found.values()):
        return [some[0] for some in found.values()]
    return names


def _most_probable(found: Mapping[str, Column], n: int, classes: Sequence[str]) -> Coded:
    rows = Table(columns={PROBABILITIES: found[PROBABILITIES]}, n=n)
    places, _ = predictions_and_confidence(rows, ScoreColumns(probabilities=PROBABILITIES), classes)
    codes = np.where(np.isnan(places), -1, places).astype(np.int32)
    return Coded(codes, tuple(classes))


def _check_order(rows: Table, asked: ScoreColumns, classes: Sequence[str], name: str) -> None:
    """Probabilities of other classes than thought would be calibrated, and mean nothing."""
    highest, _ = predictions_and_confidence(
        rows, ScoreColumns(probabilities=asked.probabilities), classes
    )
    said, _ = predictions_and_confidence(rows, asked, classes)
    known = np.isfinite(highest) & np.isfinite(said)
    if known.any() and float((highest[known] == said[known]).mean()) < _LEAST_AGREEMENT:
        raise BadScores(
            f"The probabilities in {name!r} are the highest for another class than the predicted "
            "one in most rows of the reference.",
            remedy="Name the columns of scores in the order of the classes "
            f"{', '.join(classes)}; a single column is the probability of the second.",
            column=name,
        )
