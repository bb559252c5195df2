"""What the segments of a model are held against, and the judgement of them: for whoever counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.performance.segment_counter import SegmentCounter
from seatrial.monitoring.performance.segment_findings import segment_performance_finding
from seatrial.monitoring.performance.segment_judge import (
    SegmentRules,
    SegmentVerdict,
    judge_segments,
)
from seatrial.monitoring.performance.segment_reference import SegmentReference
from seatrial.monitoring.performance.segment_sums import SegmentSums
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.summaries.segments import Splits


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentBaseline:
    """What segments are held against.

    Args:
        splits: the segments of a row.
        known: the reference by segment; of the same segments.
        served: the reference of the whole.
        rules: when a drop is one.
    """

    splits: Splits
    known: SegmentReference
    served: ServedReference
    rules: SegmentRules

    @property
    def columns(self) -> tuple[str, ...]:
        """What rows are split by."""
        return self.splits.names

    @property
    def estimates(self) -> bool:
        """Whether anything can be said before labels come."""
        return self.served.reference.estimates

    def counter(self) -> SegmentCounter:
        """Counts rows as the reference was counted."""
        return SegmentCounter(self.splits, self.served.reference)

    def judged(
        self, windows: Mapping[int, SegmentSums], *, labels: bool, chance: float
    ) -> tuple[SegmentVerdict, ...]:
        """Every segment that has a row, the worst first; none where scores say nothing.

        Args: see `judge_segments`.
        """
        if not labels and not self.estimates:
            return ()
        return judge_segments(
            windows,
            self.known,
            self.served.reference,
            self.rules,
            labels=labels,
            chance=chance,
        )

    def told(
        self,
        verdicts: Sequence[SegmentVerdict],
        *,
        endpoint: str,
        version: int,
        labels: bool,
        trusted: bool,
    ) -> Finding:
        """What to tell after a look.   Args: see `segment_performance_finding`."""
        return segment_performance_finding(
            verdicts,
            endpoint=endpoint,
            version=version,
            metric=self.served.reference.main.name,
            labels=labels,
            trusted=trusted,
            flatters=self.served.flatters,
            budget_windows=self.rules.budget_windows,
        )
