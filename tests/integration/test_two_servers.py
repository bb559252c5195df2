"""Two servers on one PostgreSQL, as on two machines with a folder in common; machines are lost.

A machine is a namespace of processes with a name of its own: what runs on it is ended at once,
wherever it is, as when its power is cut. The other one goes on, and nothing is done twice.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import psycopg
import pytest

from seatrial.kernel.events import Fact
from seatrial.wiring.workspace import open_store
from tests.journeys.retraining_world import OLD, Traffic, World, retraining, rows, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_APART = ["unshare", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
TOPIC, OUT = "seatrial.requests", "seatrial.events"
NIGHTLY = [{"name": "cron", "kind": "schedule", "cron": "* * * * *"}]
EXPERIMENT: dict[str, Any] = {
    "experiment": "back-again",
    "hypothesis": "Who is answered by the model of before buys more.",
    "endpoint": "churn",
    "versions": {"today": 2, "before": 1},
    "variants": {"today": 1, "before": 1},
    "primary": {"name": "bought", "kind": "share", "effect": 0.01, "baseline": {"mean": 0.1}},
    "horizon": {"units": 100_000, "days": 14},
}


class Machine:
    """One on which `seatrial up` runs, until the machine is lost."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world = name, world
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    @property
    def _said(self) -> Path:
        return self.world.home / "hosts" / self.name / "server.json"

    def start(self) -> None:
        self._said.unlink(missing_ok=True)
        up = [sys.executable, "-m", "seatrial", "up", "--port", "0", "--config", "seatrial.yaml"]
        command = [*_APART, "sh", "-c", 'hostname "$0" && exec "$@"', self.name, *up]
        with (self.world.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--home", str(self.world.home)],
                cwd=self.world.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(f"{self.name} is up", self._said.exists)
        self.address = json.loads(self._said.read_text())["address"]

    def lose(self) -> None:
        """All its processes are gone at once, by SIGKILL."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ask(self, path: str, body: object = None) -> Any:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except HTTPError as refused:
            raise AssertionError(refused.read().decode()) from refused


class Two:
    """Both machines, what they have in common, and what happens to them."""

    def __init__(self, folder: Path, url: str, seed: int) -> None:
        self.url, self.chance, schema = url, random.Random(seed), f"e_{uuid4().hex}"
        followed = {"holdout": "holdout.parquet", "label": "y", "cannot_tell": "canary"}
        self.world = World(
            folder,
            {
                "churn": retraining("slow", cooldown="0s"),
                "nightly": retraining("train", budget={"runs_per_day": 1}, triggers=NIGHTLY),
            },
            registry={"models": {"churn": followed}},
            events={
                "broker": {"kind": "postgres", "db_schema": schema},
                "publish": {"topic": OUT, "since": "beginning", "kinds": ["release.promoted"]},
                "receive": {"topic": TOPIC},
            },
            server={"workers": 1},
        )
        rows(2000, OLD, seed=3).drop(columns="at").to_parquet(folder / "holdout.parquet")
        self.events = f"{schema}.messages"
        self.machines = [Machine("port", self.world), Machine("starboard", self.world)]
        self.store = open_store(url)

    @property
    def up(self) -> list[Machine]:
        return [one for one in self.machines if one.process is not None]

    def lose_one(self) -> Machine:
        """Either, at some moment of the next second; returns the other one."""
        time.sleep(self.chance.random())
        lost = self.chance.choice(self.up)
        print(f"{lost.name} is lost")
        lost.lose()
        return self.up[0]

    def both(self) -> None:
        for one in self.machines:
            if one.process is None:
                one.start()

    def facts(self, stream: str, *kinds: str) -> list[Fact]:
        found = self.store.read(stream=stream, limit=10_000)
        return [fact for fact in found if not kinds or fact.kind in kinds]

    def send(self, key: str, kind: str, data: dict[str, Any]) -> None:
        body = {"specversion": "1.0", "id": key, "source": "/outside", "type": kind, "data": data}
        with psycopg.connect(_plain(self.url)) as connection:
            connection.execute(
                f"INSERT INTO {self.events} (topic, body) VALUES (%s, %s)",
                (TOPIC, json.dumps(body)),
            )


def _plain(url: str) -> str:
    """Without the schema, which is ours to read."""
    return url.partition("?")[0]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    database = os.environ.get("SEATRIAL_TEST_POSTGRES_URL")
    if database is None:
        pytest.skip("no PostgreSQL: see .ci/with-postgres")
    if subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no namespaces of processes are to be had here")
    schema = f"two_{uuid4().hex}"
    monkeypatch.setenv("SEATRIAL_STORE", f"{database}?schema={schema}")
    seed = int(os.environ.get("SEATRIAL_SEED", time.time_ns() % 10_000))
    print(f"seed {seed}")
    made = Two(tmp_path, os.environ["SEATRIAL_STORE"], seed)
    try:
        yield made
    finally:
        for one in made.machines:
            one.lose()
        made.store.close()
        with psycopg.connect(database, autocommit=True) as connection:
            for name in (schema, made.events.partition(".")[0]):
                connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')


def test_each_thing_is_done_once_whichever_machine_is_lost(two: Two) -> None:
    two.both()
    traffic = Traffic("churn", pause_s=0.01)
    traffic.address = two.machines[0].address
    traffic.start()
    try:
        _registered(two, traffic)
        _demanded(two, traffic)
    finally:
        traffic.over.set()
    _tried(two)
    _nothing_was_done_twice(two)


def _registered(two: Two, traffic: Traffic) -> None:
    """A version is registered, and one machine is lost while it is packaged or staged."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    old = rows(2000, OLD).drop(columns="at")
    file = two.world.folder / "model.pkl"
    joblib.dump(LogisticRegression().fit(old[["a", "b", "c"]], old["y"]), file)
    two.chance.choice(two.up).ask("/api/models/churn/versions?file=model.pkl", file.read_bytes())
    run = "run/registry/churn@own:1"
    until("its run", lambda: two.facts(run))
    traffic.address = two.lose_one().address
    (ended,) = until("its end", lambda: two.facts(run, "run.ended"))
    assert ended.data["outcome"] == "promoted", ended.data
    two.both()


def _demanded(two: Two, traffic: Traffic) -> None:
    """An event from outside, sent twice, asks for a retraining; a machine is lost as it trains."""
    for _ in range(2):
        two.send("demand-1", "seatrial.retraining.demanded", {"retraining": "churn"})
    run = "run/retraining/churn-1"
    until("its run", lambda: two.facts(run))
    traffic.address = two.lose_one().address
    (ended,) = until("its end", lambda: two.facts(run, "run.ended"), patience_s=120)
    assert ended.data["outcome"] == "promoted", ended.data
    two.both()


def _tried(two: Two) -> None:
    """An experiment splits what both machines are asked; one is lost before it is decided."""
    either = two.chance.choice(two.up)
    either.ask("/api/experiments", EXPERIMENT)
    either.ask("/api/experiments/back-again/start", {"by": "ann"})
    until("its begin", lambda: two.facts("experiments", "experiment.began"))
    users = [f"user-{n}" for n in range(900)]
    met = _met(two.up, users[:300])
    survivor = two.lose_one()
    met |= _met([survivor], users)
    wanted = [
        {"user": user, "metric": "bought", "value": True, "id": f"o-{user}"}
        for n, user in enumerate(users)
        if n % 10 < (8 if met[user] == 1 else 1)
    ]
    survivor.ask("/api/experiments/back-again/outcomes", wanted)
    survivor.ask("/api/experiments/back-again/outcomes", wanted)
    (decided,) = until("its decision", lambda: two.facts("experiments", "experiment.decided"))
    record = survivor.ask("/api/experiments/back-again")
    assert (record["outcome"], record["winner"]) == ("ship", "before"), decided.data
    assert record["counts"]["n_units"] == len(users)
    two.both()


def _met(machines: list[Machine], users: list[str]) -> dict[str, int]:
    """The version that each user meets, once the split has come to every worker."""
    met: dict[str, int] = {}
    for user, machine in zip(users, itertools.cycle(machines), strict=False):
        request = urllib.request.Request(
            f"{machine.address}/v1/models/churn:predict",
            json.dumps({"instances": [[0.1, 0.2, 0.3]]}).encode(),
            {"content-type": "application/json", "x-seatrial-key": user},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            met[user] = int(answer.headers["x-seatrial-version"])
    return met


def _nothing_was_done_twice(two: Two) -> None:
    until("the nightly run", lambda: two.facts("run/retraining/nightly-1"), patience_s=70)
    streams = two.store.streams()
    assert sorted(one for one in streams if one.startswith("run/registry/churn")) == [
        "run/registry/churn@own:1",
        "run/registry/churn@own:2",
    ]
    assert [one for one in streams if one.startswith("run/retraining/nightly")] == [
        "run/retraining/nightly-1"
    ]
    assert [one for one in streams if one.startswith("run/retraining/churn")] == [
        "run/retraining/churn-1"
    ]
    offered = [fact.kind for fact in two.facts("offers/churn")]
    assert offered.count("model.offered") == 2
    for kind in ("release.started", "release.promoted"):
        versions = [fact.data["version"] for fact in two.facts("endpoint/churn", kind)]
        assert versions == [1, 2], (kind, versions)
    for stream in streams:
        if stream.startswith("run/"):
            kinds = Counter((f.kind, f.data.get("step")) for f in two.facts(stream))
            twice = {k: n for k, n in kinds.items() if n > 1 and k[0] == "step.finished"}
            assert not twice, (stream, twice)
    promoted = {
        f"{stream}/{fact.revision}"
        for stream in streams
        if stream.startswith("endpoint/")
        for fact in two.facts(stream, "release.promoted")
    }
    until("what is published", lambda: promoted <= _published(two))


def _published(two: Two) -> set[str]:
    """The ids of the events that others can read."""
    with psycopg.connect(_plain(two.url)) as connection:
        sent = connection.execute(
            f"SELECT body FROM {two.events} WHERE topic = %s", (OUT,)
        ).fetchall()
    return {json.loads(body)["id"] for (body,) in sent}
