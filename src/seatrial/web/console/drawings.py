"""Small pictures of what the watch found, as SVG: lines over time, two histograms on one axis.

Colours come from the page's style sheet by class, so pictures follow the reader's light or dark.
Places along the axis are percentages, so that a picture fills its box while its letters keep their
size; no style is written into a page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from seatrial.kernel.axis import short, ticks
from seatrial.web.console.legible import visible

_WIDTH, _HEIGHT = 120.0, 28.0
_TALL, _BELOW = 120.0, 22.0
_MOST_POINTS = 60
_TAIL = 0.25
"""How far beyond the second and the last but one edge an axis goes, as a part of what is between,
or by the widest bin there: the outermost bins reach to the extremes, and one of those would leave
the rest no room."""


def sparkline(values: Sequence[float | None], *, limits: Sequence[float] = ()) -> Markup:
    """A line over time, of the newest values; gaps where a value is not known.

    Args:
        values: the oldest first.
        limits: levels drawn across, the lowest first; the first one is always in the picture.
    """
    values = [one if one is None or math.isfinite(one) else None for one in values[-_MOST_POINTS:]]
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    top = max([*known, *limits[:1]]) * 1.1 or 1.0
    step = _WIDTH / max(1, len(values) - 1)

    def y(value: float) -> float:
        return _HEIGHT - 1.5 - (_HEIGHT - 3) * min(1.0, max(0.0, value / top))

    runs: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{i * step:.1f},{y(value):.1f}")
    lines = "".join(
        f'<polyline points="{" ".join(run if len(run) > 1 else [*run, *run])}"/>'
        for run in runs
        if run
    )
    levels = "".join(
        f'<line class="level" x1="0" x2="{_WIDTH:g}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
        for limit in limits
        if limit <= top
    )
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="spark" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" '
        f'aria-hidden="true">{levels}{lines}</svg>'
    )


def overlay(histogram: Mapping[str, Any], *, label: str) -> Markup:
    """The reference's histogram of numbers and the window's, one over the other, with an axis.

    Heights are densities: a bar's area is its share, however wide its bin.

    Args:
        histogram: of a report's record, with two edges or more.
        label: what is drawn, for those who cannot see it.
    """
    edges = histogram["edges"]
    low, high = shown_range(edges)
    reference, current = _densities(edges, histogram["reference"], histogram["current"])
    most = _most(reference, current)
    places = [_place(edge, low, high) for edge in edges]
    spans = [(a, max(b - a, 0.15)) for a, b in pairwise(places)]
    before = "".join(_bar(span, d / most) for span, d in zip(spans, reference, strict=True))
    now = "".join(_bar(span, d / most) for span, d in zip(spans, current, strict=True))
    tops = "".join(_top(span, d / most) for span, d in zip(spans, current, strict=True))
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="overlay" height="{_TALL + _BELOW:g}" role="img" '
        f'aria-label="{escape(visible(label))}"><g class="reference">{before}</g>'
        f'<g class="current">{now}</g><g class="tops">{tops}</g>{_axis(low, high)}</svg>'
    )


def twin_bars(reference: float, current: float, most: float) -> Markup:
    """Two shares of one name, one bar above the other.

    Args: shares in [0, 1]; ``most``, > 0, fills the width.
    """
    widths = [100 * min(1.0, max(0.0, share / most)) for share in (reference, current)]
    return Markup(  # noqa: S704 - numbers only
        '<svg class="twin" height="16" aria-hidden="true">'
        f'<g class="reference"><rect x="0" y="1" width="{widths[0]:.1f}%" height="6"/></g>'
        f'<g class="current"><rect x="0" y="8" width="{widths[1]:.1f}%" height="6"/></g></svg>'
    )


def shown_range(edges: Sequence[float]) -> tuple[float, float]:
    """The part of the axis that is drawn: the outermost bins are cut where they are long.

    Args: at least two edges, ascending.
    """
    low, high = edges[0], edges[-1]
    if len(edges) >= 4 and edges[-2] > edges[1]:
        widest = max(b - a for a, b in pairwise(edges[1:-1]))
        tail = max(_TAIL * (edges[-2] - edges[1]), widest)
        low, high = max(low, edges[1] - tail), min(high, edges[-2] + tail)
    if not high > low:  # one value: it stands in the middle of a range of its size
        reach = abs(low) / 2 or 0.5
        low, high = low - reach, high + reach
    return low, high


def is_cut(edges: Sequence[float]) -> bool:
    """Whether the picture's outermost bins hold what lies beyond its ends."""
    low, high = shown_range(edges)
    return low > edges[0] or high < edges[-1]


def _densities(edges: Sequence[float], *sides: Sequence[float]) -> tuple[list[float], list[float]]:
    """Share over width, of each side; bins cut at the picture's end hold all of their share."""
    low, high = shown_range(edges)
    places = [_place(edge, low, high) for edge in edges]
    # A bin without width, between equal values, is drawn as a line: as wide as one.
    widths = [max(b - a, 0.5) for a, b in pairwise(places)]
    reference, current = (
        [share / width for share, width in zip(side, widths, strict=True)] for side in sides
    )
    return reference, current


def _most(reference: Sequence[float], current: Sequence[float]) -> float:
    """The height of the picture: bins without width are cut, or they leave the rest no height."""
    ordered = sorted(reference)
    typical = ordered[len(ordered) * 9 // 10] or max(ordered)
    highest = max(*reference, *current, 1e-12)
    return min(highest, 4 * typical) if typical else highest


def _place(value: float, low: float, high: float) -> float:
    """Where a value stands, in % of the width."""
    return 100 * min(1.0, max(0.0, (value - low) / (high - low)))


def _bar(span: tuple[float, float], height: float) -> str:
    """A bar over its place and width in %; ``height`` in [0, 1] of the picture, or cut."""
    x, width = span
    tall = _TALL * min(1.0, max(0.0, height))
    if tall < 0.05:
        return ""
    return f'<rect x="{x:.2f}%" y="{_TALL - tall:.1f}" width="{width:.2f}%" height="{tall:.1f}"/>'


def _top(span: tuple[float, float], height: float) -> str:
    x, width = span
    y = _TALL - _TALL * min(1.0, max(0.0, height))
    return f'<line x1="{x:.2f}%" x2="{x + width:.2f}%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _axis(low: float, high: float) -> str:
    marks = ticks(low, high)
    step = marks[1] - marks[0] if len(marks) > 1 else None
    drawn = [f'<line x1="0" x2="100%" y1="{_TALL:g}" y2="{_TALL:g}"/>']
    for mark in marks:
        x = _place(mark, low, high)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        drawn.append(f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="{_TALL:g}" y2="{_TALL + 4:g}"/>')
        drawn.append(
            f'<text x="{x:.2f}%" y="{_TALL + 17:g}" text-anchor="{anchor}">'
            f"{short(mark, step=step)}</text>"
        )
    return f'<g class="axis">{"".join(drawn)}</g>'
