"""Counts predictions by segment: of a reference, of what a ledger follows, of some data at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.segment_sums import SegmentSums
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.segments import Splits

Codes = NDArray[np.int64]


class SegmentCounter:
    """Counts rows in each of their segments, and all of them together in a last place.

    Args:
        splits: the segments of a row.
        reference: what to expect of a score, and when an answer is right.
    """

    def __init__(self, splits: Splits, reference: PerformanceReference) -> None:
        self._splits = splits
        self._reference = reference
        self.n_segments = len(splits.pairs) + 1

    def codes(self, table: Table, places: NDArray[np.intp]) -> Codes:
        """The segments of predictions, as `summaries.segments.Splits` codes them, shape (n,).

        Args: a table with the columns to split by; the row that each prediction is of, shape (n,).
        """
        return self._splits.codes(table)[places]

    def none(self) -> SegmentSums:
        """Sums of no row."""
        return SegmentSums.empty(self.n_segments)

    def predicted(self, rows: Scored, codes: Codes) -> SegmentSums:
        """Predictions; their labels are not looked at.   Args: codes of each, shape (n,)."""
        expected, _ = self._reference.expected(rows.predicted, rows.score)
        return SegmentSums.of(self._places(codes), expected, n_segments=self.n_segments)

    def labelled(self, rows: Scored, codes: Codes) -> SegmentSums:
        """Labels of predictions, which all have one."""
        outcome = self._reference.outcome(rows.predicted, rows.label)
        return SegmentSums.labelled(self._places(codes), outcome, n_segments=self.n_segments)

    def both(self, rows: Scored, codes: Codes) -> SegmentSums:
        """Predictions with the labels that some of them came with."""
        known = np.flatnonzero(np.isfinite(rows.label))
        return self.predicted(rows, codes) + self.labelled(rows.some(known), codes[known])

    def _places(self, codes: Codes) -> NDArray[np.int64]:
        return np.column_stack(
            [self._splits.segments_of(codes), np.full(len(codes), self.n_segments - 1)]
        )
