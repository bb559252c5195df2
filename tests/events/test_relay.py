"""Facts on their way out."""

import json

import pytest

from seatrial.events.broker import BrokerUnavailable
from seatrial.events.journal import OUT
from seatrial.events.relay import Relay
from seatrial.kernel.events import Draft
from seatrial.testing.memory_broker import MemoryBroker
from seatrial.testing.memory_store import MemoryStore


def relay(store, broker, **more):
    given = {
        "topic": "out",
        "chosen": lambda kind: kind.startswith("release."),
        "source": "/s",
        "from_the_start": True,
        "max_bytes": 10_000,
    }
    return Relay(store, broker, **(given | more))


def append(store, stream, *kinds):
    revision = len(store.read(stream=stream))
    store.append(stream, [Draft(kind=kind) for kind in kinds], expected=revision)


def ids(broker, topic="out"):
    return [json.loads(one.body)["id"] for one in broker.topics.get(topic, [])]


def settled(one):
    while one.step():
        pass
    one.close()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def broker():
    return MemoryBroker()


def test_chosen_facts_go_out_in_order_under_their_stream(store, broker):
    append(store, "endpoint/a", "release.started", "evidence.recorded")
    append(store, "endpoint/b", "release.started")
    settled(relay(store, broker))
    assert ids(broker) == ["endpoint/a/1", "endpoint/b/1"]
    assert [one.key for one in broker.topics["out"]] == ["endpoint/a", "endpoint/b"]


def test_what_is_over_is_left_alone_unless_asked_for(store, broker):
    append(store, "endpoint/a", "release.started")
    one = relay(store, broker, from_the_start=False)
    settled(one)
    append(store, "endpoint/a", "release.promoted")
    settled(one)
    assert ids(broker) == ["endpoint/a/2"]


def test_the_next_process_goes_on_where_the_one_before_noted(store, broker):
    append(store, "endpoint/a", "release.started")
    settled(relay(store, broker))
    append(store, "endpoint/a", "release.promoted")
    settled(relay(store, broker))
    assert ids(broker) == ["endpoint/a/1", "endpoint/a/2"]


def test_killed_before_it_was_noted_the_same_ids_go_out_again(store, broker):
    append(store, "endpoint/a", "release.started")

    class Killed(BaseException):
        pass

    class Dies(MemoryBroker):
        def put(self, topic, messages):
            broker.put(topic, messages)
            raise Killed

    with pytest.raises(Killed):
        settled(relay(store, Dies()))
    settled(relay(store, broker))
    assert ids(broker) == ["endpoint/a/1", "endpoint/a/1"]


def test_a_broker_that_is_down_loses_nothing(store, broker):
    one = relay(store, broker)
    broker.down = True
    append(store, "endpoint/a", *["release.started"] * 450)
    with pytest.raises(BrokerUnavailable):
        one.step()
    assert one.n_behind() > 400
    assert one.oldest == store.read()[1 if store.read()[0].stream == OUT else 0].at
    one.close()
    broker.down = False
    settled(one)
    assert one.oldest is None
    assert ids(broker) == [f"endpoint/a/{n}" for n in range(1, 451)]


def test_it_publishes_nothing_about_itself_and_comes_to_rest(store, broker):
    append(store, "endpoint/a", "release.started")
    one = relay(store, broker, chosen=lambda _: True)
    settled(one)
    n = len(store.read())
    settled(one)
    assert ids(broker) == ["endpoint/a/1"]
    assert len(store.read()) == n
    assert one.n_behind() == 0


def test_facts_that_are_not_published_leave_no_notes(store, broker):
    one = relay(store, broker)
    for _ in range(30):
        append(store, "endpoint/a", "evidence.recorded")
        settled(one)
    assert len(store.read(stream=OUT)) == 1
    assert one.n_behind() == 0


def test_a_relay_that_was_overtaken_does_not_go_back(store, broker):
    append(store, "endpoint/a", "release.started")
    slow, fast = relay(store, broker), relay(store, broker)
    slow._stream.refresh()
    settled(fast)
    append(store, "endpoint/a", "release.promoted")
    settled(fast)
    settled(slow)
    assert slow.sent == fast.sent
    assert ids(broker) == ["endpoint/a/1", "endpoint/a/2"]


def test_each_installation_has_a_source_of_its_own(broker):
    for store in (MemoryStore(), MemoryStore()):
        append(store, "endpoint/a", "release.started")
        settled(relay(store, broker, source=None))
    first, second = (json.loads(one.body)["source"] for one in broker.topics["out"])
    assert first.startswith("/seatrial/")
    assert first != second
