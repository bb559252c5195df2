"""The performance of segments as plain JSON, for pages and machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from seatrial.monitoring.performance.segment_judge import SegmentVerdict
from seatrial.monitoring.performance.verdict import Level

SHOWN = 50
"""Segments of a record, the worst first; those in trouble are in it however many they are."""

Record = dict[str, Any]


class BySegment(Protocol):
    """The performance of something, by segment."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What rows are split by."""

    def estimated(self) -> tuple[SegmentVerdict, ...]:
        """What scores say of each segment, the worst first."""

    def measured(self) -> tuple[SegmentVerdict, ...]:
        """What labels say of each segment, the worst first."""


def segments_view(segments: BySegment | None, *, trusted: bool) -> Record | None:
    """What scores and labels say of each segment; None where rows are not split.

    ``estimated`` and ``measured`` hold the worst first, ``n_more`` how many are left out of each:
    none of which got worse for sure.

    Args: trusted: whether scores may be believed; what labels contradict is not said.
    """
    if segments is None:
        return None
    estimated, measured = segments.estimated() if trusted else (), segments.measured()
    kinds = [verdict_records(some) for some in (estimated, measured)]
    return {
        "columns": list(segments.columns),
        "trusted": trusted,
        "estimated": kinds[0],
        "measured": kinds[1],
        "n_more": [len(estimated) - len(kinds[0]), len(measured) - len(kinds[1])],
    }


def verdict_records(verdicts: Sequence[SegmentVerdict]) -> list[Record]:
    """Segments as JSON-able records; numbers that are not known are null."""
    n_bad = sum(one.level in (Level.WARNING, Level.CRITICAL) for one in verdicts)
    return [
        {
            "column": one.column,
            "value": one.value,
            "level": one.level.value,
            "n": one.n,
            "windows": one.windows,
            "performance": one.performance,
            "lower": one.interval.lower if one.interval else None,
            "upper": one.interval.upper if one.interval else None,
            "reference": one.reference,
            "reference_of_whole": one.of_whole,
            "drop": one.drop,
            "p_value": one.p_value,
        }
        for one in verdicts[: max(SHOWN, n_bad)]
    ]
