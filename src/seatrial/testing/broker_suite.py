"""What every broker must do; see `events.broker`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest

from seatrial.events.broker import Broker, Delivery, Message, Reader

_WAIT_S = 5.0
_NOTHING_S = 0.3


def messages(*bodies: str, key: str = "k") -> list[Message]:
    """Messages of one key."""
    return [Message(key=key, body=f'{{"n":"{body}"}}'.encode()) for body in bodies]


def read(reader: Reader, n: int, *, limit: int = 100) -> list[Delivery]:
    """Receive until ``n`` came, or none does for a while."""
    found: list[Delivery] = []
    while len(found) < n:
        more = reader.receive(limit=limit, wait_s=_WAIT_S)
        if not more:
            break
        found += more
    return found


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    """What they hold."""
    return [one.body for one in deliveries]


class BrokerSuite:
    """Subclass it as ``Test...`` with a fixture ``broker``; topics are named anew for each test."""

    @pytest.fixture
    def topic(self) -> str:
        """A topic that nobody used."""
        return f"suite-{uuid.uuid4().hex}"

    def test_what_is_published_is_read_in_order(self, broker: Broker, topic: str) -> None:
        """Of one key; bodies are unchanged, whatever text they hold."""
        publisher = broker.publisher()
        sent = messages(*map(str, range(250))) + messages("数据 \\u0000 ´", "x" * 100_000)
        publisher.publish(topic, sent[:100])
        publisher.publish(topic, sent[100:])
        publisher.close()
        reader = broker.reader(topic, "g")
        assert bodies(read(reader, len(sent))) == [one.body for one in sent]
        reader.close()

    def test_keys_keep_their_own_order(self, broker: Broker, topic: str) -> None:
        """Whatever lies between."""
        publisher = broker.publisher()
        sent = [one for n in range(50) for k in "abc" for one in messages(f"{k}{n}", key=k)]
        publisher.publish(topic, sent)
        publisher.close()
        reader = broker.reader(topic, "g")
        found = bodies(read(reader, len(sent)))
        for key in "abc":
            mine = [one for one in found if one.startswith(b'{"n":"' + key.encode())]
            assert mine == [one.body for one in sent if one.key == key]
        reader.close()

    def test_what_is_not_settled_comes_again(self, broker: Broker, topic: str) -> None:
        """To the next reader, from the first such message on; what is settled does not."""
        broker_publisher = broker.publisher()
        broker_publisher.publish(topic, messages(*"abcdef"))
        first = broker.reader(topic, "g")
        found = read(first, 6)
        first.settle(found[:2])
        first.close()
        second = broker.reader(topic, "g")
        again = read(second, 4)
        assert bodies(again) == bodies(found[2:])
        assert [one.place for one in again] == [one.place for one in found[2:]]
        second.settle(again)
        second.close()
        broker_publisher.publish(topic, messages("g"))
        third = broker.reader(topic, "g")
        assert bodies(read(third, 1)) == [b'{"n":"g"}']
        third.close()
        broker_publisher.close()

    def test_one_reader_hands_nothing_out_twice(self, broker: Broker, topic: str) -> None:
        """In pages as small as asked for."""
        publisher = broker.publisher()
        publisher.publish(topic, messages(*"abcde"))
        publisher.close()
        reader = broker.reader(topic, "g")
        found: list[Delivery] = []
        while len(found) < 5 and (page := reader.receive(limit=2, wait_s=_WAIT_S)):
            assert len(page) <= 2
            found += page
        assert bodies(found) == [one.body for one in messages(*"abcde")]
        assert reader.receive(limit=2, wait_s=_NOTHING_S) == []
        reader.close()

    def test_what_comes_later_is_read_too(self, broker: Broker, topic: str) -> None:
        """By a reader that was there before."""
        publisher = broker.publisher()
        publisher.publish(topic, messages("a"))
        reader = broker.reader(topic, "g")
        reader.settle(read(reader, 1))
        assert reader.receive(limit=10, wait_s=_NOTHING_S) == []
        publisher.publish(topic, messages("b"))
        assert bodies(read(reader, 1)) == [b'{"n":"b"}']
        reader.close()
        publisher.close()

    def test_groups_do_not_know_each_other(self, broker: Broker, topic: str) -> None:
        """Each reads all."""
        publisher = broker.publisher()
        publisher.publish(topic, messages("a", "b"))
        publisher.close()
        for group in ("one", "two"):
            reader = broker.reader(topic, group)
            found = read(reader, 2)
            assert len(found) == 2
            reader.settle(found)
            reader.close()

    def test_it_tells_how_many_wait(self, broker: Broker, topic: str) -> None:
        """Those not settled, or that it cannot tell."""
        publisher = broker.publisher()
        publisher.publish(topic, messages("a", "b", "c"))
        publisher.close()
        reader = broker.reader(topic, "g")
        found = read(reader, 3)
        assert reader.n_waiting() in (3, None)
        reader.settle(found[:1])
        assert reader.n_waiting() in (2, None)
        reader.close()

    def test_nothing_to_publish_or_settle_is_fine(self, broker: Broker, topic: str) -> None:
        """And changes nothing."""
        publisher = broker.publisher()
        publisher.publish(topic, messages("a"))
        publisher.publish(topic, [])
        publisher.close()
        reader = broker.reader(topic, "g")
        reader.settle([])
        assert len(read(reader, 1)) == 1
        reader.close()
