"""The store full, locked, or shared by two controllers: predictions go on, nothing is promoted
wrongly, and the release goes on where it was once the trouble is over."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
Trouble = Callable[[Any, Any], AbstractContextManager[None]]


def begin(home: Any, bundles: Any) -> int:
    """Facts of a release that is about to warm up, so that no test has to wait for staging."""
    home.in_production(bundles.onnx(1.0))
    version: int = home.release(bundles.onnx(10.0))
    home.say("staging.passed", reason="fine", report={})
    home.say("canary.warming")
    return version


@contextmanager
def full(_home: Any, up: Any) -> Iterator[None]:
    """No byte more may be written to any file by the server: what a full disk amounts to."""
    affected = [psutil.Process(pid) for pid in (*up.workers(), up.controller())]
    for process in affected:
        process.rlimit(psutil.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for process in affected:
            process.rlimit(psutil.RLIMIT_FSIZE, UNLIMITED)


@contextmanager
def locked(home: Any, _up: Any) -> Iterator[None]:
    """Somebody else holds the database's only writer's lock."""
    with closing(sqlite3.connect(home.store.path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield
        rival.rollback()


@pytest.mark.parametrize("trouble", [full, locked], ids=lambda t: t.__name__)
def test_a_store_that_cannot_be_written_stops_the_release_and_not_the_answers(
    home: Any, bundles: Any, lab: Any, trouble: Trouble
) -> None:
    home.configure(release=lab.QUICK | {"steps": [{"share": 0.5, "watch": "10s"}]})
    version = begin(home, bundles)
    up = home.up("--workers", "2")
    home.reach("canary")
    lab.until("both workers", lambda: home.settled(2) and up.controller())
    with lab.Traffic(up.port, n_clients=4, pause_s=0.005) as traffic:
        with trouble(home, up):
            known = home.kinds()
            lab.until("the complaint", lambda: home.store.head() and troubled(up))
            n_asked = len(traffic.asked)
            lab.until("more answers", lambda: len(traffic.asked) > n_asked + 500)
            assert [k for k in home.kinds() if k != "evidence.recorded"] == [
                k for k in known if k != "evidence.recorded"
            ]
        home.reach("promoted")
        lab.until("both workers", lambda: home.settled(2))
    assert traffic.bad() == []
    promoted = [f.data["version"] for f in home.facts() if f.kind == "release.promoted"]
    assert promoted == [1, version]
    assert up.stop() == 0
    lab.until("every process ended", up.gone)


def troubled(up: Any) -> bool:
    """Whether the store has failed the server; a disk that takes no log line shows it by beats."""
    said: str = up.log()
    return (
        "cannot be used" in said or "slices:" in said or "beat:" in said or up.controller() is None
    )


def test_two_servers_on_one_store_promote_once(
    home: Any, bundles: Any, lab: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home.configure(store=f"sqlite:///{home.folder / 'seatrial.db'}")
    version = begin(home, bundles)
    other_home = tmp_path_factory.mktemp("other")
    (other_home / "bundles").symlink_to(home.folder / "bundles")
    servers = [home.up("--workers", "1"), home.up("--workers", "1", "--home", str(other_home))]
    with (
        lab.Traffic(servers[0].port, n_clients=3, pause_s=0.005) as one,
        lab.Traffic(servers[1].port, n_clients=3, pause_s=0.005) as other,
    ):
        home.reach("promoted")
        lab.until("all workers", lambda: home.settled(2))
    assert one.bad() == other.bad() == []
    promoted = [f.data["version"] for f in home.facts() if f.kind == "release.promoted"]
    assert promoted == [1, version]
    holding = [server for server in servers if server.controller()]
    assert len(holding) == 1

    holding[0].kill()
    (left,) = (server for server in servers if server is not holding[0])
    lab.until("the other controller to take over", left.controller)
    assert left.stop() == 0
    for server in servers:
        lab.until("every process ended", server.gone)
