"""An alert: one trouble and its life, as a state and its transitions.

    quiet -> pending -> firing -> resolved -> pending -> ...

`step` takes a state, a finding and the time, and returns the next state with the facts that lead
there. The state is a fold over those facts, so a process that was killed reads them and goes on.
Nothing here reads a clock or a store. Who is told, and when, is `alerts/routing.py`'s business.

Times are wall times, because they must outlive a restart. Where a clock was set back, a wait that
began in what is the future now begins anew if it is one for quiet, and is over if it is one for
trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.facts import at_of, unknown
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, finding_from, storable

SCHEMA = 1

SEEN_AGAIN_S = 3600.0
"""How often it is recorded that a firing alert still shows the same."""

STALE_S = 2 * SEEN_AGAIN_S
"""Age from which evidence is said to be old."""

_MAX_NOTE = 500
_CLOCK_SLACK_S = 60.0


class Phase(StrEnum):
    """Where an alert stands."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertConflict(Conflict):
    """The alert is not in a phase in which this can be asked for."""

    code = "monitoring.alert_conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient alerts are.

    Args:
        for_s: how long trouble must last before the alert fires, in seconds >= 0.
        keep_s: how long it must be gone before the alert resolves or its severity falls, in
            seconds >= 0: what comes and goes is one alert, not many.
        update_s: a firing alert records new features, segments or figures at most this often.
    """

    for_s: float = 0.0
    keep_s: float = 900.0
    update_s: float = 900.0


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


def step(
    alert: Alert, finding: Finding, now: datetime, *, timing: Timing
) -> tuple[Alert, list[Draft]]:
    """What a finding makes of an alert.

    Args:
        alert: as folded so far; ``Alert(labels=finding.labels)`` for one never seen.
        finding: the newest look at the same labels.
        now: when it was taken, aware UTC.
        timing: how patient the alert is.
    Returns: the next state, and the facts to append that lead there; none when nothing follows.
    """
    drafts: list[Draft] = []
    while (draft := _next(alert, finding, now, timing)) is not None:
        alert = apply(alert, draft.kind, draft.data)
        drafts.append(draft)
    return alert, drafts


def acknowledge(alert: Alert, *, by: str, note: str, now: datetime) -> list[Draft]:
    """A person cares for the alert: it is not repeated until it gets worse or fires again.

    Raises: AlertConflict: it does not fire.
    """
    _check_firing(alert, "acknowledged")
    said = {"who": by, "note": storable(note, _MAX_NOTE)}
    return [_draft(alert, "alert.acknowledged", now, by=by, **said)]


def close(alert: Alert, *, by: str, reason: str, now: datetime) -> list[Draft]:
    """A person ends a firing alert, whatever findings say; trouble still there fires it again.

    Raises: AlertConflict: it does not fire.
    """
    _check_firing(alert, "closed")
    return [_draft(alert, "alert.resolved", now, by=by, reason=storable(reason, _MAX_NOTE))]


def retire(alert: Alert, *, reason: str, now: datetime) -> list[Draft]:
    """End an alert about what is watched no more, so that nobody is told of it for ever."""
    match alert.phase:
        case Phase.PENDING:
            return [_draft(alert, "alert.dropped", now)]
        case Phase.FIRING:
            return [_draft(alert, "alert.resolved", now, reason=storable(reason, _MAX_NOTE))]
        case Phase.QUIET | Phase.RESOLVED:
            return []


def mute(alert: Alert, reason: str | None, now: datetime) -> list[Draft]:
    """Record that people are not told of a firing alert, and why; None tells them again."""
    reason = None if reason is None else storable(reason, _MAX_NOTE)
    if alert.phase is not Phase.FIRING or alert.muted == reason:
        return []
    if reason is None:
        return [_draft(alert, "alert.unmuted", now)]
    return [_draft(alert, "alert.muted", now, reason=reason)]


def apply(alert: Alert, kind: str, data: Mapping[str, Any]) -> Alert:
    """The state after a fact of this alert.   Raises: UnknownFact."""
    allowed = TRANSITIONS.get((alert.phase, kind))
    after = _CHANGES[kind](alert, data) if allowed else alert
    if not allowed or after.phase not in allowed:
        raise unknown(
            kind, SCHEMA, why=f"cannot follow: the alert {alert.key} is {alert.phase.value}"
        )
    return after


def _next(alert: Alert, finding: Finding, now: datetime, timing: Timing) -> Draft | None:
    """The one fact that comes next, or None."""
    if finding.level is Level.UNKNOWN:
        return None
    match alert.phase:
        case Phase.QUIET | Phase.RESOLVED:
            return _draft_found(alert, "alert.raised", finding, now) if _bad(finding) else None
        case Phase.PENDING:
            return _after_pending(alert, finding, now, timing)
        case Phase.FIRING:
            return _after_firing(alert, finding, now, timing)


def _after_pending(alert: Alert, finding: Finding, now: datetime, timing: Timing) -> Draft | None:
    if not _bad(finding):
        return _draft(alert, "alert.dropped", now)
    if _lasted(alert.pending_at, now, timing.for_s):
        return _draft_found(alert, "alert.fired", finding, now)
    return None


def _after_firing(alert: Alert, finding: Finding, now: datetime, timing: Timing) -> Draft | None:
    if finding.level.rank > alert.severity.rank:
        return _draft_found(alert, "alert.escalated", finding, now)
    if finding.level is alert.severity:
        if alert.lower_at is not None:
            return _draft(alert, "alert.returned", now)
        return _updated(alert, finding, now, timing)
    return _after_easing(alert, finding, now, timing)


def _after_easing(alert: Alert, finding: Finding, now: datetime, timing: Timing) -> Draft | None:
    """What follows a finding under the alert's severity."""
    clear = finding.level is Level.CLEAR
    ahead = _is_ahead(alert.lower_at, now) or _is_ahead(alert.clear_at, now)
    if alert.lower_at is None or clear != (alert.clear_at is not None) or ahead:
        return _draft(alert, "alert.eased", now, level=finding.level.value)
    if alert.clear_at is not None and _lasted(alert.clear_at, now, timing.keep_s):
        return _draft(alert, "alert.resolved", now, reason="the trouble is gone")
    if alert.severity is Level.CRITICAL and _lasted(alert.lower_at, now, timing.keep_s):
        # Clear by now, but not long enough to resolve: what was worst since is a warning at most.
        return _draft_found(alert, "alert.lowered", finding, now)
    return None


