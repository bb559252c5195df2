"""The load generator of gRPC: nghttp2's h2load, closed loop, one thread on its own core.

It sends one message over and over, and counts as good what has status 200 and the size of the right
reply: it does not read gRPC's own status, and an error has none of that reply's bytes.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.serving.load import TIMEOUT_S, Figures, LoadFailed
from benchmarks.serving.wire import Call

_PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""


def run(
    url: str,
    call: Call,
    *,
    n_reply: int,
    folder: Path,
    concurrency: int,
    duration_s: float,
    core: int,
) -> Figures:
    """Load a server for a while and report.

    Args: n_reply: bytes of the right reply; folder: for what it reads and writes.
    Raises: LoadFailed.
    """
    if shutil.which("h2load") is None:
        raise LoadFailed(
            "The load generator `h2load` is not installed, so nothing is asked over gRPC: run "
            "`apt-get install nghttp2-client`."
        )
    message, log = folder / "message", folder / "h2load.log"
    message.write_bytes(struct.pack(">BI", 0, len(call.body)) + call.body)
    log.unlink(missing_ok=True)
    command = [
        "h2load",
        "--threads=1",
        f"--clients={concurrency}",
        "--max-concurrent-streams=1",
        f"--duration={max(1, round(duration_s))}",
        f"--connection-active-timeout={TIMEOUT_S}",
        f"--data={message}",
        f"--log-file={log}",
        "--header=content-type: application/grpc",
        "--header=te: trailers",
        url + call.path,
    ]
    done = subprocess.run(
        ["taskset", "-c", str(core), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=duration_s + 3 * TIMEOUT_S,
    )
    if done.returncode != 0 or not log.exists():
        raise LoadFailed(f"h2load failed: {(done.stderr or done.stdout).strip()[-300:]}")
    size = n_reply + _PREFIX
    return parse(done.stdout, log.read_text(), size=size, duration_s=max(1, round(duration_s)))


def parse(output: str, log: str, *, size: int, duration_s: float) -> Figures:
    """The figures in what h2load printed and logged.

    Args:
        log: a line per answer: when it was asked, its status, how long it took in µs.
        size: bytes of the right reply with its prefix.
    Raises: LoadFailed.
    """
    data = re.search(r"traffic: .*\((\d+)\) data", output)
    lines = [line.split("\t") for line in log.splitlines()]
    if data is None or not lines:
        raise LoadFailed(f"h2load printed no figures but: {output.strip()[-300:]!r}.")
    took_ms = np.array([int(us) for _, _, us in lines]) / 1e3
    n_good = min(sum(status == "200" for _, status, _ in lines), int(data[1]) // size)
    p50_ms, p95_ms, p99_ms = (float(x) for x in np.percentile(took_ms, [50, 95, 99]))
    return Figures(
        rate=n_good / duration_s,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        n_requests=len(lines),
        n_errors=len(lines) - n_good,
    )
