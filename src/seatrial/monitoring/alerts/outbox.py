"""The outbox of one sink: what waits to be sent, as a fold over facts, and what to do next.

A notification is a fact before it is sent, and its delivery is one after, so a process killed in
between sends it again under the same id: at least once, never lost. A sink that does not answer
keeps its own queue waiting and no other. Newer word about a group takes the place of what still
waits and brings along what that would have said, so the queue is as long as there are groups, not
as the sink is down; at its limit nothing is thrown away: what does not fit is held, and told from
the state of the alerts once there is room. Chance and time arrive as values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from seatrial.kernel.events import Draft, Fact
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.facts import unknown
from seatrial.monitoring.alerts.finding import Level, storable
from seatrial.monitoring.alerts.notify import (
    Notification,
    Receipt,
    notification_from,
    notification_record,
)
from seatrial.monitoring.alerts.routing import Mark, Told, marks_of, weight

PREFIX = "notify/"
SCHEMA = 1
KINDS = (
    "notification.queued",
    "notification.delivered",
    "notification.failed",
    "notification.refused",
)

_MAX_DETAIL = 500
_MAX_JOINED_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait after failures in a row: exponential, with full jitter.

    Args:
        first_s: upper end of the first wait, in seconds > 0.
        longest_s: no wait is longer, in seconds.
    Source: Brooker 2015, "Exponential Backoff And Jitter" (full jitter).
    """

    first_s: float = 5.0
    longest_s: float = 600.0

    def wait_s(self, n_failures: int, chance: float) -> float:
        """The wait after the ``n_failures``-th failure in a row, >= 1; ``chance`` in [0, 1)."""
        doublings = min(n_failures - 1, 40)  # beyond that any first_s is over longest_s
        return chance * min(self.longest_s, self.first_s * 2.0**doublings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """What one sink was told, and what waits.

    Args:
        sink: its name.
        told: as soon as it waits, since it will be delivered.
        waiting: by id, the oldest first.
        n_failures: attempts in a row that failed.
        retry_at: no attempt before this time; None when one may be made now.
        n_delivered: notifications delivered so far.
        n_refused: notifications the sink would not take.
        problem: of the last attempt; empty when it went well.
    """

    sink: str
    told: Told = field(default_factory=Told)
    waiting: Mapping[str, Notification] = field(default_factory=dict)
    n_failures: int = 0
    retry_at: datetime | None = None
    n_delivered: int = 0
    n_refused: int = 0
    problem: str = ""


def queue(outbox: Outbox, notifications: Sequence[Notification], *, limit: int) -> list[Draft]:
    """The facts that put notifications into the outbox.

    A group that finds no room is told when there is some.

    Args:
        notifications: as `routing.due` gives them for this sink.
        limit: of notifications that wait, >= 1.
    """
    drafts: list[Draft] = []
    waiting = dict(outbox.waiting)
    for notification in notifications:
        former = _joinable(waiting.values(), notification)
        if former is None and len(waiting) >= limit:
            continue
        joined = notification if former is None else _joined(former, notification)
        if former is not None:
            del waiting[former.id]
        waiting[joined.id] = joined
        data = notification_record(joined) | {"replaces": former.id if former else None}
        drafts.append(Draft(kind="notification.queued", data=data, schema=SCHEMA, by="monitor"))
    return drafts


def next_to_send(outbox: Outbox, now: datetime, *, backoff: Backoff) -> Notification | None:
    """The notification to send now, or None: critical ones first, then the oldest."""
    if outbox.retry_at is not None:
        left_s = (outbox.retry_at - now).total_seconds()
        if 0 < left_s <= backoff.longest_s:  # longer only when the clock was set back
            return None
    return min(outbox.waiting.values(), key=_pressing, default=None)


def delivered(notification: Notification, receipt: Receipt, now: datetime) -> list[Draft]:
    """The sink has taken it."""
    detail = storable(receipt.detail, _MAX_DETAIL)
    return [_draft("notification.delivered", notification, now, detail=detail)]


def failed(
    outbox: Outbox,
    notification: Notification,
    *,
    problem: str,
    now: datetime,
    chance: float,
    backoff: Backoff,
    retry_after_s: float = 0.0,
) -> list[Draft]:
    """The sink did not take it, and will be tried again.

    Args:
        problem: why, without secrets.
        chance: in [0, 1), drawn anew for each failure.
        retry_after_s: how long the sink asked to be left alone, at most ``backoff.longest_s``
            of it is granted.
    """
    wait_s = backoff.wait_s(outbox.n_failures + 1, chance)
    wait_s = max(wait_s, min(retry_after_s, backoff.longest_s))
    retry_at = now + timedelta(seconds=wait_s)
    return [
        _draft(
            "notification.failed",
            notification,
            now,
            problem=storable(problem, _MAX_DETAIL),
            retry_at=retry_at.isoformat(),
        )
    ]


def refused(notification: Notification, *, problem: str, now: datetime) -> list[Draft]:
    """The sink will never take it: it is dropped, and what still fires is told at its repeat."""
    return [
        _draft("notification.refused", notification, now, problem=storable(problem, _MAX_DETAIL))
    ]


def fold(outbox: Outbox, facts: Sequence[Fact]) -> Outbox:
    """The outbox after more facts of its stream.   Raises: UnknownFact."""
    for fact in facts:
        if fact.schema != SCHEMA or fact.kind not in KINDS:
            raise unknown(fact.kind, fact.schema, why=f"is in the stream {fact.stream!r}")
        data: Mapping[str, Any] = fact.data
        outbox = _queued(outbox, data) if fact.kind == KINDS[0] else _tried(outbox, fact.kind, data)
    return outbox


def _queued(outbox: Outbox, data: Mapping[str, Any]) -> Outbox:
    notification = notification_from(outbox.sink, data)
    waiting = {id: n for id, n in outbox.waiting.items() if id != data["replaces"]}  # noqa: A001
    groups: Mapping[str, datetime] = outbox.told.groups
    if not notification.urgent:
        groups = {**groups, notification.group: notification.at}
    marks: Mapping[str, Mark] = {**outbox.told.marks, **marks_of(notification)}
    return replace(
        outbox,
        told=Told(marks=marks, groups=groups),
        waiting={**waiting, notification.id: notification},
    )


def _tried(outbox: Outbox, kind: str, data: Mapping[str, Any]) -> Outbox:
    """After an attempt; the notification may have been replaced while it was under way."""
    if kind == "notification.failed":
        return replace(
            outbox,
            n_failures=outbox.n_failures + 1,
            retry_at=datetime.fromisoformat(data["retry_at"]),
            problem=data["problem"],
        )
    waiting = {id: n for id, n in outbox.waiting.items() if id != data["id"]}  # noqa: A001
    after = replace(outbox, waiting=waiting, n_failures=0, retry_at=None)
    if kind == "notification.refused":
        return replace(after, n_refused=outbox.n_refused + 1, problem=data["problem"])
    return replace(after, n_delivered=outbox.n_delivered + 1, problem="")


def _joinable(waiting: Iterable[Notification], newer: Notification) -> Notification | None:
    """The newest that waits about the same group, unless the two are too long for one record."""
    same = [n for n in waiting if n.group == newer.group]
    if not same or weight(same[-1].alerts) + weight(newer.alerts) > _MAX_JOINED_BYTES:
        return None
    return same[-1]


def _joined(former: Notification, newer: Notification) -> Notification:
    """The newer one, with the alerts of the former that it does not speak of.

    An earlier episode of an alert that has fired again since is over, whatever was known then.
    """
    known = {(a.key, a.episode) for a in newer.alerts}
    again = {a.key for a in newer.alerts}
    also = (a for a in former.alerts if (a.key, a.episode) not in known)
    ended = tuple(replace(a, phase=Phase.RESOLVED) if a.key in again else a for a in also)
    text = f"{former.id} {newer.id}"
    return replace(
        newer,
        alerts=newer.alerts + ended,
        id=hashlib.sha256(text.encode()).hexdigest()[:24],
    )


def _pressing(notification: Notification) -> tuple[bool, datetime]:
    critical = bool(notification.firing) and notification.severity is Level.CRITICAL
    return not critical, notification.at


def _draft(kind: str, notification: Notification, now: datetime, **more: object) -> Draft:
    data = {"id": notification.id, "group": notification.group, "at": now.isoformat(), **more}
    return Draft(kind=kind, data=data, schema=SCHEMA, by="monitor")
