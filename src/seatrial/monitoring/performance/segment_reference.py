"""How well a model did by segment on its reference: what its segments are later held against.

Made from the labelled rows of the performance reference itself; of a packaged version it is kept
beside that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.rows import row_places, served_rows
from seatrial.monitoring.performance.segment_counter import SegmentCounter
from seatrial.monitoring.performance.segment_sums import WIDTH, SegmentSums
from seatrial.monitoring.performance.served_reference import (
    ReferenceUnreadable,
    ServedReference,
    named,
    truth_of,
)
from seatrial.monitoring.rows.served import TRUTH, answered_table
from seatrial.monitoring.rows.table import Column, Table
from seatrial.monitoring.summaries.segments import Splits
from seatrial.registry.signature import Batch, Prediction, Signature

KEY = "segments"
"""Where the record of a performance reference has its segments."""


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


def segments_of(reference: PerformanceReference, splits: Splits, rows: Table) -> SegmentReference:
    """The reference by segment, from the labelled rows that it was made from itself.

    Args:
        reference: of these rows.
        splits: the segments of a row.
        rows: in the names of `rows/served.py`, with what came true and the columns to split by.
            Those without a label count in none.
    Raises: BadScores, BadExpectedLoss.
    """
    scored = served_rows(rows, reference, step=np.zeros(rows.n, np.int64))
    scored = scored.some(np.flatnonzero(np.isfinite(scored.label)))
    counter = SegmentCounter(splits, reference)
    sums = counter.both(scored, counter.codes(rows, row_places(scored)))
    return SegmentReference(pairs=splits.pairs, sums=sums)


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
    rows = answered_table(signature, batch, answers)
    truth = truth_of(labels, served.reference)
    return segments_of(served.reference, splits, named(rows, {**rows.columns, TRUTH: truth}))


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


def unjudged_segments(name: str, version: int, columns: Sequence[str]) -> dict[str, str]:
    """That nothing is known of how well a version did by segment, by language."""
    listed = ",".join(columns)
    return {
        "en": f"How well {name}@{version} does by segment is not judged: it was packaged without "
        f"labelled rows by {listed}. Deploy the model again with --segments {listed} and labelled "
        "rows: --label or --holdout.",
        "zh": f"{name}@{version} 的分组性能未作评判：打包时没有按 {listed} 分组的带标签数据。"
        f"请用 --segments {listed} 并附带标签数据（--label 或 --holdout）重新部署模型。",
    }


def _row(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    row = np.array(values, np.float64)
    if row.shape != (WIDTH,) or not np.isfinite(row).all():
        raise ValueError(f"there are {row.size} sums of a segment")
    return row
