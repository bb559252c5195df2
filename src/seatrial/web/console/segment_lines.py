"""Segments as the page shows them: what scores and labels say of each in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.monitoring.summaries.segments import MISSING, NEW, OTHER, segment_name

SHOWN = 8
"""Segments shown at once; those in trouble are shown however many there are, up to `_MOST`."""

_MOST = 30
_LEVELS = ("critical", "warning", "clear", "unknown")
_WORDS = {OTHER: "segments.other", MISSING: "segments.missing", NEW: "segments.new"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLine:
    """One segment.

    Args:
        column, value: which rows.
        level: the worse of both.
        estimated, measured: see `performance.segment_view`; None where there is none.
    """

    column: str
    value: str
    level: str
    estimated: Mapping[str, Any] | None
    measured: Mapping[str, Any] | None

    @property
    def leading(self) -> Mapping[str, Any]:
        """What the reference and the drop are taken from: labels, where they say something."""
        known = self.measured if self.measured and self.measured["drop"] is not None else None
        found = known or self.estimated or self.measured
        assert found is not None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLines:
    """Segments, the worst first: those to show, the ``rest`` to fold away, and how many are in no
    record.
    """

    first: Sequence[SegmentLine]
    rest: Sequence[SegmentLine]
    n_more: int

    @property
    def level(self) -> str:
        """The worst of them; unknown without any."""
        return self.first[0].level if self.first else "unknown"


def segment_lines(segments: Mapping[str, Any]) -> SegmentLines:
    """The segments of a version's performance, those in trouble first, the worst leading.

    Args: segments: as `performance.segment_view.segments_view` gives them.
    """
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for kind in ("measured", "estimated"):
        for one in segments[kind]:
            found.setdefault((one["column"], one["value"]), {})[kind] = one
    lines = [_line(*key, parts) for key, parts in found.items()]
    lines.sort(key=lambda line: (_LEVELS.index(line.level), -(line.leading["drop"] or 0.0)))
    n_bad = sum(line.level in ("critical", "warning") for line in lines)
    n = min(max(SHOWN, n_bad), _MOST)
    n = len(lines) if len(lines) <= n + 3 else n  # a fold of three hides more than it saves
    more = zip(("estimated", "measured"), segments["n_more"], strict=True)
    n_all = max(len(segments[kind]) + n_left for kind, n_left in more)
    return SegmentLines(first=lines[:n], rest=lines[n:], n_more=max(0, n_all - len(lines)))


def segment_value(value: str, w: Mapping[str, str]) -> str:
    """A segment's value; those that stand for the rest in words."""
    return w[_WORDS[value]] if value in _WORDS else value


def equals(value: str) -> str:
    """What stands between a column and a segment's value."""
    return " " if segment_name("", value).startswith(" ") else " = "


def _line(column: str, value: str, parts: Mapping[str, Mapping[str, Any]]) -> SegmentLine:
    level = min((one["level"] for one in parts.values()), key=_LEVELS.index)
    return SegmentLine(
        column=column,
        value=value,
        level=level,
        estimated=parts.get("estimated"),
        measured=parts.get("measured"),
    )


def segment_versions(watch: Mapping[str, Any]) -> list[str]:
    """The versions of which something is known by segment, the newest first.

    Args: watch: as `WatchDesk.view` gives it.
    """
    found = {v for v, one in watch["performance"].items() if one.get("segments")}
    return sorted({*found, *watch["segments"]}, key=int, reverse=True)
