"""The performance of segments as plain JSON, for pages and machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from seatrial.monitoring.performance.segment_judge import SegmentVerdict

SHOWN = 50
"""Segments of a record, the worst first."""

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

    ``estimated`` and ``measured`` hold the worst first, ``n_more`` how many are left out of each.

    Args: trusted: whether scores may be believed; what labels contradict is not said.
    """
    if segments is None:
        return None
    estimated, measured = segments.estimated() if trusted else (), segments.measured()
    return {
        "columns": list(segments.columns),
        "trusted": trusted,
        "estimated": verdict_records(estimated),
        "measured": verdict_records(measured),
        "n_more": [max(0, len(some) - SHOWN) for some in (estimated, measured)],
    }


def verdict_records(verdicts: Sequence[SegmentVerdict]) -> list[Record]:
    """Segments as JSON-able records; numbers that are not known are null."""
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
        for one in verdicts[:SHOWN]
    ]
