"""The curve of a metric over the steps of a run, as SVG; colours come from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup, escape

from seatrial.kernel.axis import short, ticks
from seatrial.web.console.legible import visible

_WIDTH, _HEIGHT = 420.0, 160.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 8.0, 24.0

Rows = Sequence[Sequence[float | None]]
"""Steps with their values, in order; None for a value that is not finite."""


def curve(rows: Rows, *, label: str, apart: bool = False) -> Markup:
    """Values over steps; a value that is not finite leaves a gap, and is marked below.

    Args:
        label: what is drawn, for those who cannot see it.
        apart: draw points without a line, since no step follows from the one before.
    """
    finite = [value for _, value in rows if value is not None]
    if not rows:
        return Markup("")
    steps = [float(step or 0) for step, _ in rows]
    axis = _Axis(min(steps), max(steps), *_range(finite))
    parts = [
        axis.levels(),
        axis.ends(),
        *(axis.points(rows) if apart else axis.lines(rows)),
        *axis.gaps(rows),
    ]
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="curve" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(visible(label))}">{"".join(parts)}</svg>'
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        reach = abs(low) / 10 or 0.5
        return low - reach, high + reach
    return low, high


def _point(place: str) -> str:
    x, _, y = place.partition(",")
    return f'<circle cx="{x}" cy="{y}" r="3"/>'


class _Axis:
    """Where things are drawn."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self._first, self._last, self._low, self._high = first, last, low, high

    def levels(self) -> str:
        """Lines and figures of the values."""
        marks = ticks(self._low, self._high, 4) or [self._low, self._high]
        step = marks[1] - marks[0] if len(marks) > 1 else None
        return "".join(
            f'<line class="grid" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" '
            f'y1="{self._y(mark):.1f}" y2="{self._y(mark):.1f}"/>'
            f'<text x="{_LEFT - 6:g}" y="{self._y(mark) + 4:.1f}" text-anchor="end">'
            f"{escape(short(mark, step=step))}</text>"
            for mark in marks
        )

    def ends(self) -> str:
        """The first step and the last."""
        ends = ((_LEFT, "start", self._first), (_WIDTH - _RIGHT, "end", self._last))
        return "".join(
            f'<text x="{x:g}" y="{_HEIGHT - 6:g}" text-anchor="{anchor}">{step:,.0f}</text>'
            for x, anchor, step in (ends if self._last > self._first else ends[:1])
        )

    def lines(self, rows: Rows) -> list[str]:
        """One line for each stretch of values, and a point where one stands alone."""
        found = []
        for is_finite, stretch in groupby(rows, key=lambda row: row[1] is not None):
            if not is_finite:
                continue
            places = [f"{self._x(s or 0):.1f},{self._y(v or 0):.1f}" for s, v in stretch]
            found.append(
                f'<polyline points="{" ".join(places)}"/>' if len(places) > 1 else _point(places[0])
            )
        return found

    def points(self, rows: Rows) -> list[str]:
        """One point for each value."""
        return [_point(f"{self._x(s or 0):.1f},{self._y(v):.1f}") for s, v in rows if v is not None]

    def gaps(self, rows: Rows) -> list[str]:
        """A mark at each step whose value is not finite."""
        y = _HEIGHT - _BOTTOM
        return [
            f'<path class="odd" d="M{self._x(s or 0) - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'
            for s, v in rows
            if v is None
        ]

    def _x(self, step: float) -> float:
        span = self._last - self._first
        part = (step - self._first) / span if span > 0 else 0.5
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * part

    def _y(self, value: float) -> float:
        # Halves, so that the difference of two huge values of other signs stays finite.
        part = (value / 2 - self._low / 2) / (self._high / 2 - self._low / 2)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(1.0, max(0.0, part)))
