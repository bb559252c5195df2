"""A real Prometheus for tests, from Debian's package."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml


@contextmanager
def prometheus(folder: Path, jobs: Sequence[Any]) -> Iterator[str]:
    """One that has the data below a folder and scrapes every second; yields its address.

    Args: jobs: entries of ``scrape_configs``.
    """
    program = shutil.which("prometheus")
    assert program, "install Debian's package prometheus"
    config = folder / "prometheus.yml"
    said = {"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs)}
    config.write_text(yaml.safe_dump(said))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: _ready(address), why=(folder / "log").read_text)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def until(holds: Callable[[], bool], *, why: Callable[[], str], within_s: float = 40) -> None:
    """Wait for something to hold."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.3)


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
