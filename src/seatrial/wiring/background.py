"""The server of a workspace: at most one; started, found and stopped by its commands."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from seatrial.kernel.errors import Conflict, NotFound, Unavailable
from seatrial.wiring.workspace import HOME, Workspace

_START_S = 30.0
_STOP_S = 30.0
_POLL_S = 0.05


class ServerRunning(Conflict):
    """A server of this workspace runs already."""

    code = "server.running"


class NoServer(NotFound):
    """No server of this workspace runs."""

    code = "server.none"


class ServerDied(Unavailable):
    """The server ended while it started."""

    code = "server.died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that runs, in the background or in a terminal.

    Args:
        pid: of its supervisor.
        created: when that process started, as the system tells it, so that a reused pid is not
            mistaken for it.
        address: where it listens.
        log: where its output goes.
    """

    pid: int
    created: float
    address: str
    log: Path


def _record(workspace: Workspace) -> Path:
    return workspace.home / "server.json"


def running(workspace: Workspace) -> Running | None:
    """The server of a workspace, or None."""
    try:
        said = json.loads(_record(workspace).read_text(encoding="utf-8"))
        found = Running(**{**said, "log": Path(said["log"])})
        process = psutil.Process(found.pid)
        same = abs(process.create_time() - found.created) < 1.0
        alive = same and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, TypeError, KeyError, psutil.Error):
        return None
    return found if alive else None


def check_none_runs(workspace: Workspace) -> None:
    """Refuse a second server: it would take the first one's record away, and `down` with it.

    A record that a killed server left behind is none.
    Raises: ServerRunning.
    """
    already = running(workspace)
    if already is not None:
        raise ServerRunning(
            f"A server of this workspace runs already on {already.address} "
            f"(process {already.pid}).",
            remedy="Use it, or stop it with `seatrial down`.",
            pid=already.pid,
        )


def start_detached(workspace: Workspace) -> Running:
    """Start `seatrial up` in the background and wait until it listens.

    Raises: ServerRunning, ServerDied.
    """
    check_none_runs(workspace)
    log = workspace.home / "server.log"
    server = workspace.settings.server
    command = [sys.executable, "-m", "seatrial", "up", "--home", str(workspace.home)]
    command += ["--host", server.host, "--port", str(server.port)]
    command += ["--workers", str(server.workers)]
    if workspace.config is not None:
        command += ["--config", str(workspace.config)]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, HOME: str(workspace.home)},
        )
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        found = running(workspace)
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(_POLL_S)
    if process.poll() is None:
        process.terminate()
    check_none_runs(workspace)  # another one was faster
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise ServerDied(
        "The server did not start: " + " | ".join(last),
        remedy=f"Read {log}, or run `seatrial up` in the foreground.",
    )


def announce(workspace: Workspace, *, address: str) -> None:
    """Called by a server once it listens: says where.

    Raises: ServerRunning: another one has said so before.
    """
    process = psutil.Process()
    said = {
        "pid": process.pid,
        "created": process.create_time(),
        "address": address,
        "log": str(workspace.home / "server.log"),
    }
    with (workspace.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that start at once, one sees the other's record
        check_none_runs(workspace)
        draft = _record(workspace).with_suffix(".new")
        draft.write_text(json.dumps(said), encoding="utf-8")
        draft.replace(_record(workspace))


def withdraw(workspace: Workspace) -> None:
    """Called by a server when it ends."""
    found = running(workspace)
    if found is not None and found.pid == os.getpid():
        _record(workspace).unlink(missing_ok=True)


def stop_detached(workspace: Workspace) -> int:
    """Stop the workspace's server and wait until it is gone; returns its pid.

    Raises: NoServer; Unavailable: it does not end.
    """
    found = running(workspace)
    if found is None:
        raise NoServer(
            "No server of this workspace runs.",
            remedy="Start one with `seatrial up --detach`, or name its folder with --home.",
        )
    process = psutil.Process(found.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=_STOP_S)
    except psutil.TimeoutExpired as late:
        raise Unavailable(
            f"Process {found.pid} did not end within {_STOP_S:.0f} s.",
            remedy=f"Look at {found.log}; end it with `kill -9 {found.pid}` if it hangs.",
        ) from late
    _record(workspace).unlink(missing_ok=True)
    return found.pid