def _updated(alert: Alert, finding: Finding, now: datetime, timing: Timing) -> Draft | None:
    known = alert.finding
    same = known is not None and known.content() == finding.content()
    every_s = max(timing.update_s, SEEN_AGAIN_S) if same else timing.update_s
    if not _lasted(alert.updated_at, now, every_s):
        return None
    return _draft_found(alert, "alert.updated", finding, now)


def _bad(finding: Finding) -> bool:
    return finding.level.trouble


def _lasted(since: datetime | None, now: datetime, seconds: float) -> bool:
    return since is not None and ((now - since).total_seconds() >= seconds or _is_ahead(since, now))


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    """Whether the clock was set back since."""
    return at is not None and (at - now).total_seconds() > _CLOCK_SLACK_S


def _check_firing(alert: Alert, wish: str) -> None:
    if alert.phase is not Phase.FIRING:
        raise AlertConflict(
            f"The alert {alert.key} is {alert.phase.value}; only a firing one can be {wish}.",
            remedy="Look at the list of alerts.",
            key=alert.key,
            phase=alert.phase.value,
        )


def _draft(alert: Alert, kind: str, now: datetime, *, by: str = "monitor", **more: object) -> Draft:
    data = {"key": alert.key, "at": now.isoformat(), **more}
    if kind == "alert.raised":
        data["labels"] = alert.labels.as_dict()
    return Draft(kind=kind, data=data, schema=SCHEMA, by=by)


def _draft_found(alert: Alert, kind: str, finding: Finding, now: datetime) -> Draft:
    return _draft(alert, kind, now, level=finding.level.value, finding=finding.content())


# The fold: what each fact makes of the state.


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
