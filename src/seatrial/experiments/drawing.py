"""Pictures of effects, as SVG: bars on one scale, and an interval over time.

Places across are percentages, so that a picture fills its box while its letters keep their size.
Colours come from the page's style by class and follow the reader's light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from seatrial.experiments.verdicts import Point
from seatrial.kernel.axis import short, ticks
from seatrial.stats.counts import Interval

STYLE = """
.forest td { vertical-align: middle; } .forest td.name { min-width: 7rem; }
.forest td.bar { min-width: 13rem; width: 45%; padding: 0 .6rem; }
svg { display: block; width: 100%; overflow: hidden; }
svg .zero { stroke: currentColor; stroke-opacity: .55; }
svg .mark { stroke: var(--quiet); stroke-dasharray: 3 3; }
svg .grid { stroke: var(--line); }
svg text { fill: var(--quiet); font: 12px system-ui, "Noto Sans SC", sans-serif; }
svg .good { color: var(--ok); } svg .bad { color: var(--bad); } svg .open { color: var(--sea); }
svg .reach { stroke: currentColor; stroke-width: 6; stroke-opacity: .45; }
svg .best { fill: currentColor; }
svg .band { fill: var(--sea); fill-opacity: .2; }
svg .line { fill: none; stroke: var(--sea); stroke-width: 2; vector-effect: non-scaling-stroke; }
figure { margin: 0 0 1rem; } figcaption { color: var(--quiet); }
"""

_ROW, _AXIS = 26, 22
_TALL, _BELOW = 200, 24
_LEAST = 0.001
_WIDEST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A change on an axis.

    Args:
        value: best estimate; None where there is none.
        interval: where it lies; ends may be infinite.
        marks: places that matter, such as a margin.
        tone: ``good``, ``bad`` or ``open``.
    """

    value: float | None
    interval: Interval
    marks: tuple[float, ...] = ()
    tone: str = "open"


def limit(bars: Sequence[Bar]) -> float:
    """How far the common axis of bars goes to either side, > 0."""
    ends = [
        abs(place)
        for bar in bars
        for place in (bar.interval.lower, bar.interval.upper, bar.value, *bar.marks)
        if place is not None and math.isfinite(place)
    ]
    return min(_WIDEST, max(_LEAST, *ends, 0.0) * 1.08) if ends else _LEAST


def bar_row(bar: Bar, most: float, *, label: str) -> str:
    """A row of a forest plot.   Args: end of the axis; what it says, for who cannot see it."""
    parts = [f'<line class="zero" x1="50%" x2="50%" y1="0" y2="{_ROW}"/>']
    parts += [
        f'<line class="mark" x1="{_x(mark, most)}" x2="{_x(mark, most)}" y1="0" y2="{_ROW}"/>'
        for mark in bar.marks
        if abs(mark) <= most
    ]
    middle = _ROW / 2
    low, high = _x(bar.interval.lower, most), _x(bar.interval.upper, most)
    reach = f'<line class="reach" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>'
    best = ""
    if bar.value is not None:
        best = f'<circle class="best" cx="{_x(bar.value, most)}" cy="{middle}" r="4"/>'
    return (
        f'<svg height="{_ROW}" role="img" aria-label="{escape(label)}">{"".join(parts)}'
        f'<g class="{escape(bar.tone)}">{reach}{best}</g></svg>'
    )


def bar_axis(most: float) -> str:
    """The axis below the rows: relative changes in percent."""
    marks = ticks(-100 * most, 100 * most, 5)
    step = marks[1] - marks[0] if len(marks) > 1 else None
    drawn = "".join(
        f'<text x="{_x(mark / 100, most)}" y="14" text-anchor="{_anchor(mark / 100, most)}">'
        f"{_plus(mark)}{short(mark, step=step)} %</text>"
        for mark in marks
    )
    return f'<svg height="{_AXIS}" aria-hidden="true">{drawn}</svg>'


def over_time(points: Sequence[Point], *, scale: float, mark: float | None, label: str) -> str:
    """An estimate and its interval, day by day; empty with fewer than two points.

    Args:
        scale: what values are multiplied with to be shown, 100 for points of a share.
        mark: a change that matters, drawn across, or None.
    """
    if len(points) < 2:
        return ""
    low, high = _heights(points, mark)
    start, end = points[0].at.timestamp(), points[-1].at.timestamp()

    def x(point: Point) -> float:
        return 1000 * (point.at.timestamp() - start) / (end - start)

    def y(value: float) -> float:
        return _TALL * (high - min(high, max(low, value))) / (high - low)

    upper = [f"{x(p):.1f},{y(p.interval.upper):.1f}" for p in points]
    lower = [f"{x(p):.1f},{y(p.interval.lower):.1f}" for p in reversed(points)]
    middle = [f"{x(p):.1f},{y(p.difference):.1f}" for p in points if p.difference is not None]
    return (
        f'<svg height="{_TALL + _BELOW}" role="img" aria-label="{escape(label)}">'
        f"{_levels(low, high, scale, y)}"
        + ("" if mark is None else _across(y(mark), "mark"))
        + f'<svg width="100%" height="{_TALL}" viewBox="0 0 1000 {_TALL}" '
        'preserveAspectRatio="none">'
        f'<polygon class="band" points="{" ".join(upper + lower)}"/>'
        f'<polyline class="line" points="{" ".join(middle)}"/></svg>'
        f'<text x="0" y="{_TALL + 16}">{_day(points[0])}</text>'
        f'<text x="100%" y="{_TALL + 16}" text-anchor="end">{_day(points[-1])}</text></svg>'
    )


def _heights(points: Sequence[Point], mark: float | None) -> tuple[float, float]:
    """What of the first, wide intervals is cut: as much as leaves the later ones room."""
    late = points[len(points) // 4 :]
    ends = [0.0, *([] if mark is None else [mark])]
    for point in late:
        bounds = (point.interval.lower, point.interval.upper, point.difference)
        ends += [end for end in bounds if end is not None and math.isfinite(end)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _levels(low: float, high: float, scale: float, y: Callable[[float], float]) -> str:
    marks = ticks(scale * low, scale * high, 5)
    step = marks[1] - marks[0] if len(marks) > 1 else None
    drawn = []
    for mark in marks:
        height = y(mark / scale)
        zero = abs(mark) < 1e-9 * max(map(abs, marks))
        text = "0" if zero else f"{_plus(mark)}{short(mark, step=step)}"
        drawn.append(_across(height, "zero" if zero else "grid"))
        drawn.append(f'<text x="2" y="{max(11.0, height - 3):.1f}">{text}</text>')
    return "".join(drawn)


def _across(height: float, kind: str) -> str:
    return f'<line class="{kind}" x1="0" x2="100%" y1="{height:.1f}" y2="{height:.1f}"/>'


def _x(value: float, most: float) -> str:
    return f"{50 + 50 * min(1.0, max(-1.0, value / most)):.2f}%"


def _anchor(value: float, most: float) -> str:
    place = value / most
    return "start" if place < -0.8 else "end" if place > 0.8 else "middle"


def _plus(value: float) -> str:
    return "+" if value > 0 else ""


def _day(point: Point) -> str:
    return f"{point.at:%Y-%m-%d}"
