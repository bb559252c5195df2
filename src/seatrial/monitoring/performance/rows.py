"""Predictions and labels out of tables, as the watch of performance takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.rows.scores import (
    BadScores,
    ScoreColumns,
    ids_of,
    labels_of,
    named_column,
    numbers_of,
    predictions_and_confidence,
    predictions_of,
    rows_of_numbers,
)
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES, TRUTH
from seatrial.monitoring.rows.table import Table


def scored_rows(
    table: Table,
    reference: PerformanceReference,
    columns: ScoreColumns,
    *,
    step: NDArray[np.int64],
) -> Scored:
    """The predictions of a table. Rows without a prediction are left out: nothing can be right
    about them; `drift/quality.py` counts them.

    Args:
        table: of a regressor with all columns that `regressor_reference` was given.
        reference: of the same variant.
        columns: the prediction, the probabilities of a classifier that gives any; and the id,
            without which rows get the ids "0", "1", ... A label column is read too.
        step: of each row, shape (n,).
    Returns: their times are 0 where the table does not say. Of a regressor that answers with
        several numbers each is a row; see `part_id`.
    Raises: BadScores; BadExpectedLoss.
    """
    if reference.width > 1:
        return _wide_rows(table, reference, columns, step=step)
    if reference.classes is not None and columns.probabilities is None:
        predicted = predictions_of(table, columns, reference.classes)
        score = np.full(table.n, np.nan)
    elif reference.classes is not None:
        predicted, score = predictions_and_confidence(table, columns, reference.classes)
    else:
        predicted, score = _regressed(table, reference, columns)
    label = np.full(table.n, np.nan)
    if columns.label is not None:
        label = labels_of(table, columns.label, reference.classes)
    ids = tuple(map(str, range(table.n))) if columns.id is None else ids_of(table, columns.id)
    rows = Scored(
        ids=ids,
        at_us=_microseconds(table),
        step=step,
        predicted=predicted,
        score=score,
        audited=np.zeros(table.n, np.bool_),
        label=label,
    )
    kept = np.flatnonzero(np.isfinite(predicted))
    return rows if len(kept) == table.n else rows.some(kept)


def served_rows(
    table: Table, reference: PerformanceReference, *, step: NDArray[np.int64]
) -> Scored:
    """The predictions of a table in the names of served answers; see `scored_rows`.

    Args: table: with `rows.served.TRUTH` where labels are known already.
    """
    columns = ScoreColumns(
        prediction=NUMBER if reference.classes is None else CLASS,
        probabilities=PROBABILITIES if reference.confidence is not None else None,
        label=TRUTH if TRUTH in table.columns else None,
    )
    return scored_rows(table, reference, columns, step=step)


def has_answers(table: Table, reference: PerformanceReference) -> bool:
    """Whether some rows can have an answer: there is none to requests that all failed."""
    column = NUMBER if reference.classes is None else CLASS
    return table.n > 0 and column in table.columns


def row_places(rows: Scored) -> NDArray[np.intp]:
    """The row of the table that each prediction of `served_rows` is of, shape (n,)."""
    return np.array([int(key.partition("#")[0]) for key in rows.ids], np.intp)


def part_id(key: str, part: int) -> str:
    """The id of one of several numbers of an answer; that of the first is the answer's own."""
    return f"{key}#{part}" if part else key


def _wide_rows(
    table: Table,
    reference: PerformanceReference,
    columns: ScoreColumns,
    *,
    step: NDArray[np.int64],
) -> Scored:
    name = columns.prediction or "prediction"
    predicted = rows_of_numbers(named_column(table, name), name)
    label: NDArray[np.float64] = np.full(predicted.shape, np.nan)
    if columns.label is not None:
        label = rows_of_numbers(named_column(table, columns.label), columns.label)
    width = reference.width
    if predicted.shape[1] != width or label.shape[1] != width:
        raise BadScores(
            f"The column {name!r} or its labels do not hold {width} numbers a row.",
            remedy="Send as many numbers as in the reference, or make the reference anew.",
            column=name,
        )
    keys = tuple(map(str, range(table.n))) if columns.id is None else ids_of(table, columns.id)
    n = table.n * width
    rows = Scored(
        ids=tuple(part_id(key, part) for key in keys for part in range(width)),
        at_us=np.repeat(_microseconds(table), width),
        step=np.repeat(step, width),
        predicted=predicted.ravel(),
        score=np.full(n, np.nan),
        audited=np.zeros(n, np.bool_),
        label=label.ravel(),
    )
    whole = np.repeat(np.isfinite(predicted).all(axis=1), width)
    return rows.some(np.flatnonzero(whole))


def _regressed(
    table: Table, reference: PerformanceReference, columns: ScoreColumns
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if columns.prediction is None:
        raise BadScores(
            "The predictions of a regressor are in no named column.",
            remedy="Name the column of predictions.",
            column="prediction",
        )
    assert reference.loss is not None
    name = columns.prediction
    return numbers_of(named_column(table, name), name), reference.loss.of(table)


def _microseconds(table: Table) -> NDArray[np.int64]:
    if table.at is None:
        return np.zeros(table.n, np.int64)
    known = ~np.isnat(table.at)
    return np.where(known, table.at.astype("datetime64[us]").astype(np.int64), 0)
