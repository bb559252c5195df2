"""What the segments of a window mean for people: one finding that names the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase, storable
from seatrial.monitoring.drift.flaw import Finding as DataFinding
from seatrial.monitoring.drift.segments import SegmentDrift
from seatrial.monitoring.drift.severity import Severity, worst
from seatrial.monitoring.drift.verdict import ColumnDrift
from seatrial.monitoring.watching.sayings import said_as

_NAMED = 3
_LONGEST = 60
_LEVELS = {Severity.WARNING: Level.WARNING, Severity.CRITICAL: Level.CRITICAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTrouble:
    """A segment in trouble.

    Args:
        segment: all that is known of it.
        moved: columns that surely did, the heaviest first.
        quality: what is wrong with the values, the worst first.
    """

    segment: SegmentDrift
    moved: tuple[ColumnDrift, ...]
    quality: tuple[DataFinding, ...]

    @property
    def severity(self) -> Severity:
        """The worst of both."""
        moved = [one.severity for one in self.moved]
        return worst([*moved, *(one.severity for one in self.quality)])

    @property
    def features(self) -> tuple[str, ...]:
        """The columns concerned."""
        return (*(one.name for one in self.moved), *(one.column for one in self.quality))

    def said(self, language: str) -> str:
        """The worst of it in a few words, in ``en`` or ``zh``."""
        colon = "：" if language == "zh" else ": "
        parts = [(one.name, one.reason.rstrip(".")) for one in self.moved]
        parts += [(one.column, one.value) for one in self.quality]
        (column, what), more = parts[0], len(dict(parts)) - 1
        named = f"{_short(self.segment.name)}{colon}{_short(column)} {said_as(what, language)}"
        if more and language == "zh":
            return f"{named}，另有 {more} 列"
        return f"{named} and {more} more columns" if more else named


def troubles(
    segments: Sequence[SegmentDrift], *, budget_windows: float
) -> tuple[SegmentTrouble, ...]:
    """The segments that surely moved or whose data are wanting, the worst first.

    A column counts as moved when its evidence, adjusted over all columns of all segments, comes by
    chance at most once in so many windows; what the report shows at a lower bar is none.

    Args:
        segments: as `compare_segments` gives them, the worst first.
        budget_windows: windows per false alarm, >= 1.
    """
    found = [
        SegmentTrouble(segment=one, moved=one.surely_moved(1 / budget_windows), quality=one.quality)
        for one in segments
    ]
    bad = [one for one in found if one.severity is not Severity.NONE]
    return tuple(sorted(bad, key=lambda one: -tuple(Severity).index(one.severity)))


def segment_finding(
    segments: Sequence[SegmentDrift],
    *,
    endpoint: str,
    version: int | None,
    budget_windows: float,
    since: datetime,
) -> Finding:
    """What to tell of a window's segments: which moved, and in which the data are wanting.

    Args:
        segments, budget_windows: as of `troubles`.
        since: begin of the window.
    """
    labels = Labels(endpoint=endpoint, kind=Kind.SEGMENT_DRIFT.value, version=version)
    if not any(one.drift.features or one.drift.predictions for one in segments):
        nothing = Phrase("No segment has rows enough to be compared.", "没有行数足以比较的分组。")
        return Finding(labels=labels, level=Level.UNKNOWN, what=nothing)
    bad = troubles(segments, budget_windows=budget_windows)
    if not bad:
        return Finding(labels=labels, level=Level.CLEAR)
    return Finding(
        labels=labels,
        level=_LEVELS[worst(one.severity for one in bad)],
        what=_what(bad, len(segments)),
        sure=_sure(bad, budget_windows),
        since=since,
        features=tuple(dict.fromkeys(name for one in bad for name in one.features)),
        segments=tuple(one.segment.name for one in bad),
        evidence={
            "segments": [
                {
                    "segment": one.segment.name,
                    "rows": one.segment.drift.n,
                    "reference_rows": one.segment.n_reference,
                    "psi": {column.name: column.effect for column in one.moved},
                    "quality": {q.column: q.value for q in one.quality},
                }
                for one in bad[:10]
            ],
            "budget_windows": budget_windows,
        },
    )


def _what(bad: Sequence[SegmentTrouble], n: int) -> Phrase:
    more = len(bad) - _NAMED
    en = "; ".join(one.said("en") for one in bad[:_NAMED])
    zh = "；".join(one.said("zh") for one in bad[:_NAMED])
    return Phrase(
        f"{len(bad)} of {n} segments: {en}{f'; and {more} more' if more > 0 else ''}.",
        f"{n} 个分组中有 {len(bad)} 个异常：{zh}{f'；另有 {more} 个' if more > 0 else ''}。",
    )


def _sure(bad: Sequence[SegmentTrouble], budget: float) -> Phrase:
    if any(one.moved for one in bad):
        return Phrase(
            f"Such evidence comes by chance at most once in {budget:,.0f} windows, over all "
            "columns of all segments together.",
            f"就所有分组的所有列合计，这样的证据偶然出现的频率不超过每 {budget:,.0f} 个窗口一次。",
        )
    return Phrase(
        "Counted, with the chance of each check by itself, over all segments, under one in ten "
        "thousand.",
        "逐行统计得出；就所有分组合计，每一项检查偶然出现的概率低于万分之一。",
    )


def _short(name: str) -> str:
    return storable(name, _LONGEST)
