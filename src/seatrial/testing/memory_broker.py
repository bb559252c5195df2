"""A broker in this process's memory: what the port means in its simplest form."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from seatrial.events.broker import BrokerUnavailable, Delivery, Message


class MemoryBroker:
    """`events.broker.Broker` without a server.

    Attributes:
        down: whether it answers nothing.
        topics: the messages of each topic, the oldest first.
    """

    def __init__(self) -> None:
        self.down = False
        self.topics: dict[str, list[Message]] = {}
        self._settled: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def publisher(self) -> MemoryPublisher:
        """See Broker."""
        return MemoryPublisher(self)

    def reader(self, topic: str, group: str) -> MemoryReader:
        """See Broker."""
        self.check()
        return MemoryReader(self, topic, group)

    def check(self) -> None:
        """Raises: BrokerUnavailable: it is down."""
        if self.down:
            raise BrokerUnavailable("The broker is down.", remedy="Set it up again.")

    def put(self, topic: str, messages: Sequence[Message]) -> None:
        """Keep messages."""
        self.check()
        with self._lock:
            self.topics.setdefault(topic, []).extend(messages)

    def settled(self, topic: str, group: str) -> int:
        """How many messages of a topic a group has settled."""
        return self._settled.get((topic, group), 0)

    def settle(self, topic: str, group: str, n: int) -> None:
        """Say that the first ``n`` messages are settled."""
        self.check()
        self._settled[topic, group] = n


class MemoryPublisher:
    """See Publisher."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See Publisher."""
        self._broker.put(topic, messages)

    def close(self) -> None:
        """See Publisher."""


class MemoryReader:
    """See Reader."""

    def __init__(self, broker: MemoryBroker, topic: str, group: str) -> None:
        self._broker = broker
        self._topic = topic
        self._group = group
        self._at = broker.settled(topic, group)

    def receive(self, *, limit: int, wait_s: float) -> list[Delivery]:  # noqa: ARG002
        """See Reader: it waits for nothing, nobody else is there to send."""
        self._broker.check()
        found = self._broker.topics.get(self._topic, [])[self._at : self._at + limit]
        first = self._at
        self._at += len(found)
        return [
            Delivery(body=one.body, place=f"{self._topic}/{first + place}")
            for place, one in enumerate(found)
        ]

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """See Reader."""
        if deliveries:
            reached = int(deliveries[-1].place.rpartition("/")[2]) + 1
            self._broker.settle(self._topic, self._group, reached)

    def n_waiting(self) -> int | None:
        """See Reader."""
        self._broker.check()
        known = len(self._broker.topics.get(self._topic, []))
        return known - self._broker.settled(self._topic, self._group)

    def close(self) -> None:
        """See Reader."""
