"""Takes events in: each has its effect once, and what can have none goes to a place for such.

Effects come first, then the fact that they happened, then the broker may forget. Killed in
between, the same events come again: those that are known are passed over, and effects may be
repeated at once without harm. What cannot be done now, as with a store that does not answer, is
tried again and holds up what comes after it; what can never be done holds up nothing.
"""

from __future__ import annotations

import base64
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seatrial.events.broker import Broker, Delivery, Message, Publisher, Reader
from seatrial.events.envelope import SPEC, TYPE_PREFIX, CloudEvent, read_event
from seatrial.events.journal import IN, Rejected, Taken, fold_taken, print_of, received
from seatrial.events.requests import TYPES, Request, read_request
from seatrial.kernel.errors import Invalid, LimitExceeded, SeatrialError, Unavailable
from seatrial.kernel.events import Draft
from seatrial.kernel.store import FactLog, StoreFull
from seatrial.monitoring.alerts.stream import Stream


class EventFailed(Invalid):
    """Taking an event in failed in a way that is a mistake of seatrial's."""

    code = "events.event_failed"


TAKEN, REPEATED, REJECTED = "taken", "repeated", "rejected"
"""What becomes of an event."""

Apply = Callable[[Request, CloudEvent], None]
"""Has the effect of a request; may be called again with the same event."""

_PAGE = 200
_WAIT_S = 0.5
_MAX_KEPT = 256 * 1024
"""Bytes of a rejected message that are kept."""

_OTHER = "other"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """What became of some deliveries, in order."""

    done: list[Delivery] = field(default_factory=list)
    ids: dict[str, None] = field(default_factory=dict)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    letters: list[Message] = field(default_factory=list)


class Intake:
    """Reads events and has them done. For one thread; only one of a log may run.

    Args:
        log: keeps which events had their effect.
        broker: opened with the first step, and again after `close`.
        apply: has the effect.
        topic, group: what is read, and under which name the broker remembers how far.
        dead_letter: where goes what is rejected.
        max_bytes: of an event.
    """

    def __init__(
        self,
        log: FactLog,
        broker: Broker,
        apply: Apply,
        *,
        topic: str,
        group: str,
        dead_letter: str,
        max_bytes: int,
    ) -> None:
        self._broker = broker
        self._reader: Reader | None = None
        self._publisher: Publisher | None = None
        self._apply = apply
        self._topic = topic
        self._group = group
        self._dead_letter = dead_letter
        self._max_bytes = max_bytes
        self._stream = Stream(log, IN, state=Taken(), fold=fold_taken)
        self.n_waiting: int | None = None

    def step(self) -> int:
        """Take in the next events; returns how many, 0 when none came for a while.

        Raises: what made the next one impossible for now, after those before it were settled: it
            is to be closed then, and reads on from there.
        """
        if self._reader is None:
            self._reader = self._broker.reader(self._topic, self._group)
        deliveries = self._reader.receive(limit=_PAGE, wait_s=_WAIT_S)
        if not deliveries:
            return 0
        known = self._stream.refresh().ids
        batch = _Batch()
        try:
            for delivery in deliveries:
                self._take(delivery, batch, known)
        finally:
            if batch.done:
                self._settle(self._reader, batch)
        return len(deliveries)

    def close(self) -> None:
        """Let go of the connections; the next step makes new ones."""
        for one in (self._reader, self._publisher):
            if one is not None:
                one.close()
        self._reader = self._publisher = None

    def count(self) -> None:
        """Ask the broker how many wait; ``n_waiting`` is what it said last."""
        try:
            self.n_waiting = None if self._reader is None else self._reader.n_waiting()
        except SeatrialError:  # the next step says so
            self.n_waiting = None

    @property
    def taken(self) -> Taken:
        """As of the last step."""
        return self._stream.state

    def _take(self, delivery: Delivery, batch: _Batch, known: Mapping[str, None]) -> None:
        event: CloudEvent | None = None
        try:
            event = read_event(delivery.body, max_bytes=self._max_bytes)
            mark = print_of(event.source, event.id)
            request = read_request(event)
            if mark in known or mark in batch.ids:
                outcome = REPEATED
            else:
                self._apply(request, event)
                batch.ids[mark] = None
                outcome = TAKEN
        except SeatrialError as problem:
            if _passes(problem):
                raise
            self._reject(delivery, event, problem, batch)
            outcome = REJECTED
        except Exception as wrong:  # noqa: BLE001 - the border of a message: the rest goes on
            _log.exception("an event failed in a way nobody foresaw")
            self._reject(delivery, event, _failed(wrong), batch)
            outcome = REJECTED
        kind = event.type if event is not None and event.type in TYPES else _OTHER
        batch.counts[kind, outcome] += 1
        batch.done.append(delivery)

    def _reject(
        self, delivery: Delivery, event: CloudEvent | None, problem: SeatrialError, batch: _Batch
    ) -> None:
        rejected = Rejected(
            place=delivery.place,
            type="" if event is None else event.type,
            id="" if event is None else event.id,
            code=problem.code,
            problem=str(problem)[:500],
        )
        _log.warning("the event at %s is rejected: %s", rejected.place, rejected.problem)
        batch.rejected.append(rejected)
        batch.letters.append(Message(key=delivery.place, body=letter_of(rejected, delivery.body)))

    def _settle(self, reader: Reader, batch: _Batch) -> None:
        if batch.letters:
            if self._publisher is None:
                self._publisher = self._broker.publisher()
            self._publisher.publish(self._dead_letter, batch.letters)
        draft: Draft = received(list(batch.ids), batch.counts, batch.rejected)
        self._stream.change(lambda _: [draft])
        reader.settle(batch.done)


def letter_of(rejected: Rejected, body: bytes) -> bytes:
    """A rejected message with the reason, as an event of its own."""
    kept = body[:_MAX_KEPT]
    data: dict[str, object] = {
        "code": rejected.code,
        "problem": rejected.problem,
        "place": rejected.place,
        "n_bytes": len(body),
        "cut": len(kept) < len(body),
    }
    try:
        data["message"] = kept.decode("utf-8")
    except UnicodeDecodeError:
        data["message_base64"] = base64.b64encode(kept).decode("ascii")
    record = {
        "specversion": SPEC,
        "id": rejected.place,
        "source": "/seatrial",
        "type": TYPE_PREFIX + "message.rejected",
        "subject": rejected.code,
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def _failed(wrong: Exception) -> EventFailed:
    return EventFailed(
        f"Taking the event in failed with {type(wrong).__name__}.",
        remedy="Look into the server's log, and report what stands there.",
    )


def _passes(problem: SeatrialError) -> bool:
    """Whether it is of the moment: the same event may have its effect later."""
    waits = isinstance(problem, LimitExceeded) and "retry_after_s" in problem.facts
    return waits or problem.retryable or isinstance(problem, Unavailable | StoreFull)
