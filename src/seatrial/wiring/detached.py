"""A process in the background that says in a file who it is: started, found and stopped by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from seatrial.kernel.errors import Unavailable

_START_S = 30.0
_STOP_S = 30.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process in the background.

    Args:
        pid: of the process, or its supervisor.
        created: when that process started, as the system tells it, so that a reused pid is not
            mistaken for it.
        address: where it listens; empty when nowhere.
        log: where its output goes.
    """

    pid: int
    created: float
    address: str
    log: Path


class Died(Exception):
    """The process ended while it started, or took too long; says what it said last.

    Whoever starts a process translates it.
    """


def found(record: Path) -> Running | None:
    """The process that a file tells of, if it runs."""
    running = _told(record)
    return running if running is not None and _runs(running) else None


def killed(record: Path) -> Running | None:
    """The process that a file tells of, if it is gone and could not withdraw."""
    running = _told(record)
    return None if running is None or _runs(running) else running


def _told(record: Path) -> Running | None:
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        return Running(**{**said, "log": Path(said["log"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _runs(running: Running) -> bool:
    try:
        process = psutil.Process(running.pid)
        same = abs(process.create_time() - running.created) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (ValueError, TypeError, psutil.Error):
        return False


def announce(record: Path, *, address: str, log: Path) -> None:
    """Called by a process once it does its work."""
    process = psutil.Process()
    said = {
        "pid": process.pid,
        "created": process.create_time(),
        "address": address,
        "log": str(log),
    }
    draft = record.with_suffix(".new")
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.replace(record)


def withdraw(record: Path) -> None:
    """Called by a process when it ends."""
    running = found(record)
    if running is not None and running.pid == os.getpid():
        record.unlink(missing_ok=True)


def start(arguments: Sequence[str], *, record: Path, log: Path, env: Mapping[str, str]) -> Running:
    """Run `seatrial` in the background and wait until it announces itself.

    Args:
        arguments: of the command.
        record: where it announces itself.
        log: where its output goes.
        env: further variables of its environment.
    Raises: Died.
    """
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "seatrial", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **env},
        )
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        running = found(record)
        if running is not None and running.pid == process.pid:
            return running
        time.sleep(_POLL_S)
    if process.poll() is None:
        process.terminate()
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise Died(" | ".join(last))


def stop(running: Running, record: Path) -> None:
    """End a process and wait until it is gone.   Raises: Unavailable: it does not end."""
    process = psutil.Process(running.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=_STOP_S)
    except psutil.TimeoutExpired as late:
        raise Unavailable(
            f"Process {running.pid} did not end within {_STOP_S:.0f} s.",
            remedy=f"Look at {running.log}; end it with `kill -9 {running.pid}` if it hangs.",
        ) from late
    record.unlink(missing_ok=True)
