"""The port to the people: one message to one sink.

A notifier sends once and says how it went. When to send, whether to try again and what a restart
makes of it is decided in `alerts/outbox.py`; what is worth sending in `alerts/routing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Labels, Level, finding_from


class SinkUnavailable(Unavailable):
    """The sink did not take a message, for reasons that may pass; it is tried again.

    A wrong address or secret counts here too: a person corrects it, and nothing is lost meanwhile.
    The fact ``retry_after_s`` holds the seconds a sink asked us to wait, where it did.
    """

    code = "notify.sink_unavailable"


class NotificationRefused(Invalid):
    """The sink will never take this message; it is not tried again."""

    code = "notify.refused"


class SinkInvalid(Invalid):
    """A sink cannot be used as it is configured."""

    code = "notify.sink_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a sink is told of one group of alerts.

    Args:
        id: idempotency key: the same for every attempt, so that a sink that sees it twice may
            drop the second.
        sink: the name of the sink.
        group: what the alerts share, such as ``churn / input_drift``.
        alerts: at least one, those that fire and the worst first. One alert is in it twice when
            an earlier episode could not be told in its time.
        at: when it was decided, aware UTC.
        repeat_s: a group that still fires is told again after so many seconds.
        urgent: whether it did not wait for the group's interval.
    """

    id: str
    sink: str
    group: str
    alerts: tuple[Alert, ...]
    at: datetime
    repeat_s: float
    urgent: bool = False

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that fire."""
        return tuple(a for a in self.alerts if a.told_as is Phase.FIRING)

    @property
    def ended(self) -> tuple[Alert, ...]:
        """The alerts that are over."""
        return tuple(a for a in self.alerts if a.told_as is not Phase.FIRING)

    @property
    def severity(self) -> Level:
        """The worst severity of those that fire, or of all when none does."""
        return max((a.severity for a in self.firing or self.alerts), key=lambda s: s.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The sink has taken a notification.

    Args:
        detail: what it answered, short, for the log of facts; holds no secret.
    """

    detail: str = ""


class Notifier(Protocol):
    """A place where people read: a chat, a mailbox, a pager."""

    def send(self, notification: Notification) -> Receipt:
        """Deliver once; blocks, within the notifier's own timeout.

        Called from one thread at a time, maybe with a notification it has seen before: the answer
        may have been lost, or the process killed before it was noted.

        Raises: SinkUnavailable: try again later; NotificationRefused: this one never.
        """
        ...


_TIMES = ("pending_at", "fired_at", "severity_at", "updated_at", "seen_at", "resolved_at")


def notification_record(notification: Notification) -> dict[str, object]:
    """A notification as a JSON-able record."""
    return {
        "id": notification.id,
        "group": notification.group,
        "alerts": [alert_record(alert) for alert in notification.alerts],
        "at": notification.at.isoformat(),
        "repeat_s": notification.repeat_s,
        "urgent": notification.urgent,
    }


def notification_from(sink: str, record: Mapping[str, Any]) -> Notification:
    """The notification that `notification_record` wrote."""
    return Notification(
        id=record["id"],
        sink=sink,
        group=record["group"],
        alerts=tuple(alert_from(alert) for alert in record["alerts"]),
        at=datetime.fromisoformat(record["at"]),
        repeat_s=record["repeat_s"],
        urgent=record["urgent"],
    )


def alert_record(alert: Alert) -> dict[str, object]:
    """What people are told of an alert, as a JSON-able record."""
    times = {name: getattr(alert, name) for name in _TIMES}
    return {
        "key": alert.key,
        "labels": alert.labels.as_dict(),
        "phase": alert.told_as.value,
        "episode": alert.episode,
        "severity": alert.severity.value,
        "finding": alert.finding.content() if alert.finding else None,
        "reason": alert.reason,
        "acknowledged_by": alert.acknowledged_by,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def alert_from(record: Mapping[str, Any]) -> Alert:
    """The alert that `alert_record` wrote, as far as people are told of it."""
    labels = Labels(**record["labels"])
    severity = Level(record["severity"])
    content = record["finding"]
    times: dict[str, Any] = {name: record.get(name) for name in _TIMES}
    known = {name: datetime.fromisoformat(at) for name, at in times.items() if at}
    return Alert(
        labels=labels,
        phase=Phase(record["phase"]),
        episode=record["episode"],
        severity=severity,
        finding=finding_from(labels, severity, content) if content else None,
        reason=record["reason"],
        acknowledged_by=record["acknowledged_by"],
        **known,  # type: ignore[arg-type]
    )
