"""The load generator: wrk, closed loop, keep-alive, one thread on its own core."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.wire import Call

SCRIPT = Path(__file__).with_name("wrk.lua")
TIMEOUT_S = 30
"""How long wrk waits for one answer before it counts as an error."""


class LoadFailed(Exception):
    """wrk is missing or its run gave no figures; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one timed load measured.

    Args:
        rate: answers with status 200 a second.
        p50_ms, p95_ms, p99_ms: latency quantiles over all answers.
        n_requests: answers in all.
        n_errors: answers with another status, and connects, reads, writes and waits that failed.
    """

    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    n_requests: int
    n_errors: int


def require_wrk() -> None:
    """Raises: LoadFailed, when wrk is not installed."""
    if shutil.which("wrk") is None:
        raise LoadFailed(
            "The load generator `wrk` is not installed. A generator in Python could not keep up "
            "with the servers, so there is no substitute: run `apt-get install wrk`."
        )


def parse(output: str) -> Figures:
    """The figures in what wrk printed.   Raises: LoadFailed."""
    line = next((x for x in output.splitlines() if x.startswith("FIGURES ")), None)
    if line is None:
        raise LoadFailed(f"wrk printed no figures but: {output.strip()[-300:]!r}.")
    raw = json.loads(line.removeprefix("FIGURES "))
    good = raw["requests"] - raw["status"]
    return Figures(
        rate=good / (raw["duration_us"] / 1e6),
        p50_ms=raw["p50_us"] / 1e3,
        p95_ms=raw["p95_us"] / 1e3,
        p99_ms=raw["p99_us"] / 1e3,
        n_requests=raw["requests"],
        n_errors=sum(raw[kind] for kind in ("connect", "read", "write", "timeout", "status")),
    )


def write_requests(folder: Path, calls: list[Call], host: str) -> list[Path]:
    """One file per distinct request, as wrk will send it."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:02}.http" for i in range(len(calls))]
    for path, call in zip(paths, calls, strict=True):
        path.write_bytes(call.raw(host))
    return paths


def run(
    url: str, requests: list[Path], *, concurrency: int, duration_s: float, core: int
) -> Figures:
    """Load a server for a while and report.

    Args: url: scheme, host and port; concurrency: open connections, >= 1; core: where wrk runs.
    Raises: LoadFailed.
    """
    wrk = [
        "wrk",
        "--threads=1",
        f"--connections={concurrency}",
        f"--duration={max(1, round(duration_s))}s",
        f"--timeout={TIMEOUT_S}s",
        f"--script={SCRIPT}",
        url,
        "--",
        *map(str, requests),
    ]
    done = subprocess.run(
        ["taskset", "-c", str(core), *wrk],
        capture_output=True,
        text=True,
        check=False,
        timeout=duration_s + 3 * TIMEOUT_S,
    )
    if done.returncode != 0:
        raise LoadFailed(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return parse(done.stdout)
