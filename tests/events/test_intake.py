"""Events on their way in."""

import base64
import json
import logging

import pytest

from seatrial.events.broker import BrokerUnavailable, Message
from seatrial.events.intake import Intake
from seatrial.events.requests import RETRAINING
from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import StoreUnavailable
from seatrial.monitoring.performance.inbox import full
from seatrial.testing.memory_broker import MemoryBroker
from seatrial.testing.memory_store import MemoryStore


def event(n, **more):
    record = {
        "specversion": "1.0",
        "id": str(n),
        "source": "/s",
        "type": RETRAINING,
        "data": {"retraining": f"r{n}"},
    }
    return json.dumps(record | more).encode()


class Effects:
    """What was done, and what goes wrong with it."""

    def __init__(self):
        self.done = []
        self.wrong = {}

    def __call__(self, request, event):
        if request.retraining in self.wrong:
            raise self.wrong[request.retraining]
        self.done.append(request.retraining)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def broker():
    return MemoryBroker()


@pytest.fixture
def effects():
    return Effects()


def intake(store, broker, effects, **more):
    given = {"topic": "in", "group": "g", "dead_letter": "dead", "max_bytes": 10_000}
    return Intake(store, broker, effects, **(given | more))


def send(broker, *bodies):
    broker.put("in", [Message(key="", body=body) for body in bodies])


def letters(broker):
    return [json.loads(one.body) for one in broker.topics.get("dead", [])]


def test_events_have_their_effect_in_order_and_are_settled(store, broker, effects):
    send(broker, *map(event, range(5)))
    one = intake(store, broker, effects)
    assert one.step() == 5
    assert one.step() == 0
    assert effects.done == ["r0", "r1", "r2", "r3", "r4"]
    assert broker.settled("in", "g") == 5
    assert one.taken.counts == {(RETRAINING, "taken"): 5}
    one.count()
    assert one.n_waiting == 0


def test_an_event_that_comes_again_has_no_effect(store, broker, effects):
    send(broker, event(1), event(1))
    intake(store, broker, effects).step()
    send(broker, event(1), event(2))
    again = intake(store, broker, effects)  # another process
    again.step()
    assert effects.done == ["r1", "r2"]
    assert again.taken.counts == {(RETRAINING, "taken"): 2, (RETRAINING, "repeated"): 2}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"hello", "events.event_invalid"),
        (b"\xff", "events.event_invalid"),
        (b"", "events.event_invalid"),
        (b"x" * 10_001, "events.event_too_large"),
        (event(1, type="other"), "events.type_unknown"),
        (event(1, data={"retraining": 5}), "events.data_invalid"),
    ],
)
def test_poison_goes_aside_with_its_reason_and_stops_nothing(store, broker, effects, body, code):
    send(broker, event(7), body, event(8))
    one = intake(store, broker, effects)
    one.step()
    assert effects.done == ["r7", "r8"]
    assert broker.settled("in", "g") == 3
    (letter,) = letters(broker)
    assert (letter["type"], letter["id"], letter["subject"]) == (
        "seatrial.message.rejected",
        "in/1",
        code,
    )
    kept = letter["data"]
    whole = base64.b64decode(kept["message_base64"]) if body == b"\xff" else kept["message"]
    assert whole == (body if body == b"\xff" else body.decode())
    assert kept["n_bytes"] == len(body)
    assert one.taken.rejected[0].code == code


def test_what_nobody_knows_goes_aside_too(store, broker, effects):
    effects.wrong["r1"] = NotFound("There is no r1.", remedy="Name another.")
    send(broker, event(1), event(2))
    intake(store, broker, effects).step()
    assert effects.done == ["r2"]
    assert letters(broker)[0]["data"]["problem"] == "There is no r1. Name another."


def test_a_mistake_of_ours_stops_nothing(store, broker, effects, caplog):
    effects.wrong["r1"] = ZeroDivisionError()
    send(broker, event(1), event(2))
    with caplog.at_level(logging.CRITICAL):
        intake(store, broker, effects).step()
    assert effects.done == ["r2"]
    assert letters(broker)[0]["subject"] == "events.event_failed"


@pytest.mark.parametrize("passing", [StoreUnavailable("It is down.", remedy="Wait."), full(5)])
def test_what_passes_is_waited_for_and_nothing_is_lost(store, broker, effects, passing):
    effects.wrong["r2"] = passing
    send(broker, *map(event, (1, 2, 3)))
    one = intake(store, broker, effects)
    for _ in range(3):
        with pytest.raises(type(passing)):
            one.step()
        one.close()
    assert (effects.done, broker.settled("in", "g"), letters(broker)) == (["r1"], 1, [])
    del effects.wrong["r2"]
    one.step()
    assert effects.done == ["r1", "r2", "r3"]


def test_poison_is_not_forgotten_where_it_cannot_be_put_aside(store, broker, effects):
    class NoLetters(MemoryBroker):
        def put(self, topic, messages):
            if topic == "dead" and self.refuses:
                raise BrokerUnavailable("No.", remedy="Wait.")
            super().put(topic, messages)

    broker = NoLetters()
    broker.refuses = True
    send(broker, b"poison", event(1))
    one = intake(store, broker, effects)
    with pytest.raises(BrokerUnavailable):
        one.step()
    one.close()
    assert broker.settled("in", "g") == 0
    broker.refuses = False
    one.step()
    assert broker.settled("in", "g") == 2
    assert len(letters(broker)) == 1


def test_killed_after_the_effect_it_is_repeated_at_once_and_then_known(store, broker, effects):
    class Killed(BaseException):
        pass

    class Dies(MemoryStore):
        def append(self, stream, drafts, *, expected):
            raise Killed

    send(broker, event(1))
    with pytest.raises(Killed):
        intake(Dies(), broker, effects).step()
    intake(store, broker, effects).step()
    assert effects.done == ["r1", "r1"]
    assert broker.settled("in", "g") == 1


def test_a_large_poison_is_cut(store, broker, effects):
    send(broker, b"x" * 300_000)
    intake(store, broker, effects).step()
    data = letters(broker)[0]["data"]
    assert (len(data["message"]), data["n_bytes"], data["cut"]) == (256 * 1024, 300_000, True)
