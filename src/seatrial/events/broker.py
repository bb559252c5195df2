"""The port of a broker: what is published to it, and what is read from it.

Bodies are UTF-8 JSON text. All calls block for at most about the adapter's timeout; one instance is
for one thread. `seatrial.testing.BrokerSuite` says what each adapter must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.kernel.errors import Denied, Invalid, LimitExceeded, NotFound, Unavailable


class BrokerUnavailable(Unavailable):
    """The broker does not answer, or has not taken all that it was given."""

    code = "events.broker_unavailable"


class BrokerDenied(Denied):
    """The broker does not let this user in, or not at this topic."""

    code = "events.broker_denied"


class BrokerAddressInvalid(Invalid):
    """The broker's address, or an option of its client, cannot be used."""

    code = "events.broker_address_invalid"


class TopicMissing(NotFound):
    """The broker has no such topic, and makes none by itself."""

    code = "events.topic_missing"


class MessageTooLarge(LimitExceeded):
    """The broker takes no message of this size."""

    code = "events.message_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published.

    Args:
        key: messages of one key stay in order.
        body: UTF-8 JSON text.
    """

    key: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was read.

    Args:
        body: as it came; whoever sent it may have sent anything.
        place: where it stands, unique in the broker, such as ``topic/0/17``; for people and logs.
    """

    body: bytes
    place: str


class Publisher(Protocol):
    """Takes messages of ours to topics."""

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return once the broker keeps all of them; those of one key in their order.

        At least once: after an error any of them may have arrived, and all are to be given again.
        Raises: BrokerUnavailable, BrokerDenied, TopicMissing, MessageTooLarge.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Reader(Protocol):
    """Reads one topic for one group, from the first message that was not settled.

    A topic that a group never read is read from its first message. Only one reader of a group may
    be open at a time.
    """

    def receive(self, *, limit: int, wait_s: float) -> list[Delivery]:
        """The next messages after those received before, at most ``limit``; none after ``wait_s``.

        Raises: BrokerUnavailable, BrokerDenied, TopicMissing.
        """
        ...

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Never hand these out again: the next ones received and not yet settled, in order.

        Raises: BrokerUnavailable, BrokerDenied.
        """
        ...

    def n_waiting(self) -> int | None:
        """Messages that are not settled, about; None when the broker cannot tell.

        Raises: BrokerUnavailable.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; what was received and not settled comes again."""
        ...


class Broker(Protocol):
    """Opens both; may be asked from any thread."""

    def publisher(self) -> Publisher:
        """A new one.   Raises: BrokerAddressInvalid, BrokerUnavailable, BrokerDenied."""
        ...

    def reader(self, topic: str, group: str) -> Reader:
        """A new one.   Raises: as `publisher`, and TopicMissing."""
        ...
