"""Whether somebody brings a release forward, asked of a real store."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.release.controller import BEAT, WORKERS
from seatrial.wiring.deploying.release_drivers import check_server, ensure_server, has_server
from seatrial.wiring.listening import PortTaken
from seatrial.wiring.workspace import Workspace, open_workspace


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.fixture
def workspace(tmp_path: Path, taken: int) -> Workspace:
    environment = {"SEATRIAL_SERVER__PORT": str(taken)}
    return open_workspace(home=tmp_path / "home", environment=environment)


def beat(workspace: Workspace, name: str, **data: object) -> None:
    store = workspace.open_store()
    store.beat(name, data)
    store.close()


@pytest.mark.parametrize("name", [BEAT, f"{WORKERS}elsewhere/0"])
def test_a_controller_or_a_worker_is_somebody(workspace: Workspace, name: str) -> None:
    store = workspace.open_store()
    assert not has_server(store)
    beat(workspace, name)
    assert has_server(store)
    store.close()


def test_a_server_that_could_not_listen_is_told_before(workspace: Workspace) -> None:
    with pytest.raises(PortTaken):
        check_server(workspace)


def test_a_server_elsewhere_on_the_store_will_do(workspace: Workspace) -> None:
    beat(workspace, f"{WORKERS}elsewhere/0", address="http://elsewhere:8080")
    check_server(workspace)
    assert ensure_server(workspace) == "http://elsewhere:8080"
