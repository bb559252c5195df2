"""What is said before a server starts."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seatrial.wiring.listening import PortTaken
from seatrial.wiring.server_checks import open_port
from seatrial.wiring.workspace import Workspace, open_workspace


def place(tmp_path: Path, port: int) -> Workspace:
    (tmp_path / "seatrial.yaml").write_text(f"server: {{port: {port}}}\n")
    workspace = open_workspace(
        home=tmp_path / "home", config=tmp_path / "seatrial.yaml", environment={}
    )
    workspace.own.mkdir(parents=True, exist_ok=True)
    return workspace


def killed_on(workspace: Workspace, port: int) -> None:
    """As a server leaves its record that was killed there."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    record = {"pid": gone.pid, "created": 1.0, "address": f"http://127.0.0.1:{port}", "log": "x"}
    (workspace.own / "server.json").write_text(json.dumps(record))


def test_the_workers_of_a_killed_server_are_waited_for(tmp_path: Path) -> None:
    held = socket.create_server(("127.0.0.1", 0))
    port = held.getsockname()[1]
    workspace = place(tmp_path, port)
    killed_on(workspace, port)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        threading.Thread(target=held.close).start()

    with open_port(workspace, say=say) as listening:
        assert listening.getsockname()[1] == port
    assert said == [f"waits for port {port}: workers of a server that was killed still hold it"]


@pytest.mark.parametrize("before", ["none", "elsewhere"])
def test_a_port_that_another_holds_is_refused_at_once(tmp_path: Path, before: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        workspace = place(tmp_path, port)
        if before == "elsewhere":
            killed_on(workspace, 1)
        said: list[str] = []
        with pytest.raises(PortTaken):
            open_port(workspace, say=said.append)
    assert said == []
