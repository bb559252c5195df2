"""What segments are held against: of a version as it was packaged, of a log as its file asks."""

from __future__ import annotations

from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_judge import SegmentRules
from seatrial.monitoring.performance.segment_reference import read_segments
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.summaries.segment_reference import segment_columns
from seatrial.monitoring.summaries.segments import Splits
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.registry.bundle import Bundle
from seatrial.wiring.watching.counting import profile_of
from seatrial.wiring.watching.log_reference import Known


def segment_columns_of(bundle: Bundle) -> tuple[str, ...]:
    """The columns a version is split by.   Raises: ProfileUnreadable, SummaryUnreadable."""
    profile = profile_of(bundle)
    return () if profile is None else segment_columns(profile)


def version_baseline(
    bundle: Bundle, served: ServedReference, rules: SegmentRules
) -> SegmentBaseline | None:
    """What the segments of a version are held against.

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
    return SegmentBaseline(splits=splits, known=known, served=served, rules=rules)


def log_baseline(file: MonitoringFile, known: Known) -> SegmentBaseline | None:
    """What the segments of a log are held against.

    Returns: None where rows are not split, or nothing is known of the performance by segment.
    """
    if known.performance is None or known.by_segment is None:
        return None
    return SegmentBaseline(
        splits=Splits(known.profile, file.split_by),
        known=known.by_segment,
        served=known.performance,
        rules=SegmentRules(
            performance=file.performance.rules(), budget_windows=file.drift.budget_windows
        ),
    )
