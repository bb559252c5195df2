"""What becomes of an alert: what a finding, or a person, makes of it.

`step` takes a state, a finding and the time, and returns the next state with the facts that lead
there. Nothing here reads a clock or a store. Who is told, and when, is `alerts/routing.py`'s
business.

Times are wall times, because they must outlive a restart. Where a clock was set back, a wait that
began in what is the future now begins anew if it is one for quiet, and is over if it is one for
trouble.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.alert import SCHEMA, SEEN_AGAIN_S, Alert, Phase, apply
from seatrial.monitoring.alerts.finding import Finding, Level, storable

_MAX_NOTE = 500
_CLOCK_SLACK_S = 60.0


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
