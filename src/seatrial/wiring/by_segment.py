"""What a version was packaged with to be watched by segment, and what of that is asked for."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.monitoring.performance.labels import Ledger
from seatrial.monitoring.performance.segment_judge import SegmentRules
from seatrial.monitoring.performance.segment_reference import read_segments
from seatrial.monitoring.performance.segments import SegmentPerformance
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.summaries.segment_reference import segment_columns
from seatrial.monitoring.summaries.segments import Splits
from seatrial.registry.bundle import Bundle
from seatrial.wiring.counting import profile_of


def segment_columns_of(bundle: Bundle) -> tuple[str, ...]:
    """The columns a version is split by.   Raises: ProfileUnreadable, SummaryUnreadable."""
    profile = profile_of(bundle)
    return () if profile is None else segment_columns(profile)


def performance_by_segment(
    bundle: Bundle,
    ledger: Ledger,
    served: ServedReference,
    rules: SegmentRules,
    *,
    endpoint: str,
    version: int,
) -> Callable[[int, int], SegmentPerformance] | None:
    """Makes what counts a version's performance by segment, of its window's rows and steps.

    Returns: None where the version was packaged without segments or without labelled rows.
    Raises: ProfileUnreadable, SummaryUnreadable, ReferenceUnreadable.
    """
    profile = profile_of(bundle)
    names = () if profile is None else segment_columns(profile)
    if profile is None or not names:
        return None
    splits = Splits(profile, names)
    known = read_segments(bundle.performance(), splits.pairs)
    if known is None:
        return None

    def made(window_rows: int, steps_per_window: int) -> SegmentPerformance:
        return SegmentPerformance(
            ledger,
            splits,
            known,
            served,
            rules,
            endpoint=endpoint,
            version=version,
            window_rows=window_rows,
            steps_per_window=steps_per_window,
        )

    return made
