"""One server process tree: started on its own core, waited for, weighed, stopped."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.serving.peer import Command
from benchmarks.serving.wire import Call

HOST = "127.0.0.1"
START_LIMIT_S = 120
STOP_LIMIT_S = 10
POLL_S = 0.002
REST_S = 0.25
REST_LIMIT_S = 5
RESTING = 0.05
"""Share of a core below which a server has nothing left to do."""


class ServerFailed(Exception):
    """A server did not start, or answered other than 200; the message has its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server.

    Args:
        process: the first of its processes.
        port: on loopback.
        cold_start_s: from process start to the first answer with status 200.
    """

    process: psutil.Process
    port: int
    cold_start_s: float

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    def memory(self) -> tuple[float, int]:
        """Proportional set size in MB of all its processes together, and how many they are."""
        tree = [self.process, *self.process.children(recursive=True)]
        return sum(p.memory_full_info().pss for p in tree) / 1e6, len(tree)

    def cpu_s(self) -> float:
        """Seconds of user and system of all its processes, so far."""
        total = 0.0
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def rest(self) -> None:
        """Wait until nothing is left of the last load, or for `REST_LIMIT_S`.

        Servers answer requests whose clients are gone already. Sixteen of half a second each would
        be the next load's CPU and time, and by the kind of server more or fewer of them are left.
        """
        used = self.cpu_s()
        for _ in range(round(REST_LIMIT_S / REST_S)):
            time.sleep(REST_S)
            before, used = used, self.cpu_s()
            if used - before <= RESTING * REST_S:
                return


def free_port() -> int:
    """A port on loopback nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def send(connection: http.client.HTTPConnection, call: Call) -> Reply:
    """One request and its reply.   Raises: OSError, http.client.HTTPException."""
    connection.request("POST", call.path, call.body, dict(call.headers))
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(status=response.status, headers=headers, body=response.read())


def asked(port: int, call: Call, *, timeout_s: float) -> Reply:
    """One request on a connection of its own.   Raises: OSError, http.client.HTTPException."""
    if call.grpc:
        return _asked_by_grpc(port, call, timeout_s)
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        return send(connection, call)
    finally:
        connection.close()


def _asked_by_grpc(port: int, call: Call, timeout_s: float) -> Reply:
    """As over HTTP: 200 for a reply, and 503 with what is said instead of one."""
    import grpc

    with grpc.insecure_channel(f"{HOST}:{port}") as channel:
        try:
            body = channel.unary_unary(call.path)(call.body, timeout=timeout_s)
        except grpc.RpcError as error:
            return Reply(status=503, headers={}, body=str(error).encode())
    return Reply(status=200, headers={}, body=bytes(body))


@contextmanager
def running(command: Command, *, port: int, first: Call, core: int, log: Path) -> Iterator[Server]:
    """A server from its start to its end.

    Args: first: what is asked until it answers 200; core: where all its processes run;
        log: its output.
    Raises: ServerFailed.
    """
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **command.env}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command.args],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=env,
            start_new_session=True,
        )
    try:
        _wait(process, port, first, log)
        cold_start_s = time.perf_counter() - started
        yield Server(process=psutil.Process(process.pid), port=port, cold_start_s=cold_start_s)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, first: Call, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    last = "it did not listen"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = f"it ended with status {process.returncode}"
            break
        try:
            reply = asked(port, first, timeout_s=10)
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        else:
            if reply.status == 200:
                return
            last = f"status {reply.status}: {reply.body[:200]!r}"
        time.sleep(POLL_S)
    words = log.read_text(errors="replace").strip()[-600:]
    raise ServerFailed(f"no answer: {last}. Its last words: {words!r}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and whatever it started, in its session or not: politely, then not."""
    started: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for left in started:
        with suppress(psutil.NoSuchProcess):
            left.kill()
