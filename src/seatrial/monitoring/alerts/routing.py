"""Who is told of which alerts now: silences, inhibition, grouping and repetition, as values.

`mutes` says which alerts nobody is told of, `due` what one sink is to be told at a time. Both
compare how things are with what was told before, so nothing depends on having seen every change:
what was missed while a process was down, or a queue was full, is told by the next call.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import Notification, alert_record
from seatrial.monitoring.alerts.silence import Matcher, Silence

_CLOCK_SLACK_S = 60.0
_MAX_BYTES = 2**20


class DuringRelease(StrEnum):
    """Which alerts of an endpoint nobody is told of while a release of it is under way."""

    NONE = "none"
    ON_TRIAL = "on_trial"
    WARNINGS = "warnings"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When and of what a sink is told.

    Args:
        sink: its name.
        matcher: the alerts it cares for.
        group_by: the labels that alerts of one message share.
        wait_s: how long the first alert of a message waits for others, in seconds >= 0.
        interval_s: the least time between two messages about a group; a critical alert that was
            not told as critical within it does not wait for it.
        repeat_s: a group that still fires is told again after so many seconds, > 0.
        tell_ended: whether the end of an alert is told.
        repeat_acknowledged: whether a group is repeated although people care for all its alerts.
        max_alerts: alerts in one message at most, >= 1; the others wait for the next.
    """

    sink: str
    matcher: Matcher = field(default_factory=Matcher)
    group_by: tuple[str, ...] = ("endpoint", "kind")
    wait_s: float = 30.0
    interval_s: float = 300.0
    repeat_s: float = 4 * 3600.0
    tell_ended: bool = True
    repeat_acknowledged: bool = False
    max_alerts: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a sink was told last of an alert.

    Args:
        at: when that was decided.
    """

    episode: int
    phase: Phase
    severity: Level
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a sink was told so far.

    Args:
        marks: by key of the alert.
        groups: when each group had its last message that was not urgent.
    """

    marks: Mapping[str, Mark] = field(default_factory=dict)
    groups: Mapping[str, datetime] = field(default_factory=dict)


def mutes(
    alerts: Sequence[Alert],
    *,
    silences: Iterable[Silence],
    on_trial: Mapping[str, int],
    during_release: DuringRelease,
    now: datetime,
) -> dict[str, str]:
    """Which firing alerts nobody is told of, and why.

    Args:
        alerts: all of them.
        silences: those of people and of the configuration.
        on_trial: by endpoint, the version whose release is under way.
        during_release: what such a release mutes. The gates judge the version on trial, so its
            alerts would say twice what they say; a critical alert of what is in production is
            muted by ALL only.
        now: aware UTC.
    Returns: a reason by key.
    """
    firing = [alert for alert in alerts if alert.phase is Phase.FIRING]
    criticals = [alert for alert in firing if alert.severity is Level.CRITICAL]
    in_force = list(silences)
    reasons: dict[str, str] = {}
    for alert in firing:
        silence = next((s for s in in_force if s.holds(alert, now)), None)
        if silence is not None:
            reasons[alert.key] = silence.reason
        elif (trial := on_trial.get(alert.labels.endpoint)) is not None and _hidden_by_release(
            alert, trial, during_release
        ):
            reasons[alert.key] = f"inhibited while the release of version {trial} is under way"
        elif alert.severity is Level.WARNING:
            worse = next((c for c in criticals if c.labels.covers(alert.labels)), None)
            if worse is not None:
                reasons[alert.key] = f"inhibited by the critical alert {worse.key}"
    return reasons


def due(alerts: Iterable[Alert], told: Told, policy: Policy, now: datetime) -> list[Notification]:
    """What a sink is to be told now.

    An alert is in the returned notifications of any ``policy.interval_s`` at most once as firing
    with one severity, however often this is asked, provided that what is returned is marked as
    told (`marks_of`).

    Args:
        alerts: all of them, muted ones too.
        told: what the sink was told before.
        policy: of the sink.
        now: aware UTC.
    Returns: urgent notifications first, then by group.
    """
    groups: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.told_as is not Phase.QUIET and policy.matcher.fits(alert):
            groups[_group(alert, policy)].append(alert)
    urgent = []
    normal = []
    for group, members in sorted(groups.items()):
        pressing = sorted((a for a in members if _is_urgent(a, told, policy, now)), key=_worst)
        if pressing:
            urgent.append(_notification(group, pressing, policy, now, urgent=True))
            continue  # the rest of the group is asked again once this is marked
        ready = _ready(members, told, policy, now, last=told.groups.get(group))
        if ready:
            normal.append(_notification(group, ready, policy, now, urgent=False))
    return urgent + normal


def marks_of(notification: Notification) -> dict[str, Mark]:
    """What a sink has been told once it was told ``notification``, by key."""
    newest: dict[str, Mark] = {}
    for alert in notification.alerts:
        if alert.key not in newest or newest[alert.key].episode < alert.episode:
            newest[alert.key] = Mark(
                episode=alert.episode,
                phase=alert.told_as,
                severity=alert.severity,
                at=notification.at,
            )
    return newest


