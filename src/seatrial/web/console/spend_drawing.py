"""Bars over time: what was spent, and how calls ended. As SVG; colours come from the style sheet.

Places along the axis are percentages, so that letters keep their size on any screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from seatrial.kernel.axis import short, ticks
from seatrial.web.console.legible import visible

_HEIGHT, _ABOVE = 120.0, 16.0
_GAP = 0.18
"""Between bars, as a part of their width."""

Bar = tuple[str, Callable[[Mapping[str, Any]], float]]


def cost_bars(series: Sequence[Mapping[str, Any]], *, label: str) -> Markup:
    """What was spent in each bin, in USD."""
    return bars(series, [("cost", lambda one: float(one["cost_usd"]))], label=label, unit="$")


def call_bars(series: Sequence[Mapping[str, Any]], *, label: str) -> Markup:
    """How calls ended in each bin: answered by a provider, by the cache, failed or refused."""
    parts: list[Bar] = [
        ("answered", lambda one: one["n"] - one["n_failed"]),
        ("cached", lambda one: one["n_hits"]),
        ("failed", lambda one: one["n_failed"] + one["n_refused"]),
    ]
    return bars(series, parts, label=label)


def bars(
    series: Sequence[Mapping[str, Any]], parts: Sequence[Bar], *, label: str, unit: str = ""
) -> Markup:
    """Stacked bars, the oldest first; empty without any bin.

    Args:
        series: bins, each with its time ``at``, ISO 8601.
        parts: a class of the style sheet and a number >= 0 of each bin, the lowest first.
        label: what is drawn, for those who cannot see it.
        unit: stands before numbers.
    """
    if not series:
        return Markup("")
    heights = [[number(one) for _, number in parts] for one in series]
    most = max((sum(some) for some in heights), default=0.0)
    if most <= 0:
        most = 1.0
    drawn = "".join(
        _stack(place, len(series), some, most, parts) for place, some in enumerate(heights)
    )
    titles = "".join(
        f'<rect class="over" x="{_x(place, len(series)):.2f}%" y="0" '
        f'width="{100 / len(series):.2f}%" height="{_ABOVE + _HEIGHT:g}">'
        f"<title>{escape(_title(one, some, unit))}</title></rect>"
        for place, (one, some) in enumerate(zip(series, heights, strict=True))
    )
    return Markup(  # noqa: S704 - numbers, and texts that are escaped
        f'<svg class="bars" height="{_ABOVE + _HEIGHT + 1:g}" role="img" '
        f'aria-label="{escape(visible(label))}">{_lines(most, unit)}{drawn}{titles}</svg>'
    )


def _stack(place: int, n: int, heights: Sequence[float], most: float, parts: Sequence[Bar]) -> str:
    found, below = [], 0.0
    width = 100 / n * (1 - _GAP)
    for (name, _), height in zip(parts, heights, strict=True):
        tall = _HEIGHT * height / most
        if tall > 0:
            tall = max(tall, 1.0)
            y = _ABOVE + _HEIGHT - below - tall
            x = _x(place, n) + 100 / n * _GAP / 2
            found.append(
                f'<rect class="{name}" x="{x:.2f}%" y="{y:.1f}" width="{width:.2f}%" '
                f'height="{tall:.1f}"/>'
            )
            below += tall
    return "".join(found)


def _lines(most: float, unit: str) -> str:
    levels = [level for level in ticks(0.0, most, 3) if level > 0]
    step = levels[0] if levels else None
    found = [f'<line x1="0" x2="100%" y1="{_ABOVE + _HEIGHT:g}" y2="{_ABOVE + _HEIGHT:g}"/>']
    for level in levels:
        y = _ABOVE + _HEIGHT * (1 - level / most)
        found.append(f'<line class="level" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        found.append(f'<text x="0" y="{y - 3:.1f}">{unit}{short(level, step=step)}</text>')
    return f'<g class="axis">{"".join(found)}</g>'


def _title(one: Mapping[str, Any], heights: Sequence[float], unit: str) -> str:
    numbers = " + ".join(f"{unit}{height:.3g}" if unit else f"{height:,}" for height in heights)
    return f"{str(one['at'])[:16].replace('T', ' ')} UTC: {numbers}"


def _x(place: int, n: int) -> float:
    return 100 * place / n
