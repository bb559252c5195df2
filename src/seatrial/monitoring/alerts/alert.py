"""An alert: one trouble and its life, as a state and its transitions.

    quiet -> pending -> firing -> resolved -> pending -> ...

The state is a fold over facts, so a process that was killed reads them and goes on. Which facts a
finding or a person leads to is `alerts/lifecycle.py`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from seatrial.monitoring.alerts.facts import at_of, unknown
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, finding_from

SCHEMA = 1

SEEN_AGAIN_S = 3600.0
"""How often it is recorded that a firing alert still shows the same."""

STALE_S = 2 * SEEN_AGAIN_S
"""Age from which evidence is said to be old."""


class Phase(StrEnum):
    """Where an alert stands."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The life of one trouble so far.

    Args:
        labels: what it is about.
        phase: where it stands.
        episode: how often it has fired; 0 before the first time.
        severity: WARNING or CRITICAL; of the newest episode.
        finding: what is known of the newest episode.
        pending_at: since when there is trouble that has not fired yet; None when there is none.
        fired_at: when the newest episode fired.
        severity_at: when the severity last changed, at the latest ``fired_at``.
        updated_at: when ``finding`` was recorded.
        seen_at: when it was last looked at with a result, as far as that was recorded: at most
            `SEEN_AGAIN_S` before the truth.
        lower_at: since when findings are under the severity; None while they are not.
        clear_at: since when they are clear; None while they are not.
        resolved_at: when the newest episode ended; None while it lasts.
        reason: why it ended.
        acknowledged_by: who said they care, of this episode and severity; None when nobody.
        muted: why nobody is told; None when people are.
    """

    labels: Labels
    phase: Phase = Phase.QUIET
    episode: int = 0
    severity: Level = Level.WARNING
    finding: Finding | None = None
    pending_at: datetime | None = None
    fired_at: datetime | None = None
    severity_at: datetime | None = None
    updated_at: datetime | None = None
    seen_at: datetime | None = None
    lower_at: datetime | None = None
    clear_at: datetime | None = None
    resolved_at: datetime | None = None
    reason: str = ""
    acknowledged_by: str | None = None
    muted: str | None = None

    @property
    def key(self) -> str:
        """The identity of the trouble; see `Labels.key`."""
        return self.labels.key

    @property
    def told_as(self) -> Phase:
        """FIRING or RESOLVED for an alert that has fired, QUIET before: what people are told of.

        An ended episode stays ended while the next one is only pending.
        """
        if self.phase is Phase.FIRING:
            return Phase.FIRING
        return Phase.RESOLVED if self.episode else Phase.QUIET

    def stale_s(self, now: datetime) -> float | None:
        """How old the newest evidence of a firing alert is, in seconds, once that is long.

        Nobody knows then whether the trouble lasts: no requests came, or nobody watches.
        """
        if self.phase is not Phase.FIRING or self.seen_at is None:
            return None
        age_s = (now - self.seen_at).total_seconds()
        return age_s if age_s >= STALE_S else None


TRANSITIONS: Mapping[tuple[Phase, str], tuple[Phase, ...]] = {
    (Phase.QUIET, "alert.raised"): (Phase.PENDING,),
    (Phase.RESOLVED, "alert.raised"): (Phase.PENDING,),
    (Phase.PENDING, "alert.dropped"): (Phase.QUIET, Phase.RESOLVED),
    (Phase.PENDING, "alert.fired"): (Phase.FIRING,),
    (Phase.FIRING, "alert.escalated"): (Phase.FIRING,),
    (Phase.FIRING, "alert.eased"): (Phase.FIRING,),
    (Phase.FIRING, "alert.returned"): (Phase.FIRING,),
    (Phase.FIRING, "alert.lowered"): (Phase.FIRING,),
    (Phase.FIRING, "alert.updated"): (Phase.FIRING,),
    (Phase.FIRING, "alert.acknowledged"): (Phase.FIRING,),
    (Phase.FIRING, "alert.muted"): (Phase.FIRING,),
    (Phase.FIRING, "alert.unmuted"): (Phase.FIRING,),
    (Phase.FIRING, "alert.resolved"): (Phase.RESOLVED,),
}
"""Which fact may follow in which phase, and the phases it may lead to; nothing else can happen."""

KINDS = tuple(dict.fromkeys(kind for _, kind in TRANSITIONS))
"""The kinds of fact of an alert."""


def apply(alert: Alert, kind: str, data: Mapping[str, Any]) -> Alert:
    """The state after a fact of this alert.   Raises: UnknownFact."""
    allowed = TRANSITIONS.get((alert.phase, kind))
    after = _CHANGES[kind](alert, data) if allowed else alert
    if not allowed or after.phase not in allowed:
        raise unknown(
            kind, SCHEMA, why=f"cannot follow: the alert {alert.key} is {alert.phase.value}"
        )
    return after


def _found(alert: Alert, data: Mapping[str, Any]) -> Finding:
    return finding_from(alert.labels, Level(data["level"]), data["finding"])


def _raised(alert: Alert, data: Mapping[str, Any]) -> Alert:
    """What the former episode showed is kept until the new one fires: it may yet be told."""
    first = alert.episode == 0
    return replace(
        alert,
        phase=Phase.PENDING,
        pending_at=at_of(data),
        finding=_found(alert, data) if first else alert.finding,
        severity=Level(data["level"]) if first else alert.severity,
    )


def _dropped(alert: Alert, _: Mapping[str, Any]) -> Alert:
    phase = Phase.RESOLVED if alert.episode else Phase.QUIET
    return replace(alert, phase=phase, pending_at=None)


def _fired(alert: Alert, data: Mapping[str, Any]) -> Alert:
    at = at_of(data)
    return Alert(
        labels=alert.labels,
        phase=Phase.FIRING,
        episode=alert.episode + 1,
        severity=Level(data["level"]),
        finding=_found(alert, data),
        pending_at=alert.pending_at,
        fired_at=at,
        severity_at=at,
        updated_at=at,
        seen_at=at,
    )


def _escalated(alert: Alert, data: Mapping[str, Any]) -> Alert:
    return replace(
        alert,
        severity=Level(data["level"]),
        severity_at=at_of(data),
        finding=_found(alert, data),
        updated_at=at_of(data),
        seen_at=at_of(data),
        lower_at=None,
        clear_at=None,
        acknowledged_by=None,
    )


def _eased(alert: Alert, data: Mapping[str, Any]) -> Alert:
    clear, at = data["level"] == Level.CLEAR, at_of(data)
    return replace(
        alert,
        lower_at=min(alert.lower_at or at, at),
        clear_at=at if clear else None,
        seen_at=at,
    )


def _returned(alert: Alert, data: Mapping[str, Any]) -> Alert:
    return replace(alert, lower_at=None, clear_at=None, seen_at=at_of(data))


def _lowered(alert: Alert, data: Mapping[str, Any]) -> Alert:
    """Falls to WARNING; the content is replaced only by one that still shows trouble."""
    bad = Level(data["level"]).trouble
    return replace(
        alert,
        severity=Level.WARNING,
        severity_at=at_of(data),
        finding=_found(alert, data) if bad else alert.finding,
        updated_at=at_of(data),
        seen_at=at_of(data),
        lower_at=alert.clear_at,
    )


def _updated_fact(alert: Alert, data: Mapping[str, Any]) -> Alert:
    at = at_of(data)
    return replace(alert, finding=_found(alert, data), updated_at=at, seen_at=at)


def _resolved(alert: Alert, data: Mapping[str, Any]) -> Alert:
    return replace(
        alert,
        phase=Phase.RESOLVED,
        resolved_at=at_of(data),
        reason=data["reason"],
        pending_at=None,
        lower_at=None,
        clear_at=None,
    )


def _acknowledged(alert: Alert, data: Mapping[str, Any]) -> Alert:
    return replace(alert, acknowledged_by=data["who"])


def _muted(alert: Alert, data: Mapping[str, Any]) -> Alert:
    return replace(alert, muted=data["reason"])


def _unmuted(alert: Alert, _: Mapping[str, Any]) -> Alert:
    return replace(alert, muted=None)


_CHANGES: Mapping[str, Callable[[Alert, Mapping[str, Any]], Alert]] = {
    "alert.raised": _raised,
    "alert.dropped": _dropped,
    "alert.fired": _fired,
    "alert.escalated": _escalated,
    "alert.eased": _eased,
    "alert.returned": _returned,
    "alert.lowered": _lowered,
    "alert.updated": _updated_fact,
    "alert.acknowledged": _acknowledged,
    "alert.muted": _muted,
    "alert.unmuted": _unmuted,
    "alert.resolved": _resolved,
}
