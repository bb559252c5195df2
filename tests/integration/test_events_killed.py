"""The process that moves events is killed with `kill -9` while it does.

Nothing is lost, and nothing has its effect twice. On the other side are clients of the brokers that
know nothing of seatrial.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import kafka_brokers
import pytest
import yaml

from seatrial.events.desk import EventDesk
from seatrial.events.requests import LABELS, RETRAINING
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Step
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.workspace import open_workspace

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
N_KILLS = 2
N_EACH = 40
ENDPOINT = "churn"
OUT, IN, DEAD = "seatrial.events", "seatrial.requests", "seatrial.rejected"


class Outside(Protocol):
    """Another system, with a client of its own."""

    broker: dict[str, Any]

    def send(self, topic: str, bodies: Sequence[bytes]) -> None: ...

    def all(self, topic: str) -> list[bytes]: ...


class KafkaOutside:
    def __init__(self, servers: str) -> None:
        from confluent_kafka import Producer

        self.broker = {"kind": "kafka", "servers": servers}
        self._servers = servers
        self._found: dict[str, list[bytes]] = {}
        self._producer = Producer({"bootstrap.servers": servers, "log_level": 2})

    def send(self, topic: str, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self._producer.produce(topic, value=body, key=b"one")  # one partition: one order
        assert self._producer.flush(20) == 0

    def all(self, topic: str) -> list[bytes]:
        self._found = self._found or self._read()
        return self._found[topic]

    def _read(self) -> dict[str, list[bytes]]:
        from confluent_kafka import Consumer

        settings = {
            "bootstrap.servers": self._servers,
            "group.id": uuid4().hex,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
            "log_level": 2,
        }
        consumer = Consumer(settings)
        consumer.subscribe([OUT, DEAD])  # as others do: by its group
        found: dict[str, list[bytes]] = {OUT: [], DEAD: []}
        until_s = time.monotonic() + 30
        while time.monotonic() < until_s:
            for message in consumer.consume(500, timeout=0.2):
                if message.error() is None:
                    found[message.topic()].append(message.value())
                    until_s = time.monotonic() + 2
        consumer.close()
        return found


class RedisOutside:
    def __init__(self, url: str) -> None:
        import redis

        self.broker = {"kind": "redis", "url": url}
        self._client: Any = redis.Redis.from_url(url)
        self._client.delete(OUT, IN, DEAD)

    def send(self, topic: str, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self._client.xadd(topic, {"event": body})

    def all(self, topic: str) -> list[bytes]:
        return [fields[b"event"] for _, fields in self._client.xrange(topic)]


class PostgresOutside:
    def __init__(self, url: str) -> None:
        self._schema = f"t_{uuid4().hex}"
        os.environ["EVENTS_DATABASE"] = url
        self.broker = {
            "kind": "postgres",
            "url_env": "EVENTS_DATABASE",
            "db_schema": self._schema,
        }
        self._url = url

    def send(self, topic: str, bodies: Sequence[bytes]) -> None:
        import psycopg

        until(self._has_tables)
        with psycopg.connect(self._url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {self._schema}.messages (topic, body) VALUES (%s, %s)",
                [(topic, body.decode()) for body in bodies],
            )

    def _has_tables(self) -> bool:
        import psycopg

        with psycopg.connect(self._url) as connection:
            found = connection.execute(
                "SELECT to_regclass(%s) IS NOT NULL", (f"{self._schema}.messages",)
            ).fetchone()
        return found is not None and bool(found[0])

    def all(self, topic: str) -> list[bytes]:
        import psycopg

        with psycopg.connect(self._url) as connection:
            rows = connection.execute(
                f"SELECT body FROM {self._schema}.messages WHERE topic = %s ORDER BY position",
                (topic,),
            ).fetchall()
        return [body.encode() for (body,) in rows]


@pytest.fixture
def kafka_mock() -> Iterator[Outside]:
    with kafka_brokers.mock_cluster() as servers:
        yield KafkaOutside(servers)


@pytest.fixture
def kafka_tansu(pytestconfig: pytest.Config) -> Iterator[Outside]:
    with kafka_brokers.tansu(pytestconfig) as servers:
        kafka_brokers.made(servers, OUT, IN, DEAD)
        yield KafkaOutside(servers)


@pytest.fixture
def redis_streams(redis_server: Any) -> Outside:
    return RedisOutside(redis_server.url)


@pytest.fixture
def postgres_tables() -> Iterator[Outside]:
    import psycopg

    url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]
    outside = PostgresOutside(url)
    yield outside
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{outside.broker["db_schema"]}" CASCADE')


class World:
    """A workspace, and what is sent to it."""

    def __init__(self, folder: Path, outside: Outside) -> None:
        self.outside = outside
        self.config = folder / "seatrial.yaml"
        table = {"source": "table", "table": {"source": "rows.parquet"}}
        settings = {
            "events": {
                "broker": outside.broker,
                "publish": {"since": "beginning", "kinds": ["alert.*"]},
                "receive": {},
            },
            "retraining": {ENDPOINT: {"training": "t", "label": "y", "data": table}},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.home = folder / "home"
        self.workspace = open_workspace(home=self.home, config=self.config)
        self.store = self.workspace.open_store()
        self.movers: list[subprocess.Popen[bytes]] = []
        self.published: list[str] = []
        self.demands = 0
        self.labels: dict[str, str] = {}
        self.n_poison = 0

    def serve(self) -> None:
        plan = Plan(steps=(Step(share=0.05, watch_s=60.0),))

        def begun(state: Any) -> list[Draft]:
            return start(
                state, version=1, digest="d" * 64, plan=plan, target="production", by="test"
            )

        Endpoints(self.store).change(ENDPOINT, begun)

    def mover(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, HERE / "events_mover.py", self.home, self.config]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        self.movers.append(process)
        assert process.stdout.readline() == b"moving\n"
        return process

    def happen(self, n: int) -> None:
        """Facts of three streams."""
        for _ in range(n):
            stream = f"alerts/{random.choice('abc')}"
            revision = len(self.store.read(stream=stream))
            self.store.append(stream, [Draft(kind="alert.fired")], expected=revision)
            self.published.append(f"{stream}/{revision + 1}")

    def send(self, n: int) -> None:
        """Demands, labels that are corrected, some of both twice, and poison."""
        bodies = []
        for _ in range(n):
            self.demands += 1
            key = f"row-{random.randrange(50)}"
            self.labels[key] = str(self.demands)
            label = {"id": key, "label": self.labels[key]}
            two = [
                event(f"d{self.demands}", RETRAINING, {"retraining": ENDPOINT}),
                event(f"l{self.demands}", LABELS, {"endpoint": ENDPOINT, "labels": [label]}),
            ]
            bodies += two + two[: random.randrange(3)]
        bodies.insert(len(bodies) // 2, b'{"not": "an event"}')
        self.n_poison += 1
        self.outside.send(IN, bodies)


def killed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def event(key: str, kind: str, data: dict[str, Any]) -> bytes:
    record = {"specversion": "1.0", "id": key, "source": "/outside", "type": kind, "data": data}
    return json.dumps(record).encode()


def until(what: Callable[[], bool], *, within_s: float = 60.0) -> None:
    until_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.05)


@pytest.mark.parametrize(
    "broker", ["kafka_mock", "kafka_tansu", "redis_streams", "postgres_tables"]
)
def test_nothing_is_lost_and_nothing_done_twice(
    broker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    world = World(tmp_path, request.getfixturevalue(broker))
    request.addfinalizer(lambda: [one.kill() for one in world.movers])  # also where it fails
    world.serve()
    for _ in range(N_KILLS):
        process = world.mover()
        until(lambda: bool(world.store.present("events/in")))
        world.send(N_EACH)
        world.happen(N_EACH)
        time.sleep(random.random() * 0.6)
        killed(process)
    process = world.mover()
    world.send(N_EACH)
    world.happen(N_EACH)
    desk = EventDesk(world.store, world.workspace.settings.events)

    def all_done() -> bool:
        view = desk.view()
        counted = Counter[str]()
        for one in view["receive"]["counts"]:
            counted[one["outcome"]] += one["n"]
        n_out = view["publish"]["n_published"]
        return counted["taken"] >= 2 * world.demands and n_out >= len(world.published)

    until(all_done)
    until(lambda: desk.view()["receive"]["n_waiting"] in (0, None))
    killed(process)
    check_out(world)
    check_in(world)


def check_out(world: World) -> None:
    sent = [json.loads(body) for body in world.outside.all(OUT)]
    ids = list(dict.fromkeys(one["id"] for one in sent))
    assert sorted(ids) == sorted(world.published)
    for stream in {one["subject"] for one in sent}:
        mine = [one for one in ids if one.startswith(f"{stream}/")]
        assert mine == [f"{stream}/{n}" for n in range(1, len(mine) + 1)]
    assert len({one["source"] for one in sent}) == 1


def check_in(world: World) -> None:
    asked = world.store.read(stream=f"triggers/{ENDPOINT}", limit=10_000)
    events = Counter(fact.data["evidence"]["event"] for fact in asked)
    assert events == Counter({f"d{n}": 1 for n in range(1, world.demands + 1)})
    with LabelFiles(world.workspace.labels).writing(ENDPOINT) as inbox:
        labels = {one.id: one.value for _, one in inbox.read(limit=100_000)}
    assert labels == world.labels
    letters = [json.loads(body) for body in world.outside.all(DEAD)]
    assert len({one["id"] for one in letters}) == world.n_poison
    assert {one["data"]["code"] for one in letters} == {"events.event_invalid"}
