"""The performance of some data looked at once: of all rows together, and window by window.

The same state as a served version's, without a ledger: labels come with their rows. All rows
together are one window of one step, so memory is that of the sums however many rows there are.
Windows are of one step too: nobody waits for the end of one.
"""

from __future__ import annotations

import numpy as np

from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.progress import Progress, advance, first_labels
from seatrial.monitoring.performance.rows import served_rows
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.state import (
    PerformanceState,
    learn,
    observe,
    start,
    steps_by_count,
)
from seatrial.monitoring.performance.verdict import Estimated, Measured, PerformanceRules
from seatrial.monitoring.rows.table import Table


class BatchPerformance:
    """Takes rows in; see `view.Judged`.

    Args:
        served: what they are held against.
        endpoint, version: what they are of.
        rules: when a drop is one.
        window_rows: of a window, >= 1.
    """

    def __init__(
        self,
        served: ServedReference,
        *,
        endpoint: str,
        version: int,
        rules: PerformanceRules,
        window_rows: int,
    ) -> None:
        self.served = served
        self.endpoint = endpoint
        self.version = version
        self._rules = rules
        self.state: PerformanceState = start(served.reference, steps_per_window=1)
        self.progress = Progress(window_rows=window_rows)
        self._whole = start(served.reference, steps_per_window=1)
        self.segments = None

    def add(self, answers: Table) -> None:
        """Take rows in.

        Args: answers in the names of `rows/served.py`, and what the expected error needs.
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

    def estimated(self) -> Estimated:
        """Of all rows."""
        return estimated(self._whole, self.served.reference, self._rules)

    def measured(self, window: int | None = None) -> Measured | None:
        """Of all rows, or of a window; None without labels."""
        if window is None:
            return measured(self._whole, self.served.reference, self._rules)
        return measured(self.state, self.served.reference, self._rules, window=window)
