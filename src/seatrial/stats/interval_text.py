"""Intervals as people read them, and as JSON has them."""

from __future__ import annotations

import math

from seatrial.stats.counts import Interval


def span(interval: Interval) -> str:
    """Both ends, open where too few values say nothing of them."""
    return f"{_end(interval.lower)} … {_end(interval.upper)}"


def span_or_dash(interval: Interval) -> str:
    """The same in a table: a dash where both ends are open."""
    known = math.isfinite(interval.lower) or math.isfinite(interval.upper)
    return span(interval) if known else "–"


def bounds(interval: Interval) -> list[float | None]:
    """Both ends as JSON has numbers: None for an open one."""
    return [end if math.isfinite(end) else None for end in (interval.lower, interval.upper)]


def _end(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ("−∞" if value < 0 else "∞")