def _hidden_by_release(alert: Alert, trial: int, during: DuringRelease) -> bool:
    match during:
        case DuringRelease.NONE:
            return False
        case DuringRelease.ON_TRIAL:
            return alert.labels.version == trial
        case DuringRelease.WARNINGS:
            return alert.labels.version == trial or alert.severity is Level.WARNING
        case DuringRelease.ALL:
            return True


def _group(alert: Alert, policy: Policy) -> str:
    labels = alert.labels.as_dict()
    return " / ".join(str(labels.get(name, "-")) for name in policy.group_by)


def _is_news(alert: Alert, told: Told, policy: Policy) -> bool:
    """Whether the sink does not know how things are with an alert, and may."""
    mark = told.marks.get(alert.key)
    if alert.told_as is Phase.FIRING:
        now_so = (Phase.FIRING, alert.episode, alert.severity)
        same = mark is not None and (mark.phase, mark.episode, mark.severity) == now_so
        return alert.muted is None and not same
    if not policy.tell_ended:
        return False
    if mark is not None and mark.phase is Phase.FIRING:
        return True  # whoever was told that it fires is told that it ended, muted or not
    return alert.muted is None and (mark is None or mark.episode < alert.episode)


def _is_urgent(alert: Alert, told: Told, policy: Policy, now: datetime) -> bool:
    critical = alert.told_as is Phase.FIRING and alert.severity is Level.CRITICAL
    if not critical or not _is_news(alert, told, policy):
        return False
    mark = told.marks.get(alert.key)
    if mark is None:
        return _lasted(alert.severity_at, now, policy.wait_s)
    return mark.severity is not Level.CRITICAL or _lasted(mark.at, now, policy.interval_s)


def _ready(
    members: Sequence[Alert], told: Told, policy: Policy, now: datetime, *, last: datetime | None
) -> list[Alert]:
    """The alerts of a group's next message, news first; none when it is not time for one."""
    if last is not None and not _lasted(last, now, policy.interval_s):
        return []
    news = [a for a in members if _is_news(a, told, policy) and _rested(a, told, policy, now)]
    if any(_lasted(_changed_at(a), now, policy.wait_s) for a in news):
        known = [a for a in _known_firing(members, told, policy, now) if a not in news]
        return sorted(news, key=_worst) + sorted(known, key=_worst)
    firing = _known_firing(members, told, policy, now)
    cared_for = all(a.acknowledged_by for a in firing) and not policy.repeat_acknowledged
    if not firing or cared_for:
        return []
    longest = sorted(firing, key=lambda a: told.marks[a.key].at)
    waited = _lasted(told.marks[longest[0].key].at, now, policy.repeat_s)
    return longest if waited else []


def _known_firing(
    members: Sequence[Alert], told: Told, policy: Policy, now: datetime
) -> list[Alert]:
    """Firing alerts the sink was told of, at least an interval ago."""
    return [
        a
        for a in members
        if a.told_as is Phase.FIRING
        and a.muted is None
        and a.key in told.marks
        and _rested(a, told, policy, now)
    ]


def _rested(alert: Alert, told: Told, policy: Policy, now: datetime) -> bool:
    """Whether the sink has not heard of an alert for an interval."""
    mark = told.marks.get(alert.key)
    return mark is None or _lasted(mark.at, now, policy.interval_s)


def _changed_at(alert: Alert) -> datetime | None:
    return alert.severity_at if alert.told_as is Phase.FIRING else alert.resolved_at


def _lasted(since: datetime | None, now: datetime, seconds: float) -> bool:
    """Whether ``seconds`` have passed; so they have when the clock was set back since."""
    if since is None:
        return True
    passed = (now - since).total_seconds()
    return passed >= seconds or passed < -_CLOCK_SLACK_S


def _notification(
    group: str, alerts: Sequence[Alert], policy: Policy, now: datetime, *, urgent: bool
) -> Notification:
    """A message of the first of ``alerts``; those that do not fit wait for the next."""
    worst = sorted(_fitting(alerts[: policy.max_alerts]), key=_worst)
    told = [[a.key, a.episode, a.told_as.value, a.severity.value] for a in worst]
    text = json.dumps([policy.sink, group, now.isoformat(), urgent, told])
    return Notification(
        id=hashlib.sha256(text.encode()).hexdigest()[:24],
        sink=policy.sink,
        group=group,
        alerts=tuple(worst),
        at=now,
        repeat_s=policy.repeat_s,
        urgent=urgent,
    )


def weight(alerts: Iterable[Alert]) -> int:
    """Bytes that alerts take in a record of the store, nearly."""
    return sum(len(json.dumps(alert_record(alert)).encode()) for alert in alerts)


def _fitting(alerts: Sequence[Alert]) -> Sequence[Alert]:
    """The first alerts that one record can hold, at least one; the others wait for the next."""
    sizes = accumulate(weight([alert]) for alert in alerts)
    return alerts[: max(1, sum(size <= _MAX_BYTES for size in sizes))]


def _worst(alert: Alert) -> tuple[bool, int, str]:
    return alert.told_as is not Phase.FIRING, -alert.severity.rank, alert.key
