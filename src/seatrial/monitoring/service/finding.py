"""What the watch over a service found: a level, a reason for a person, and the evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from seatrial.kernel.duration import show_duration
from seatrial.stats.counts import Interval
from seatrial.stats.trend import Crossing


class Level(StrEnum):
    """How a quantity stands."""

    OK = "ok"
    INCONCLUSIVE = "inconclusive"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFinding:
    """How one quantity of a service stands, and why.

    Args:
        signal: what was looked at, such as ``p95``, ``error_rate`` or ``memory``.
        level: what the evidence says.
        code: why, for machines, such as ``service.over_level``.
        reason: why, in one English sentence.
        unit: of value, interval and limit: ``ms``, ``share``, ``per_s``, ``burn``; empty for none.
        value: the estimate; None when nothing was measured.
        interval: where the truth lies; None when that is not known or there is no doubt.
        limit: the level the value is held against: the one it broke, else the next one above.
        n: requests the value comes from; None where it comes from none.
        crossing: when the limit is crossed if it goes on like this; None when it is not.
        labels: what tells this finding from others of its signal, such as ``kind``.
        evidence: further numbers, JSON-able.
    """

    signal: str
    level: Level
    code: str
    reason: str
    unit: str = ""
    value: float | None = None
    interval: Interval | None = None
    limit: float | None = None
    n: int | None = None
    crossing: Crossing | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record; infinite bounds are null."""
        crossing = self.crossing
        return {
            "signal": self.signal,
            "level": self.level.value,
            "code": self.code,
            "reason": self.reason,
            "unit": self.unit,
            "value": self.value,
            "interval": _bounds(self.interval),
            "limit": self.limit,
            "n": self.n,
            "crosses_in_s": crossing.in_s if crossing else None,
            "crosses_interval_s": _bounds(crossing.interval) if crossing else None,
            "labels": dict(self.labels),
            "evidence": dict(self.evidence),
        }


def forecast(crossing: Crossing, limit: str) -> str:
    """A crossing in words: ``crosses 200 ms in about 40 min (30 min to 1 h 5 min)``."""
    early, late = crossing.interval.lower, crossing.interval.upper
    latest = show_duration(late) if math.isfinite(late) else "never"
    span = f"{show_duration(early)} to {latest}"
    return f"crosses {limit} in about {_rough(crossing.in_s)} ({span})"


def _rough(seconds: float) -> str:
    """A forecast deserves no seconds, and beyond ten minutes only every fifth minute."""
    if seconds < 60:
        return "a minute"
    step = 60 if seconds < 600 else 300
    return show_duration(round(seconds / step) * step)


def _bounds(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    ends = {"lower": interval.lower, "upper": interval.upper}
    return {side: end if math.isfinite(end) else None for side, end in ends.items()}
