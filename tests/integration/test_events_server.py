"""A server that publishes to Redis and reads from it, while Redis is killed and comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from seatrial.kernel.events import Draft
from seatrial.wiring.workspace import open_workspace

pytestmark = pytest.mark.integration

SRC = Path(__file__).parents[2] / "src"


def seatrial(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if k != "SEATRIAL_HOME"}
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def server(tmp_path: Path, redis_server: Any) -> Iterator[Path]:
    settings = {
        "server": {"port": 0},
        "events": {
            "broker": {"kind": "redis", "url": redis_server.url, "timeout": 1},
            "publish": {"topic": "up.events", "since": "beginning", "kinds": ["alert.*"]},
            "receive": {"topic": "up.requests", "dead_letter": "up.rejected"},
        },
    }
    (tmp_path / "seatrial.yaml").write_text(yaml.safe_dump(settings))
    up = seatrial(tmp_path, "up", "--detach")
    assert up.returncode == 0, up.stderr
    yield tmp_path
    seatrial(tmp_path, "down")


def until(what: Callable[[], bool], *, within_s: float = 60.0) -> None:
    until_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def test_a_broker_may_come_and_go(server: Path, redis_server: Any) -> None:
    client: Any = redis.Redis.from_url(redis_server.url)
    address = json.loads((server / ".seatrial" / "server.json").read_text())["address"]
    store = open_workspace(home=server / ".seatrial", config=server / "seatrial.yaml").open_store()

    def get(path: str) -> str:
        with urllib.request.urlopen(address + path, timeout=20) as reply:
            text: str = reply.read().decode()
        return text

    def view() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(get("/api/events"))
        return found

    def append(n: int) -> None:
        known = len(store.read(stream="alerts/churn"))
        store.append("alerts/churn", [Draft(kind="alert.fired")] * n, expected=known)

    def published() -> list[str]:
        return [json.loads(e[b"event"])["id"] for _, e in client.xrange("up.events")]

    append(1)
    until(lambda: published() == ["alerts/churn/1"])
    event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "seatrial.registry.changed"}
    client.xadd("up.requests", {"event": json.dumps(event | {"data": {}})})
    client.xadd("up.requests", {"event": "nonsense"})
    until(lambda: len(view()["receive"]["counts"]) == 2)
    assert [one["code"] for one in view()["receive"]["rejected"]] == ["events.event_invalid"]
    assert client.xlen("up.rejected") == 1

    redis_server.kill()
    append(50)
    until(lambda: "seatrial_events_publishing{} 0" in get("/metrics"))
    assert view()["publish"]["code"] == "events.broker_unavailable"
    assert view()["publish"]["n_behind"] >= 50
    told = seatrial(server, "events", "status").stderr
    assert "stands still" in told
    began_s = time.monotonic()
    assert get("/health")
    assert time.monotonic() - began_s < 5

    redis_server.start()
    until(lambda: len(published()) >= 51)
    assert list(dict.fromkeys(published())) == [f"alerts/churn/{n}" for n in range(1, 52)]
    until(lambda: "seatrial_events_publishing{} 1" in get("/metrics"))
    until(lambda: not view()["receive"]["problem"])
    client.xadd("up.requests", {"event": json.dumps(event | {"id": "2", "data": {}})})
    until(
        lambda: (
            {"type": "seatrial.registry.changed", "outcome": "taken", "n": 2}
            in view()["receive"]["counts"]
        )
    )
    store.close()
