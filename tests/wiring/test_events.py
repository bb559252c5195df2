"""Which broker a configuration gets, and events that move beside other work."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.events.redis import RedisBroker
from seatrial.events.broker import BrokerAddressInvalid, Message
from seatrial.events.config import EventsConfig, EventsSecretMissing, KafkaSecurity
from seatrial.events.desk import EventDesk
from seatrial.events.requests import RETRAINING
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.config import ConfigInvalid, validated
from seatrial.kernel.events import Draft
from seatrial.testing.memory_broker import MemoryBroker
from seatrial.testing.memory_store import MemoryStore
from seatrial.wiring import events
from seatrial.wiring.events import NoEventsDatabase, _options, open_broker
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import Workspace

SQLITE = "sqlite:///seatrial.db"


def config(**broker: Any) -> EventsConfig:
    return EventsConfig.model_validate({"broker": broker, "publish": {}})


def test_redis_is_found_by_its_address_or_a_variable() -> None:
    url = "redis://h:1/0"
    assert isinstance(open_broker(config(kind="redis", url=url), store_url=SQLITE), RedisBroker)
    by_name = config(kind="redis", url_env="EVENTS_URL")
    found = open_broker(by_name, store_url=SQLITE, environment={"EVENTS_URL": url})
    assert isinstance(found, RedisBroker)
    with pytest.raises(EventsSecretMissing, match="EVENTS_URL"):
        open_broker(by_name, store_url=SQLITE, environment={})
    with pytest.raises(BrokerAddressInvalid):
        open_broker(config(kind="redis", url="http://h"), store_url=SQLITE)


def test_postgresql_is_that_of_the_store_unless_another_is_named() -> None:
    open_broker(config(kind="postgres"), store_url="postgresql://u@h/d?schema=mine")
    with pytest.raises(NoEventsDatabase):
        open_broker(config(kind="postgres"), store_url=SQLITE)
    named = config(kind="postgres", url_env="DB")
    open_broker(named, store_url=SQLITE, environment={"DB": "postgresql://u@h/d"})
    with pytest.raises(BrokerAddressInvalid):
        open_broker(named, store_url=SQLITE, environment={"DB": "postgresql://u:p@h/d?nonsense=1"})


def test_kafka_gets_its_security_and_no_secret_stands_in_the_file() -> None:
    security = KafkaSecurity(
        protocol="sasl_ssl", username_env="U", password_env="P", ca=Path("/ca.pem")
    )
    assert _options(security, {"U": "me", "P": "hush"}) == {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hush",
        "ssl.ca.location": "/ca.pem",
    }
    assert _options(KafkaSecurity(), {}) == {"security.protocol": "plaintext"}


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"publish": {}}, "events.broker is needed"),
        ({"broker": {"kind": "redis", "url": "redis://h"}}, "needs publish or receive"),
        ({"broker": {"kind": "redis"}, "publish": {}}, "either url or url_env"),
        ({"broker": {"kind": "rabbit"}, "publish": {}}, "'kafka', 'redis', 'postgres'"),
        (
            {
                "broker": {"kind": "postgres"},
                "publish": {"topic": "a"},
                "receive": {"topic": "a"},
            },
            "must differ",
        ),
        (
            {"broker": {"kind": "postgres"}, "receive": {"dead_letter": "seatrial.requests"}},
            "must differ",
        ),
        ({"broker": {"kind": "postgres"}, "publish": {"topic": "a b"}}, "topic"),
        ({"broker": {"kind": "postgres"}, "publish": {"max_bytes": 10}}, "4096"),
        (
            {
                "broker": {"kind": "kafka", "servers": "h", "security": {"protocol": "sasl_ssl"}},
                "publish": {},
            },
            "username_env",
        ),
        (
            {"broker": {"kind": "kafka", "servers": "h", "security": {"ca": "x"}}, "publish": {}},
            "ssl",
        ),
    ],
)
def test_what_does_not_fit_is_told(section: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigInvalid, match=says):
        validated(Settings, {"events": section}, "seatrial.yaml")


def test_without_a_broker_nothing_moves(tmp_path: Path) -> None:
    workspace = Workspace(home=tmp_path, settings=Settings())
    n_before = threading.active_count()
    with events.moving(workspace, MemoryStore(), threading.Event()):
        assert threading.active_count() == n_before


def test_events_move_both_ways_and_say_so(tmp_path: Path) -> None:
    section = {
        "broker": {"kind": "redis", "url": "redis://h"},
        "publish": {"since": "beginning"},
        "receive": {},
    }
    settings = Settings.model_validate({"events": section})
    workspace, store = Workspace(home=tmp_path, settings=settings), MemoryStore()
    broker = MemoryBroker()
    store.append("endpoint/a", [Draft(kind="release.promoted")], expected=0)
    poison = {"specversion": "1.0", "id": "1", "source": "/x", "type": RETRAINING}
    body = json.dumps(poison | {"data": {"retraining": "nobody's"}}).encode()
    broker.put("seatrial.requests", [Message(key="", body=body)])
    ways = events.directions_of(workspace, store, broker, SystemClock())
    for one in reversed(ways):  # what comes in leaves a fact, too
        while one.line.tick() == 0.0:
            pass
        one.look()
    stop = threading.Event()
    telling = threading.Thread(target=events._tell, args=(store, ways, stop, threading.Event()))
    telling.start()
    desk = EventDesk(store, settings.events)
    until_s = time.monotonic() + 20
    while not all(desk.view()[way]["runs"] for way in ("publish", "receive")):
        assert time.monotonic() < until_s
        time.sleep(0.005)
    stop.set()
    telling.join()
    view = desk.view()
    assert (view["publish"]["n_published"], view["publish"]["n_behind"]) == (1, 0)
    assert view["receive"]["n_waiting"] == 0
    (rejected,) = view["receive"]["rejected"]
    assert (rejected["type"], rejected["code"]) == (RETRAINING, "retraining.unknown")
    assert len(broker.topics["seatrial.rejected"]) == 1
    (beat,) = store.present("events/in")
    assert 'outcome="rejected"' in str(beat.data["metrics"])
