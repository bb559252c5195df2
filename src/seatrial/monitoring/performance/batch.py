"""The performance of some data looked at once: of all rows together, and window by window.

The same state as a served version's, without a ledger: labels come with their rows. All rows
together are one window of one step, so memory is that of the sums however many rows there are.
Windows are of one step too: nobody waits for the end of one.
"""

from __future__ import annotations

import numpy as np

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.progress import Progress, advance, first_labels
from seatrial.monitoring.performance.rows import row_places, served_rows
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_judge import SegmentVerdict
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.state import (
    PerformanceState,
    learn,
    observe,
    start,
    steps_by_count,
)
from seatrial.monitoring.performance.verdict import Estimated, Measured, PerformanceRules, Trust
from seatrial.monitoring.rows.table import Table


class BatchSegments:
    """The same by segment: all rows together, looked at once; see `segment_view.BySegment`.

    Args: baseline: what segments are held against.
    """

    def __init__(self, baseline: SegmentBaseline) -> None:
        self.baseline = baseline
        self._counter = baseline.counter()
        self._sums = self._counter.none()

    @property
    def columns(self) -> tuple[str, ...]:
        """What rows are split by."""
        return self.baseline.columns

    def add(self, rows: Scored, answers: Table) -> None:
        """Count predictions, with their labels where these are known.

        Args: rows as `served_rows` gives them; ``answers`` they are of.
        """
        codes = self._counter.codes(answers, row_places(rows))
        self._sums += self._counter.both(rows, codes)

    def estimated(self) -> tuple[SegmentVerdict, ...]:
        """What scores say of each segment, the worst first."""
        return self._judged(labels=False)

    def measured(self) -> tuple[SegmentVerdict, ...]:
        """What labels say of each segment, the worst first."""
        return self._judged(labels=True)

    def _judged(self, *, labels: bool) -> tuple[SegmentVerdict, ...]:
        chance = 1.0 / self.baseline.rules.budget_windows
        return self.baseline.judged({0: self._sums}, labels=labels, chance=chance)


class BatchPerformance:
    """Takes rows in; see `view.Judged`.

    Args:
        served: what they are held against.
        endpoint, version: what they are of.
        rules: when a drop is one.
        window_rows: of a window, >= 1.
        segments: what segments are held against; None where rows are not split.
    """

    def __init__(
        self,
        served: ServedReference,
        *,
        endpoint: str,
        version: int,
        rules: PerformanceRules,
        window_rows: int,
        segments: SegmentBaseline | None = None,
    ) -> None:
        self.served = served
        self.endpoint = endpoint
        self.version = version
        self._rules = rules
        self.state: PerformanceState = start(served.reference, steps_per_window=1)
        self.progress = Progress(window_rows=window_rows)
        self._whole = start(served.reference, steps_per_window=1)
        self.segments = None if segments is None else BatchSegments(segments)

    def add(self, answers: Table) -> None:
        """Take rows in.

        Args: answers in the names of `rows/served.py`, what the expected error needs, and the
            columns to split by.
        Raises: BadScores, BadExpectedLoss: nothing is changed then.
        """
        reference = self.served.reference
        rows = served_rows(answers, reference, step=np.zeros(answers.n, np.int64))
        if not len(rows):
            return
        self._whole = observe(self._whole, reference, rows)
        labelled = rows.some(np.flatnonzero(np.isfinite(rows.label)))
        if len(labelled):
            self._whole = learn(self._whole, reference, first_labels(labelled))
        found = advance(
            self.state,
            self.progress,
            reference,
            self._rules,
            rows.at_steps(
                steps_by_count(
                    self.progress.n_seen,
                    len(rows),
                    window_rows=self.progress.window_rows,
                    steps_per_window=1,
                )
            ),
        )
        self.state, self.progress = found.state, found.progress
        if self.segments is not None:
            self.segments.add(rows, answers)

    def estimated(self) -> Estimated:
        """Of all rows."""
        return estimated(self._whole, self.served.reference, self._rules)

    def found_by_segment(self) -> tuple[Finding, ...]:
        """What labels and scores mean for segments; nothing where they say nothing."""
        if self.segments is None:
            return ()
        trusted = self.estimated().trust.trust is not Trust.CONTRADICTED
        both = ((self.segments.measured(), True), (self.segments.estimated(), False))
        return tuple(
            self.segments.baseline.told(
                verdicts,
                endpoint=self.endpoint,
                version=self.version,
                labels=labels,
                trusted=trusted or labels,
            )
            for verdicts, labels in both
            if verdicts
        )

    def measured(self, window: int | None = None) -> Measured | None:
        """Of all rows, or of a window; None without labels."""
        if window is None:
            return measured(self._whole, self.served.reference, self._rules)
        return measured(self.state, self.served.reference, self._rules, window=window)
