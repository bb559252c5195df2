"""A home folder whose versions other servers may run, its server, and clients that keep asking."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

SOURCE = Path(__file__).parents[2] / "src"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "engines.md"
NAME = "churn"
PATIENCE_S = 90.0
_BREATH_S = 0.005
"""Between two requests of a client: without it four of them leave the servers no core."""


def block(language: str, mark: str) -> str:
    """A block of the page of engines."""
    found = re.search(rf"(?ms)^```{language} {mark}\n(.*?)\n```$", PAGE.read_text("utf-8"))
    assert found is not None
    return found[1]


def commands(mark: str) -> list[tuple[str, ...]]:
    """The words of each command of a block, without ``seatrial``."""
    return [tuple(shlex.split(line)[1:]) for line in block("sh", mark).splitlines()]


def iris_models(folder: Path) -> tuple[Any, Any]:
    """``a.pkl``, ``b.pkl`` and ``c.pkl``, which answer alike but not the same, and ``rows.csv``.

    Returns: the rows and their labels.
    """
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, labels = load_iris(return_X_y=True, as_frame=True)
    for name, strength in (("a", 1.0), ("b", 0.5), ("c", 2.0)):
        model = LogisticRegression(C=strength, max_iter=500).fit(rows, labels)
        joblib.dump(model, folder / f"{name}.pkl")
    rows.assign(target=labels).to_csv(folder / "rows.csv", index=False)
    return rows, labels


def free_ports(n: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    try:
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


def until(what: str, condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


class Home:
    """A home folder, its command line and its server."""

    def __init__(
        self, folder: Path, engines: dict[str, Any], *, workers: int = 1, deadline_s: float = 5.0
    ) -> None:
        self.folder, self.engines = folder, engines
        self.port, self.grpc = free_ports(2)
        gates = {"error_rate": 0.05, "p95_ms": 2000, "against_stable": {"p95_ratio": 1000}}
        config = {
            "server": {
                "port": self.port,
                "grpc_port": self.grpc,
                "workers": workers,
                "deadline_s": deadline_s,
            },
            "release": {
                "steps": [{"share": 0.5, "watch": "1s"}],
                "staging_load": "1s",
                "gates": gates,
            },
            "engines": engines,
        }
        (folder / "seatrial.yaml").write_text(yaml.safe_dump(config))

    def seatrial(self, *words: str, check: bool = True) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", *words, "--json"],
            check=False,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    def deploy(self, model: Path, words: Sequence[str], *more: str) -> Any:
        """By a command of the page, which calls the model ``churn.pkl``."""
        shutil.copy(model, self.folder / f"{NAME}.pkl")
        return self.seatrial(*words, *more, check=False)["release"]

    def start(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "seatrial", "up", "--detach"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            check=True,
            capture_output=True,
        )

    def stop(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "seatrial", "down"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            check=False,
            capture_output=True,
        )


class Traffic:
    """Clients that ask again and again, each time under another key."""

    def __init__(self, port: int, rows: np.ndarray) -> None:
        self.seen: list[tuple[int, str | None]] = []
        self._port, self._rows = port, rows
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(4)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        n = 0
        while not self._stop.wait(_BREATH_S):
            n += 1
            row = self._rows[n % len(self._rows)].tolist()
            headers = {"x-seatrial-key": f"{client}-{n}", "content-type": "application/json"}
            body = json.dumps({"instances": [row]})
            connection.request("POST", f"/v1/models/{NAME}:predict", body, headers)
            with connection.getresponse() as reply:
                reply.read()
                self.seen.append((reply.status, reply.getheader("x-seatrial-version")))
        connection.close()
