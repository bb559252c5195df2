"""Figures as reports on retrieval show them, and as their records keep them."""

from __future__ import annotations

import math

from seatrial.stats.counts import Interval


def share(value: float) -> str:
    """A share in percent: one decimal below 10 %."""
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def size(n_bytes: int) -> str:
    """Bytes in the largest unit that leaves 1 or more."""
    value, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if unit != "B" else f"{n_bytes} B"


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
