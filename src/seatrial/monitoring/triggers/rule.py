"""The rules that say when to retrain, and the windows they look at.

What a rule says is in `triggers/decision.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TypeAlias

from seatrial.monitoring.triggers.cron import Cron

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many of the latest windows must agree.

    Args:
        k: so many, in [1, n].
        n: of so many windows that had a figure.
    """

    k: int = 2
    n: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRule:
    """Retrain by the calendar.

    Args:
        name: of the rule, unique.
        cron: the schedule.
        zone: whose clocks it means.
        cooldown_s: the least time between two requests of the rule, in seconds.
    """

    name: str
    cron: Cron
    zone: tzinfo = UTC
    cooldown_s: float = 0.0


class Evidence(StrEnum):
    """What a figure of performance rests on, the strongest first."""

    LABELS = "labels"
    """Nearly all rows of the window have labels."""
    CONFIRMED = "confirmed"
    """An estimate that the newest labels agree with."""
    UNVERIFIED = "unverified"
    """An estimate that no label has checked, or none for long."""

    def is_at_least(self, other: Evidence) -> bool:
        """Whether it is as strong as another."""
        order = list(Evidence)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRule:
    """Retrain when a metric is beyond a limit.

    Args:
        metric: its name in `Window.performance`.
        limit: the worst value that is still well.
        high_is_good: whether larger is better, as accuracy is and a mean error is not.
        evidence: what a figure must rest on at least; weaker ones do not count.
    """

    name: str
    metric: str
    limit: float
    high_is_good: bool = True
    evidence: Evidence = Evidence.CONFIRMED
    quorum: Quorum = Quorum()
    cooldown_s: float = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule:
    """Evaluate when inputs drift, and retrain when the evaluation finds the model worse.

    Args:
        limit: of the PSI. 0.2 is the usual word for a shift that matters (Siddiqi 2006,
            "Credit Risk Scorecards", has 0.25, practice 0.2).
        features: patterns of the columns that count, with ``*`` and ``?``.
    """

    name: str
    limit: float = 0.2
    features: tuple[str, ...] = ("*",)
    quorum: Quorum = Quorum()
    cooldown_s: float = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsRule:
    """Retrain on so many new labelled rows.

    Args:
        n_rows: >= 1, since the rule began or asked last.
    """

    name: str
    n_rows: int
    cooldown_s: float = 0.0


Rule: TypeAlias = ScheduleRule | PerformanceRule | DriftRule | LabelsRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with its interval; the bounds are None when they are not known.

    Args: evidence: what it rests on.
    """

    value: float
    low: float | None = None
    high: float | None = None
    evidence: Evidence = Evidence.LABELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window of one version showed.

    Args:
        version: that answered.
        end: of the window, aware UTC.
        index: grows from window to window of a version, whatever the clock does; None where nobody
            counts, and windows are in the order of their ends. One that was there already counts
            once, with the strongest evidence; one older than all that count is left out.
        performance: by metric; one that is missing is not known.
        psi: by feature, bias-corrected; None where it is not known.
    """

    version: int
    end: datetime
    index: int | None = None
    performance: Mapping[str, Measured] = field(default_factory=dict)
    psi: Mapping[str, float | None] = field(default_factory=dict)
