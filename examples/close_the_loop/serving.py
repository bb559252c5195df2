"""A running `seatrial up` on loopback: asked over HTTP, killed at random, started again."""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PATIENCE_S = 300.0
"""For whatever the server is waited for."""


class Server:
    """Starts `seatrial up` in a folder of its own, and again whenever it was killed.

    Args:
        folder: with seatrial.yaml.
        home: for all that it keeps.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._options = ["--home", str(home), "--config", "seatrial.yaml"]
        self._log = (home.parent / "up.log").open("ab")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._process = self._start()
        self._connection: http.client.HTTPConnection | None = None
        self._family: dict[int, psutil.Process] = {}

    def command(self, *words: str) -> str:
        """Run a command of seatrial for the server; returns what it prints."""
        command = [sys.executable, "-m", "seatrial", *words, *self._options]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[Any, http.client.HTTPMessage]:
        """The reply, and its headers; asked again while the server is not there."""
        sent = None if body is None else json.dumps(body)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                status, reply, fields = self._once(method, path, sent, named)
            except (OSError, http.client.HTTPException) as gone:
                self._connection = None
                status, reply = 503, repr(gone)
            if status < 300:
                return json.loads(reply), fields
            if status < 500 or time.monotonic() > deadline:
                raise SystemExit(f"{method} {path} was answered with {status}: {reply}")
            time.sleep(0.1)

    def _once(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, str, http.client.HTTPMessage]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._connection.request(method, path, body, {"content-type": "application/json"} | headers)
        reply = self._connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers

    def kill_one(self, chance: random.Random) -> str:
        """Kill one of its processes at once, whichever it is; returns what it was."""
        found = self.processes()
        one = chance.choice(found)
        is_first = one.pid == self._process.pid
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
        if is_first:
            self._process.wait()
            self._process = self._start()
            return "the supervisor, and `seatrial up` again"
        return f"{found.index(one) + 1} of its {len(found)} processes"

    def processes(self) -> list[psutil.Process]:
        """The first one, and all that it started, the oldest first."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            found = [first, *first.children(recursive=True)]
            self._family |= {one.pid: one for one in found}
            return found
        return []

    def end(self) -> None:
        """End all that was started."""
        self.processes()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=30)
        for one in self._family.values():  # is_running: its pid is no other process's by now
            with suppress(psutil.NoSuchProcess):
                if one.is_running():
                    one.kill()
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "seatrial", "up", "--port", str(self.port)]
        return subprocess.Popen(
            [*command, *self._options],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )


class Killer(threading.Thread):
    """Kills so many times, at moments that the seed chooses.

    Args: longest_s: of the pause before a kill.
    """

    def __init__(self, server: Server, n: int, *, seed: int, longest_s: float = 8.0) -> None:
        super().__init__(daemon=True)
        self._server, self._n, self._longest_s = server, n, longest_s
        self._chance = random.Random(seed)
        self.killed: list[str] = []

    def run(self) -> None:
        while len(self.killed) < self._n:
            time.sleep(self._chance.uniform(0.2, self._longest_s))
            self.killed.append(self._server.kill_one(self._chance))
