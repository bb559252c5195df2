"""How well a version did by segment on its reference: what its segments are later held against.

Kept beside the version's performance reference and made from the same labelled rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.monitoring.performance.rows import scored_rows
from seatrial.monitoring.performance.segment_sums import WIDTH, SegmentSums
from seatrial.monitoring.performance.served_reference import (
    ReferenceUnreadable,
    ServedReference,
    named,
)
from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES, answered_table
from seatrial.monitoring.rows.table import Column
from seatrial.monitoring.summaries.segments import Splits
from seatrial.registry.signature import Batch, Prediction, Signature

KEY = "segments"
"""Where the record of a performance reference has its segments."""

_TRUTH = "outputs.truth"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentReference:
    """Labelled rows of the reference by segment.

    Args:
        pairs: column and value of every segment.
        sums: of each, in that order, and last of all rows together.
    """

    pairs: tuple[tuple[str, str], ...]
    sums: SegmentSums

    @property
    def whole(self) -> int:
        """The place of all rows together."""
        return len(self.pairs)


def learn_segments(
    served: ServedReference,
    splits: Splits,
    *,
    signature: Signature,
    batch: Batch,
    answers: Prediction,
    labels: Column,
) -> SegmentReference:
    """The reference by segment, from the rows that `served_reference.learn_reference` was given.

    Raises: BadScores, BadExpectedLoss.
    """
    reference = served.reference
    rows = answered_table(signature, batch, answers)
    if reference.classes is not None:
        table = named(rows, {**rows.columns, _TRUTH: coded(labels)})
        columns = ScoreColumns(prediction=CLASS, probabilities=PROBABILITIES, label=_TRUTH)
    else:
        table = named(rows, {**rows.columns, _TRUTH: labels})
        columns = ScoreColumns(prediction=NUMBER, label=_TRUTH)
    scored = scored_rows(table, reference, columns, step=np.zeros(table.n, np.int64))
    known = np.flatnonzero(np.isfinite(scored.label))
    scored = scored.some(known)
    kept = np.array([int(key) for key in scored.ids], np.intp)
    codes = splits.codes(rows)[kept]
    n = len(splits.pairs)
    places = np.column_stack([splits.segments_of(codes), np.full(len(codes), n)])
    expected, _ = reference.expected(scored.predicted, scored.score)
    outcome = reference.outcome(scored.predicted, scored.label)
    sums = SegmentSums.of(places, expected, n_segments=n + 1)
    sums += SegmentSums.labelled(places, outcome, n_segments=n + 1)
    return SegmentReference(pairs=splits.pairs, sums=sums)


def write_segments(reference: SegmentReference) -> dict[str, object]:
    """A JSON-able record; segments without rows are left out."""
    columns: dict[str, dict[str, list[float]]] = {}
    for place, (column, value) in enumerate(reference.pairs):
        kept = columns.setdefault(column, {})
        if reference.sums.n(place):
            kept[value] = reference.sums.sums[place].tolist()
    return {"columns": columns, "whole": reference.sums.sums[reference.whole].tolist()}


def read_segments(
    record: Mapping[str, Any], pairs: Sequence[tuple[str, str]]
) -> SegmentReference | None:
    """The segments of a performance reference's record; None where it has none.

    Args: pairs: as the profile of the version splits rows.
    Raises: ReferenceUnreadable.
    """
    if KEY not in record:
        return None
    sums = SegmentSums.empty(len(pairs) + 1)
    try:
        columns = record[KEY]["columns"]
        for place, (column, value) in enumerate(pairs):
            sums.sums[place] = _row(columns[column].get(value, [0.0] * WIDTH))
        sums.sums[len(pairs)] = _row(record[KEY]["whole"])
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ReferenceUnreadable(
            f"The reference performance by segment cannot be read: {problem!r}.",
            remedy="Use the version of seatrial that packaged the model, or deploy the model "
            "again.",
        ) from problem
    return SegmentReference(pairs=tuple(pairs), sums=sums)


def _row(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    row = np.array(values, np.float64)
    if row.shape != (WIDTH,) or not np.isfinite(row).all():
        raise ValueError(f"there are {row.size} sums of a segment")
    return row
