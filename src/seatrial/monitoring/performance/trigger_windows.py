"""The performance of a window as triggers take it: by labels, or by an estimate that counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from seatrial.monitoring.performance.verdict import Estimated, Measured, Trust
from seatrial.monitoring.triggers.rule import Evidence, Window
from seatrial.monitoring.triggers.rule import Measured as Metric
from seatrial.stats.counts import Interval

_EVIDENCE: Mapping[Trust, Evidence | None] = {
    Trust.CONFIRMED: Evidence.CONFIRMED,
    Trust.UNVERIFIED: Evidence.UNVERIFIED,
    Trust.CONTRADICTED: None,
}
"""What an estimate is worth to triggers; None for nothing."""


def estimated_window(found: Estimated, version: int, *, index: int, end: datetime) -> Window | None:
    """A window by its estimate; None where there is none, or labels contradict it.

    Args: index of the window, and ``end`` of it.
    """
    evidence = _EVIDENCE[found.trust.trust]
    if found.value is None or evidence is None:
        return None
    metric = _figure(found.value, found.interval, evidence)
    if metric is None:
        return None
    return Window(version=version, end=end, index=index, performance={found.metric: metric})


def measured_window(found: Measured, version: int, *, end: datetime) -> Window:
    """A window by its labels."""
    figures = {m.name: _figure(m.value, m.interval, Evidence.LABELS) for m in found.metrics}
    return Window(
        version=version,
        end=end,
        index=found.window,
        performance={name: one for name, one in figures.items() if one is not None},
    )


def _figure(value: float, interval: Interval | None, evidence: Evidence) -> Metric | None:
    """A metric as triggers take it; None where it is no number."""
    if not math.isfinite(value):
        return None
    return Metric(
        value=float(value),
        low=None if interval is None else float(interval.lower),
        high=None if interval is None else float(interval.upper),
        evidence=evidence,
    )
