"""What gateways are asked, and the load generator: wrk, whose every request is another one."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.peer import Asking
from benchmarks.serving.load import TIMEOUT_S, Figures, LoadFailed, parse
from benchmarks.serving.wire import Call

SCRIPT = Path(__file__).with_name("wrk.lua")
MARK = "@@@@@@@@@@"
"""Stands in every request once, and is replaced by its number where each is to be another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load.

    Args:
        title: for the report.
        concurrency: connections that ask without a pause, >= 1.
        new: whether every request is another one; otherwise all are the same, and a cache has it.
    """

    name: str
    title: str
    concurrency: int
    new: bool = True


SCENARIOS = (
    Scenario(name="c1", title="concurrency 1", concurrency=1),
    Scenario(name="c16", title="concurrency 16", concurrency=16),
    Scenario(name="c64", title="concurrency 64", concurrency=64),
    Scenario(name="hits", title="cache hits, concurrency 16", concurrency=16, new=False),
)
WARM = SCENARIOS[1]
"""Before the first one is timed; its connections are cut at its end, as clients do."""


def call(asking: Asking, *, stream: bool = False, said: str = MARK) -> Call:
    """A request of two messages, about 300 bytes."""
    body = {
        "model": asking.model,
        "messages": [
            {"role": "system", "content": "You answer in one short sentence."},
            {"role": "user", "content": f"Question {said}: where does the rain go?"},
        ],
        "max_tokens": 50,
        "temperature": 0,
    }
    if stream:
        body["stream"] = True
    headers = {"content-type": "application/json", **asking.headers}
    return Call(path=asking.path, body=json.dumps(body).encode(), headers=headers)


def load(
    url: str,
    request: Call,
    scenario: Scenario,
    *,
    first: int,
    duration_s: float,
    core: int,
    file: Path,
) -> Figures:
    """Load a server for a while and report.

    Args:
        first: number of the first request, so that no two loads ask the same.
        core: where wrk runs.
        file: for the request as it travels.
    Raises: LoadFailed.
    """
    file.write_bytes(request.raw(url.removeprefix("http://")))
    done = subprocess.run(
        [
            *("taskset", "-c", str(core), "wrk", "--threads=1"),
            f"--connections={scenario.concurrency}",
            f"--duration={max(1, round(duration_s))}s",
            f"--timeout={TIMEOUT_S}s",
            f"--script={SCRIPT}",
            url,
            *("--", str(file), MARK, str(first if scenario.new else -1)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=duration_s + 3 * TIMEOUT_S,
    )
    if done.returncode != 0:
        raise LoadFailed(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return parse(done.stdout)
