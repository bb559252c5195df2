"""A sink in memory, for tests: takes, fails or refuses as it is told."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.monitoring.alerts.notify import (
    Notification,
    NotificationRefused,
    Receipt,
    SinkUnavailable,
)


class RecordingNotifier:
    """`monitoring.notify.Notifier` that keeps what it was sent.

    Args:
        fails: asked before each attempt, with its number from 0; True makes the sink fail.
    """

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.fails = fails
        self.refuses = False
        self.n_attempts = 0
        self.taken: list[Notification] = []

    def send(self, notification: Notification) -> Receipt:
        """See Notifier."""
        attempt = self.n_attempts
        self.n_attempts += 1
        if self.fails(attempt):
            raise SinkUnavailable("The sink is down.", remedy="Wait, or tell it to work.")
        if self.refuses:
            raise NotificationRefused("The sink refuses.", remedy="Tell it to take anything.")
        self.taken.append(notification)
        return Receipt(detail=f"taken as number {len(self.taken)}")
