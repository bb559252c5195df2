"""One rule of Prometheus as a record, and how patient rules are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.monitoring.service.config import Levels
from seatrial.packaging.promql import span

Rule: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTiming:
    """How patient the rules are.

    Args:
        every_s: seconds between two evaluations.
        for_s: how long a condition holds before its alert fires.
        absent_s: how long the metrics may be gone.
        watch_s: how old the last look of the watch may be.
    """

    every_s: float = 30.0
    for_s: float = 120.0
    absent_s: float = 300.0
    watch_s: float = 900.0


def alert(
    name: str,
    expr: str,
    *,
    severity: str,
    held_s: float,
    area: str,
    summary: str,
    description: str,
) -> Rule:
    """A rule that fires while a query has held for some time, once for each of its series.

    Args:
        name: of the alert.
        expr: PromQL; its value is ``$value`` in the annotations.
        severity: ``warning`` or ``critical``.
        held_s: how long the query must have had the series, in seconds.
        area: what it is about, to route by.
        summary: one line for a person, with Prometheus' templates.
        description: what it means and what to do.
    """
    return {
        "alert": name,
        "expr": expr,
        "for": span(held_s) if held_s else "0s",
        "labels": {"severity": severity, "area": area},
        "annotations": {"summary": summary, "description": description},
    }


def record(name: str, expr: str) -> Rule:
    """A rule that keeps the result of a query under a name."""
    return {"record": name, "expr": expr}


def severities(levels: Levels | None) -> Sequence[tuple[str, float]]:
    """Severity and limit of each level; none when they are switched off."""
    return () if levels is None else (("warning", levels.warning), ("critical", levels.critical))
