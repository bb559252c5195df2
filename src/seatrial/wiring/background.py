"""The server of a workspace: at most one; started, found and stopped by its commands."""

from __future__ import annotations

import fcntl
from pathlib import Path
from urllib.parse import urlsplit

from seatrial.kernel.errors import Conflict, NotFound, Unavailable
from seatrial.wiring import detached
from seatrial.wiring.detached import Running
from seatrial.wiring.workspace import HOME, Workspace


class ServerRunning(Conflict):
    """A server of this workspace runs already."""

    code = "server.running"


class NoServer(NotFound):
    """No server of this workspace runs."""

    code = "server.none"


class ServerDied(Unavailable):
    """The server ended while it started."""

    code = "server.died"


def _record(workspace: Workspace) -> Path:
    return workspace.home / "server.json"


def _log(workspace: Workspace) -> Path:
    return workspace.home / "server.log"


def running(workspace: Workspace) -> Running | None:
    """The server of a workspace, or None."""
    return detached.found(_record(workspace))


def killed_on(workspace: Workspace, port: int) -> bool:
    """Whether the server before listened on a port, and was killed."""
    before = detached.killed(_record(workspace))
    return before is not None and urlsplit(before.address).port == port


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
    log = _log(workspace)
    server = workspace.settings.server
    command = ["up", "--home", str(workspace.home)]
    command += ["--host", server.host, "--port", str(server.port)]
    command += ["--workers", str(server.workers)]
    if workspace.config is not None:
        command += ["--config", str(workspace.config)]
    try:
        return detached.start(
            command, record=_record(workspace), log=log, env={HOME: str(workspace.home)}
        )
    except detached.Died as died:
        check_none_runs(workspace)  # another one was faster
        raise ServerDied(
            f"The server did not start: {died}",
            remedy=f"Read {log}, or run `seatrial up` in the foreground.",
        ) from died


def announce(workspace: Workspace, *, address: str) -> None:
    """Called by a server once it listens: says where.

    Raises: ServerRunning: another one has said so before.
    """
    with (workspace.home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that start at once, one sees the other's record
        check_none_runs(workspace)
        detached.announce(_record(workspace), address=address, log=_log(workspace))


def withdraw(workspace: Workspace) -> None:
    """Called by a server when it ends."""
    detached.withdraw(_record(workspace))


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
    detached.stop(found, _record(workspace))
    return found.pid
