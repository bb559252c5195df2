"""A server in the background: started, found, stopped."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from seatrial.wiring.background import (
    NoServer,
    ServerDied,
    ServerRunning,
    announce,
    running,
    start_detached,
    stop_detached,
    withdraw,
)
from seatrial.wiring.listening import listen
from seatrial.wiring.server import run_server
from seatrial.wiring.server_checks import TokenMissing
from seatrial.wiring.workspace import Workspace, open_workspace

detached = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(home=tmp_path / "home", environment={}).listening(
        host=None, port=0, workers=1
    )


def test_who_announces_itself_is_found_until_it_withdraws(workspace: Workspace) -> None:
    assert running(workspace) is None
    announce(workspace, address="http://127.0.0.1:1")
    found = running(workspace)
    assert found is not None
    assert (found.pid, found.address) == (os.getpid(), "http://127.0.0.1:1")
    withdraw(workspace)
    assert running(workspace) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1, "created": null, "log": "x"}']
)
def test_a_damaged_record_is_no_server(text: str, workspace: Workspace) -> None:
    (workspace.home / "server.json").write_text(text)
    assert running(workspace) is None


def test_another_process_with_the_same_number_is_not_taken_for_the_server(
    workspace: Workspace,
) -> None:
    announce(workspace, address="http://127.0.0.1:1")
    file = workspace.home / "server.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "created": said["created"] - 100}))
    assert running(workspace) is None
    with pytest.raises(NoServer):
        stop_detached(workspace)


def test_withdrawing_leaves_another_servers_record_alone(workspace: Workspace) -> None:
    parent = psutil.Process().parent()
    assert parent is not None
    said = {
        "pid": parent.pid,
        "created": parent.create_time(),
        "address": "http://127.0.0.1:1",
        "log": "x",
    }
    (workspace.home / "server.json").write_text(json.dumps(said))
    withdraw(workspace)
    assert running(workspace) is not None


def record_of_the_parent(workspace: Workspace, *, created_ago: float = 0.0) -> str:
    parent = psutil.Process().parent()
    assert parent is not None
    said = {
        "pid": parent.pid,
        "created": parent.create_time() - created_ago,
        "address": "http://127.0.0.1:1",
        "log": "x",
    }
    text = json.dumps(said)
    (workspace.home / "server.json").write_text(text)
    return text


def test_a_second_server_in_the_foreground_is_refused_and_takes_nothing_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.wiring.server.Supervisor", None)  # it must not come so far
    text = record_of_the_parent(workspace)
    with pytest.raises(ServerRunning, match="runs already"):
        run_server(workspace, say=lambda _: None)
    with pytest.raises(ServerRunning):
        announce(workspace, address="http://127.0.0.1:2")
    assert (workspace.home / "server.json").read_text() == text


def test_the_record_of_a_killed_server_hinders_nobody(workspace: Workspace) -> None:
    record_of_the_parent(workspace, created_ago=100)
    announce(workspace, address="http://127.0.0.1:2")
    found = running(workspace)
    assert found is not None
    assert found.address == "http://127.0.0.1:2"


def test_the_network_needs_a_token(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEATRIAL_TOKEN", raising=False)
    for host in ("0.0.0.0", "192.0.2.1", "example.org", "::"):
        with pytest.raises(TokenMissing, match="opens the control routes"):
            run_server(workspace.listening(host=host, port=0, workers=1), say=lambda _: None)


@detached
@pytest.mark.integration
@pytest.mark.slow
def test_a_server_is_started_answers_and_is_stopped(workspace: Workspace) -> None:
    started = start_detached(workspace)
    try:
        with urllib.request.urlopen(started.address + "/livez", timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(ServerRunning, match=str(started.pid)):
            start_detached(workspace)
        family = psutil.Process(started.pid).children(recursive=True)
        assert len(family) == 2  # a worker, and the controller with the monitor
    finally:
        assert stop_detached(workspace) == started.pid
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert running(workspace) is None


@detached
@pytest.mark.integration
@pytest.mark.slow
def test_a_killed_server_takes_its_processes_along_and_is_not_found(workspace: Workspace) -> None:
    started = start_detached(workspace)
    family = psutil.Process(started.pid).children(recursive=True)
    os.kill(started.pid, signal.SIGKILL)
    assert psutil.wait_procs(family, timeout=20)[1] == []
    until = time.monotonic() + 20  # its children see its end before it has ended
    while running(workspace) is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert running(workspace) is None


@detached
@pytest.mark.integration
@pytest.mark.slow
def test_a_server_that_cannot_start_says_why(workspace: Workspace) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerDied, match="Cannot listen on"):
            start_detached(workspace.listening(host=None, port=port, workers=1))
