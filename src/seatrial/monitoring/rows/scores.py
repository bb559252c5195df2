"""Predictions, probabilities and labels out of a table's columns.

Classes may be named in a column or numbered; inside, a class is its place among the classes the
model has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.label_values import places_of
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.stats.performance import UNKNOWN_CLASS


class BadScores(Invalid):
    """Columns that do not hold predictions, probabilities or labels; the fact ``column`` names
    the one to blame."""

    code = "monitoring.bad_scores"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumns:
    """Where things stand in a table.

    Args:
        prediction: the predicted class or number; None: the class of the highest probability.
        probabilities: of the classes, shape (n, n_classes), or with two classes that of the second,
            shape (n,); None for a regressor.
        label: the true class or number; None where labels come later.
        id: the prediction id; None where labels stand in the same table.
    """

    prediction: str | None = None
    probabilities: str | None = None
    label: str | None = None
    id: str | None = None


def class_indices(column: Column, classes: Sequence[str], name: str) -> NDArray[np.float64]:
    """The place of each value among the classes.

    Args:
        column: names, or numbers that are written like the classes' names: 1 and 1.0 are "1".
        classes: the model's, in the order of its probabilities.
        name: of the column, for the message.
    Returns: shape (n,): a place, UNKNOWN_CLASS for another class, NaN where it is missing.
    Raises: BadScores: a column of vectors.
    """
    places = places_of(classes)
    if isinstance(column, Coded):
        by_code = [places.get(value, float(UNKNOWN_CLASS)) for value in column.values]
        return np.array([*by_code, np.nan])[column.codes]
    numbers = numbers_of(column, name)
    values, where = np.unique(numbers, return_inverse=True)
    found = [
        np.nan if np.isnan(v) else places.get(_written(v), float(UNKNOWN_CLASS)) for v in values
    ]
    return np.array(found, np.float64)[where]


def named_column(table: Table, name: str) -> Column:
    """A column of a table.   Raises: BadScores: it is not there."""
    if name not in table.columns:
        raise _bad(
            name,
            f"is not among {', '.join(sorted(table.columns)) or 'no columns'}",
            "Name a column that is there.",
        )
    return table.columns[name]


def numbers_of(column: Column, name: str) -> NDArray[np.float64]:
    """A column of numbers as float64, shape (n,).   Raises: BadScores."""
    if isinstance(column, Coded) or column.ndim != 1:
        raise _bad(name, "does not hold one number a row", "Name a column of numbers.")
    return column.astype(np.float64)


def rows_of_numbers(column: Column, name: str) -> NDArray[np.float64]:
    """A column of numbers or of vectors as float64, shape (n, width).   Raises: BadScores."""
    if isinstance(column, Coded) or column.ndim > 2:
        raise _bad(name, "does not hold numbers", "Name a column of numbers.")
    numbers = column.astype(np.float64)
    return numbers[:, None] if numbers.ndim == 1 else numbers


def classes_of(column: Column, name: str) -> tuple[str, ...]:
    """The distinct values of a column of classes, numbers in their order, names in theirs."""
    if isinstance(column, Coded):
        used = np.unique(column.codes[column.codes >= 0])
        return tuple(sorted(column.values[code] for code in used.tolist()))
    numbers = numbers_of(column, name)
    return tuple(_written(v) for v in np.unique(numbers[~np.isnan(numbers)]).tolist())


def predictions_and_confidence(
    table: Table, columns: ScoreColumns, classes: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The predicted class of each row, and the probability it was given.

    Returns: both shape (n,): places among the classes, NaN where there is none; and probabilities,
        NaN where they are missing or no probabilities.
    Raises: BadScores.
    """
    scores = _probabilities(table, columns, len(classes))
    ok = np.all((scores >= 0) & (scores <= 1), axis=1)
    if columns.prediction is None:
        predicted = np.where(ok, np.argmax(np.where(ok[:, None], scores, 0), axis=1), np.nan)
    else:
        predicted = predictions_of(table, columns, classes)
    known = ~np.isnan(predicted)
    place = np.where(known, predicted, 0).astype(np.intp)
    confidence = scores[np.arange(table.n), place]
    return predicted, np.where(ok & known, confidence, np.nan)


def predictions_of(
    table: Table, columns: ScoreColumns, classes: Sequence[str]
) -> NDArray[np.float64]:
    """The predicted class of each row, where a column names it.

    Returns: shape (n,): places among the classes, NaN where there is none.
    Raises: BadScores.
    """
    if columns.prediction is None:
        raise _bad("prediction", "is not named", "Name the column of predictions.")
    predicted = class_indices(named_column(table, columns.prediction), classes, columns.prediction)
    if (predicted == UNKNOWN_CLASS).any():
        raise _bad(
            columns.prediction,
            f"holds a class that is not among {', '.join(classes)}",
            "Name all classes of the model, in the order of its probabilities.",
        )
    return predicted


def ids_of(table: Table, name: str) -> tuple[str, ...]:
    """The prediction ids of a column of names or whole numbers.   Raises: BadScores."""
    column = named_column(table, name)
    if isinstance(column, Coded):
        if (column.codes < 0).any():
            raise _bad(name, "has rows without a prediction id", "Give every row an id.")
        return tuple(column.values[code] for code in column.codes.tolist())
    if column.ndim == 1 and column.dtype.kind in "iu":
        return tuple(str(number) for number in column.tolist())
    raise _bad(name, "does not hold ids", "Name a column of texts or whole numbers.")


def labels_of(table: Table, name: str, classes: Sequence[str] | None) -> NDArray[np.float64]:
    """The labels of a column: places among the classes, or for a regressor, None, numbers."""
    column = named_column(table, name)
    if classes is None:
        return numbers_of(column, name)
    return class_indices(column, classes, name)


def _probabilities(table: Table, columns: ScoreColumns, n_classes: int) -> NDArray[np.float64]:
    if columns.probabilities is None:
        raise _bad("probabilities", "is not named", "Name the column of probabilities.")
    name = columns.probabilities
    column = named_column(table, name)
    if isinstance(column, Coded):
        raise _bad(name, "holds names, not probabilities", "Name a column of numbers.")
    scores = column.astype(np.float64)
    if scores.ndim == 1 and n_classes == 2:
        scores = np.column_stack([1 - scores, scores])
    if scores.ndim == 1 or scores.shape[1] != n_classes:
        n = 1 if scores.ndim == 1 else scores.shape[1]
        raise _bad(
            name,
            f"holds {n} probabilities a row for {n_classes} classes",
            "Name as many classes as there are probabilities, in their order.",
        )
    return scores


def _written(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _bad(column: str, what: str, remedy: str) -> BadScores:
    return BadScores(f"The column {column!r} {what}.", remedy=remedy, column=column)
