"""Reliability diagrams as SVG, in the colours of the page they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from seatrial.stats.reliability import Reliability

_SIDE = 260.0
_EDGE = 34.0
_WIDTHS = {"new": 2.2, "baseline": 1.4}
_COLOURS = {"new": "var(--sea)", "baseline": "var(--quiet)"}
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def diagram(curves: Mapping[str, Reliability], names: Mapping[str, str]) -> str:
    """What was stated, to the right, and how often it occurred, upward; right is the diagonal.

    Args:
        curves: by ``new`` and ``baseline``.
        names: of these, and of ``stated`` and ``occurred``, in the reader's language.
    """
    whole = _SIDE + 2 * _EDGE
    axes = "".join(
        f'<text x="{_x(t):g}" y="{_EDGE + _SIDE + 15:g}" text-anchor="middle">{t:g}</text>'
        f'<text x="{_EDGE - 6:g}" y="{_y(t) + 4:g}" text-anchor="end">{t:g}</text>'
        for t in _TICKS
    )
    return (
        f'<svg viewBox="0 0 {whole + 120:g} {whole:g}" role="img" '
        f'aria-label="{escape(names["stated"])} / {escape(names["occurred"])}" '
        'style="max-width:30rem;width:100%;font:11px system-ui,sans-serif;fill:currentColor">'
        f'<rect x="{_EDGE:g}" y="{_EDGE:g}" width="{_SIDE:g}" height="{_SIDE:g}" fill="none" '
        'stroke="var(--line)"/>'
        f'<line x1="{_x(0):g}" y1="{_y(0):g}" x2="{_x(1):g}" y2="{_y(1):g}" stroke="var(--line)" '
        f'stroke-dasharray="4 3"/>{axes}'
        f'<text x="{_x(0.5):g}" y="{whole - 2:g}" text-anchor="middle">'
        f"{escape(names['stated'])}</text>"
        f'<text x="{_EDGE:g}" y="{_EDGE - 12:g}">{escape(names["occurred"])}</text>'
        + "".join(
            _curve(name, curve, names[name], place)
            for place, (name, curve) in enumerate(curves.items())
        )
        + "</svg>"
    )


def _curve(name: str, curve: Reliability, said: str, place: int) -> str:
    colour, width = _COLOURS[name], _WIDTHS[name]
    points = " ".join(f"{_x(b.stated):.1f},{_y(b.occurred):.1f}" for b in curve.bins)
    whiskers = "".join(
        f'<line x1="{_x(b.stated):.1f}" x2="{_x(b.stated):.1f}" '
        f'y1="{_y(b.interval.lower):.1f}" y2="{_y(b.interval.upper):.1f}"/>'
        for b in curve.bins
    )
    left, top = _EDGE + _SIDE + 14, _EDGE + 14 + 18 * place
    return (
        f'<g stroke="{colour}" stroke-width="{width}" fill="none"><g opacity=".45">{whiskers}</g>'
        f'<polyline points="{points}"/><line x1="{left:g}" x2="{left + 18:g}" y1="{top:g}" '
        f'y2="{top:g}"/></g><text x="{left + 24:g}" y="{top + 4:g}">{escape(said)}</text>'
    )


def _x(value: float) -> float:
    return _EDGE + value * _SIDE


def _y(value: float) -> float:
    return _EDGE + (1 - value) * _SIDE
