"""The chart of a version's performance: an estimate in its band, what labels said, the reference.

As SVG; colours come from the page's style sheet by class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 640.0, 180.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 8.0, 8.0, 26.0
_LEAST_SPAN = 0.1
"""Of the axis, as a part of the reference: noise shall not look like a landslide."""

MOST_WINDOWS = 60
"""Windows drawn, the newest."""


def performance_chart(record: Mapping[str, Any], *, label: str) -> Markup:
    """Estimated and real performance over windows; empty without any window.

    Args:
        record: of a version, see `monitoring.performance_view`.
        label: what is drawn, for those who cannot see it.
    """
    points: Sequence[Mapping[str, Any]] = record["series"][-MOST_WINDOWS:]
    if not points:
        return Markup("")
    reference, share = record["reference"]["value"], record["metric"] == "accuracy"
    axis = _Axis(points, reference, share=share)
    parts = [
        axis.grid(),
        *(f'<polygon class="band" points="{run}"/>' for run in axis.bands()),
        *(f'<polyline class="estimate" points="{run}"/>' for run in axis.lines()),
        axis.level(reference),
        axis.times(),
        *axis.measured(),
    ]
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="performance" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


class _Axis:
    """Where things are drawn: windows from left to right, better values of an accuracy on top."""

    def __init__(
        self, points: Sequence[Mapping[str, Any]], reference: float, *, share: bool
    ) -> None:
        self._points, self._share = points, share
        names = ("estimated", "lower", "upper", "real", "real_lower", "real_upper")
        shown = [p[name] for p in points for name in names if p[name] is not None]
        low, high = min([*shown, reference]), max([*shown, reference])
        slack = max(0.05 * (high - low), _LEAST_SPAN * abs(reference) / 2, 1e-9)
        self._low = max(0.0, low - slack)
        self._high = min(1.0, high + slack) if share else high + slack

    def grid(self) -> str:
        """Lines and figures of the axis."""
        ticks = [self._low + (self._high - self._low) * part for part in (0.0, 0.5, 1.0)]
        return "".join(
            f'<line class="grid" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" '
            f'y1="{self._y(tick):.1f}" y2="{self._y(tick):.1f}"/>'
            f'<text x="{_LEFT - 6:g}" y="{self._y(tick) + 4:.1f}" text-anchor="end">'
            f"{self._figure(tick)}</text>"
            for tick in ticks
        )

    def times(self) -> str:
        """When the first window began and the last one ended, in UTC."""
        first, last = self._points[0]["start"], self._points[-1]["end"]
        ends = ((_LEFT, "start", first), (_WIDTH - _RIGHT, "end", last))
        return "".join(
            f'<text x="{x:g}" y="{_HEIGHT - 8:g}" text-anchor="{anchor}">'
            f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}</text>"
            for x, anchor, at in ends
        )

    def level(self, value: float) -> str:
        """The line of the reference."""
        return (
            f'<line class="level" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" '
            f'y1="{self._y(value):.1f}" y2="{self._y(value):.1f}"/>'
        )

    def bands(self) -> list[str]:
        """Outlines of the interval, one for each run of windows that have one."""
        found = []
        for windows in self._runs("lower"):
            run = windows if len(windows) > 1 else windows * 2
            width = 2.0 if run[0] == run[-1] else 0.0
            xs = [self._x(i) for i in run]
            xs[0], xs[-1] = xs[0] - width, xs[-1] + width
            pairs = list(zip(xs, run, strict=True))
            upper = [f"{x:.1f},{self._y(self._points[i]['upper']):.1f}" for x, i in pairs]
            lower = [f"{x:.1f},{self._y(self._points[i]['lower']):.1f}" for x, i in pairs[::-1]]
            found.append(" ".join([*upper, *lower]))
        return found

    def lines(self) -> list[str]:
        """The estimate, one line for each run of windows that have one."""
        return [
            " ".join(
                f"{self._x(i):.1f},{self._y(self._points[i]['estimated']):.1f}"
                for i in (run if len(run) > 1 else run * 2)
            )
            for run in self._runs("estimated")
        ]

    def measured(self) -> list[str]:
        """A point with a bar for each window that has labels."""
        found = []
        for i, point in enumerate(self._points):
            if point["real"] is None:
                continue
            x = self._x(i)
            if point["real_lower"] is not None:
                found.append(
                    f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" '
                    f'y1="{self._y(point["real_lower"]):.1f}" '
                    f'y2="{self._y(point["real_upper"]):.1f}"/>'
                )
            found.append(f'<circle cx="{x:.1f}" cy="{self._y(point["real"]):.1f}" r="3.5"/>')
        return found

    def _runs(self, name: str) -> list[list[int]]:
        runs: list[list[int]] = [[]]
        for i, point in enumerate(self._points):
            if point[name] is None:
                runs.append([])
            else:
                runs[-1].append(i)
        return [run for run in runs if run]

    def _x(self, i: int) -> float:
        room = _WIDTH - _LEFT - _RIGHT
        return _LEFT + room * (i + 0.5) / len(self._points)

    def _y(self, value: float) -> float:
        part = (value - self._low) / (self._high - self._low)
        part = min(1.0, max(0.0, part)) if math.isfinite(part) else 0.0
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - part)

    def _figure(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self._share else f"{value:.3g}"
