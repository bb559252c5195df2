"""Couriers: the shell that keeps outboxes and sends what waits in them, one thread per sink.

All a courier remembers can be lost: what was queued and delivered are facts. Two processes that
serve one sink queue nothing twice, but may send the same notification twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import datetime, timedelta

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.events import Draft
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts import outbox as box
from seatrial.monitoring.alerts.alert import Alert
from seatrial.monitoring.alerts.notify import (
    Notification,
    NotificationRefused,
    Notifier,
    SinkUnavailable,
)
from seatrial.monitoring.alerts.outbox import Backoff, Outbox
from seatrial.monitoring.alerts.routing import Policy, due
from seatrial.monitoring.alerts.stream import Stream

_log = logging.getLogger(__name__)


class Courier:
    """Keeps the outbox of one sink and empties it.

    Args:
        log: where the facts are.
        notifier: the way to the sink.
        policy: when and of what the sink is told.
        clock: wall time.
        chance: draws from [0, 1) for the jitter.
        backoff: how long to wait after failures.
        limit: of notifications that wait, >= 1.
    """

    def __init__(
        self,
        log: FactLog,
        notifier: Notifier,
        policy: Policy,
        *,
        clock: Clock,
        chance: Callable[[], float],
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        limit: int = 1000,
    ) -> None:
        self._notifier = notifier
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._backoff = backoff
        self._limit = limit
        self._idle_until: datetime | None = None
        empty = Outbox(sink=policy.sink)
        self._stream = Stream(log, box.PREFIX + policy.sink, state=empty, fold=box.fold)

    @property
    def sink(self) -> str:
        """The name of the sink."""
        return self._policy.sink

    @property
    def outbox(self) -> Outbox:
        """As of the last look at the store."""
        return self._stream.state

    def offer(self, alerts: Sequence[Alert]) -> None:
        """Queue what the sink is to be told of how alerts are now.   Raises: StoreUnavailable."""
        self._stream.refresh()

        def news(outbox: Outbox) -> list[Draft]:
            notifications = due(alerts, outbox.told, self._policy, self._clock.now())
            return box.queue(outbox, notifications, limit=self._limit)

        self._stream.change(news)

    def waits(self) -> bool:
        """Whether there is something to send now."""
        return self._next() is not None

    def deliver(self) -> int:
        """Send what waits until all is sent or the sink fails; returns how many it took.

        Blocks. Raises: StoreUnavailable.
        """
        self._stream.refresh()
        n = 0
        while (notification := self._next()) is not None:
            if not self._send(notification):
                break
            n += 1
        return n

    def _next(self) -> Notification | None:
        now = self._clock.now()
        if self._idle_until is not None and now < self._idle_until:
            return None
        return box.next_to_send(self.outbox, now, backoff=self._backoff)

    def _send(self, notification: Notification) -> bool:
        """Whether the sink took it."""
        try:
            receipt = self._notifier.send(notification)
        except NotificationRefused as never:
            _log.error("sink %s refuses a notification: %s", self.sink, never.problem)
            drafts = box.refused(notification, problem=never.problem, now=self._clock.now())
            self._note(lambda _: drafts)
            return False
        except SinkUnavailable as later:
            asked = later.facts.get("retry_after_s")
            self._failed(notification, later.problem, asked if isinstance(asked, float) else 0.0)
            return False
        except Exception as wrong:  # noqa: BLE001 - a call of an adapter: it must not end the watch
            self._failed(notification, f"{type(wrong).__name__} in the notifier", 0.0)
            return False
        drafts = box.delivered(notification, receipt, self._clock.now())
        self._note(lambda _: drafts)
        return True

    def _failed(self, notification: Notification, problem: str, retry_after_s: float) -> None:
        _log.warning("sink %s does not answer, trying again later: %s", self.sink, problem)
        now, chance = self._clock.now(), self._chance()
        self._note(
            lambda outbox: box.failed(
                outbox,
                notification,
                problem=problem,
                now=now,
                chance=chance,
                backoff=self._backoff,
                retry_after_s=retry_after_s,
            )
        )

    def _note(self, decision: Callable[[Outbox], Sequence[Draft]]) -> None:
        """What cannot be noted, as on a full disk, must not be tried again every few seconds."""
        try:
            self._stream.change(decision)
        except SeatrialError:
            self._idle_until = self._clock.now() + timedelta(seconds=self._backoff.longest_s)
            raise


class Couriers:
    """All sinks, none of which waits for another.

    Args:
        couriers: one per sink.
    """

    def __init__(self, couriers: Sequence[Courier]) -> None:
        self._couriers = list(couriers)
        self._pool = ThreadPoolExecutor(max(1, len(self._couriers)), thread_name_prefix="courier")
        self._under_way: dict[str, Future[int]] = {}
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()

    def tick(self, alerts: Sequence[Alert]) -> None:
        """Queue what is due everywhere and start sending; waits for no sink.

        A store that does not answer, or facts of a sink that cannot be read, make the tick do
        nothing for that sink, which is said once: the next one decides again.
        """
        for courier in self._couriers:
            try:
                courier.offer(alerts)
            except SeatrialError as problem:
                if self._problems.get(courier.sink) != problem.code:
                    _log.warning("nothing is queued for sink %s: %s", courier.sink, problem)
                self._problems[courier.sink] = problem.code
                continue
            self._problems.pop(courier.sink, None)
            self._start(courier)

    def settle(self, timeout_s: float) -> bool:
        """Wait until no sending is under way; whether that was so within ``timeout_s``."""
        with self._lock:
            running = list(self._under_way.values())
        return not wait_for(running, timeout=timeout_s).not_done

    def outboxes(self) -> Mapping[str, Outbox]:
        """What each sink was told and what waits for it, by name."""
        return {courier.sink: courier.outbox for courier in self._couriers}

    def close(self) -> None:
        """Start nothing more; what is under way ends within its notifier's timeout."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, courier: Courier) -> None:
        with self._lock:
            running = self._under_way.get(courier.sink)
            if (running is None or running.done()) and courier.waits():
                self._under_way[courier.sink] = self._pool.submit(_deliver, courier)


def _deliver(courier: Courier) -> int:
    try:
        return courier.deliver()
    except SeatrialError as problem:
        # What was sent but not noted is sent again: at least once.
        _log.warning("sending to sink %s was not noted: %s", courier.sink, problem)
        return 0
