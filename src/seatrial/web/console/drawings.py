"""Small pictures of what the watch found, as SVG: lines over time, two histograms on one axis.

Colours come from the page's style sheet by class, so pictures follow the reader's light or dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 120.0, 28.0
_WIDE, _TALL = 320.0, 96.0
_TAIL = 0.25
"""How far beyond the second and the last but one edge an axis goes, as a part of what is between:
the outermost bins reach to the extremes, and one of those would leave the rest no room."""


def sparkline(values: Sequence[float | None], *, limits: Sequence[float] = ()) -> Markup:
    """A line over time; gaps where a value is not known.

    Args:
        values: the oldest first.
        limits: levels drawn across, the lowest first.
    """
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
    """The reference's histogram and the window's, one over the other.

    Args:
        histogram: of a report's record, with ``edges`` or ``names``.
        label: what is drawn, for those who cannot see it.
    """
    reference, current = histogram["reference"], histogram["current"]
    bars = (
        _bars_of_numbers(histogram["edges"], reference, current)
        if histogram["edges"]
        else _bars_of_names(reference, current)
    )
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="overlay" viewBox="0 0 {_WIDE:g} {_TALL:g}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}">{bars}</svg>'
    )


def shown_range(edges: Sequence[float]) -> tuple[float, float]:
    """The part of the axis that is drawn: the outermost bins are cut where they are long.

    Args: at least two edges, ascending.
    """
    low, high = edges[0], edges[-1]
    if len(edges) < 4:
        return low, high
    tail = _TAIL * (edges[-2] - edges[1])
    return max(low, edges[1] - tail), min(high, edges[-2] + tail)


def _bars_of_numbers(
    edges: Sequence[float], reference: Sequence[float], current: Sequence[float]
) -> str:
    low, high = shown_range(edges)
    width = high - low
    if width <= 0:
        return _bars_of_names([sum(reference)], [sum(current)])
    places = [min(1.0, max(0.0, (edge - low) / width)) for edge in edges]
    widths = [max(b - a, 1e-6) for a, b in pairwise(places)]
    tallest = max(
        share / w
        for shares in (reference, current)
        for share, w in zip(shares, widths, strict=True)
    )
    # Bins without width, between equal values, would be infinitely tall.
    most = min(tallest, 4 * _typical([s / w for s, w in zip(reference, widths, strict=True)]))
    return "".join(
        _bar(name, place * _WIDE, w * _WIDE, share / w / most)
        for name, shares in (("reference", reference), ("current", current))
        for place, w, share in zip(places, widths, shares, strict=False)
        if share > 0 and most > 0
    )


def _typical(heights: Sequence[float]) -> float:
    ordered = sorted(heights)
    return ordered[len(ordered) * 9 // 10] or max(ordered) or 1.0


def _bars_of_names(reference: Sequence[float], current: Sequence[float]) -> str:
    most = max([*reference, *current, 1e-12])
    slot = _WIDE / len(reference)
    return "".join(
        _bar(name, i * slot + offset * slot, 0.4 * slot, shares[i] / most)
        for name, shares, offset in (("reference", reference, 0.08), ("current", current, 0.5))
        for i in range(len(reference))
    )


def _bar(name: str, x: float, width: float, height: float) -> str:
    tall = _TALL * min(1.0, max(0.0, height))
    return (
        f'<rect class="{name}" x="{x:.2f}" y="{_TALL - tall:.2f}" width="{max(width, 0.4):.2f}" '
        f'height="{tall:.2f}"/>'
    )
