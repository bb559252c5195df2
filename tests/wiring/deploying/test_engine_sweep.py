"""Models elsewhere end once nothing names them; clock and server are doubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store
from seatrial.packaging.triton import MARK, Mark
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.projection import Endpoints
from seatrial.testing.memory_oip import Fault, MemoryOip, OipWorld
from seatrial.wiring.deploying import engine_sweep
from seatrial.wiring.deploying.engine_sweep import EngineSweep
from seatrial.wiring.workspace import Workspace, open_workspace


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> OipWorld:
    world = OipWorld(loaded={"iris-1", "iris-2", "theirs-1", "by-hand"})
    monkeypatch.setattr(engine_sweep, "open_server", lambda _config: MemoryOip(world))
    return world


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    home = tmp_path / "home"
    environment = {
        "SEATRIAL_ENGINES__TRITON__URL": "http://127.0.0.1:1",
        "SEATRIAL_ENGINES__TRITON__REPOSITORY": str(tmp_path / "repository"),
    }
    workspace = open_workspace(home=home, environment=environment)
    for endpoint, version, owner in (("iris", 1, home), ("iris", 2, home), ("theirs", 1, "/x")):
        folder = tmp_path / "repository" / f"{endpoint}-{version}"
        folder.mkdir(parents=True)
        mark = Mark(home=str(owner), endpoint=endpoint, version=version, digest=f"d{version}")
        (folder / MARK).write_bytes(mark.as_json())
    (tmp_path / "repository" / "by-hand").mkdir()
    return workspace


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    store = workspace.open_store()
    yield store
    store.close()


def begin(store: Store, version: int) -> None:
    Desk(store).start(
        "iris",
        version=version,
        digest=f"d{version}",
        target="production",
        plan=ReleaseConfig().plan(),
        by="test",
        notes={},
    )


def say(store: Store, kind: str) -> None:
    endpoints = Endpoints(store)
    endpoints.refresh()
    rollout = endpoints.get("iris").rollout
    assert rollout is not None
    data = {"release": rollout.release, "version": rollout.version, "reason": "r", "report": {}}
    endpoints.append("iris", [Draft(kind=kind, data=data, by="test")])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_nothing_names_any_more_ends_after_a_grace(
    workspace: Workspace, store: Store, world: OipWorld, tmp_path: Path
) -> None:
    begin(store, 1)
    say(store, "staging.passed")
    say(store, "release.promoted")
    begin(store, 2)
    store.beat("worker/a/0", {})
    clock = Clock()
    sweep = EngineSweep(workspace, store, now=clock)
    for _ in range(40):
        clock.now += 5.0
        sweep.turn()
    assert {"iris-1", "iris-2"} <= world.loaded  # one is stable, one is being released

    say(store, "staging.failed")
    for _ in range(12):
        clock.now += 5.0
        sweep.turn()
        assert "iris-2" in world.loaded
    clock.now += 5.0
    sweep.turn()
    assert world.loaded == {"iris-1", "theirs-1", "by-hand"}
    left = sorted(folder.name for folder in (tmp_path / "repository").iterdir())
    assert left == ["by-hand", "iris-1", "theirs-1"]


def test_a_server_that_is_gone_is_asked_again_later(
    workspace: Workspace, store: Store, world: OipWorld, tmp_path: Path
) -> None:
    world.fault = Fault.GONE
    sweep = EngineSweep(workspace, store, now=Clock())
    sweep.turn(at_once=True)  # no worker is there, so there is no grace either
    assert (tmp_path / "repository" / "iris-1").exists()
    world.fault = None
    sweep.turn(at_once=True)
    assert world.loaded == {"theirs-1", "by-hand"}
    assert not (tmp_path / "repository" / "iris-1").exists()


def test_without_a_repository_nothing_is_looked_at(tmp_path: Path, world: OipWorld) -> None:
    workspace = open_workspace(home=tmp_path, environment={})
    store = workspace.open_store()
    EngineSweep(workspace, store).turn(at_once=True)
    store.close()
    assert len(world.loaded) == 4
