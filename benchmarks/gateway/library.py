"""seatrial as a library: what a validated structured answer costs, and what importing does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.environment import Environment

APP = Path(__file__).parent / "apps" / "library.py"
LIMIT_S = 120
_IMPORT = (
    "import time; began = time.perf_counter(); import seatrial.gateway;"
    " print(time.perf_counter() - began)"
)
_N_IMPORTS = 5


class LibraryFailed(Exception):
    """The library's part gave no figures; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """CPU for each call, one after the other.

    Args:
        raw_ms: an aiohttp call whose JSON is parsed.
        structured_ms: the gateway, the same policies on as in the server, to a Pydantic instance.
        import_s: `seatrial.gateway`, in a fresh process, the fastest of five.
    """

    raw_ms: float
    structured_ms: float
    import_s: float


def measure(environment: Environment, upstream: str, folder: Path, core: int) -> Library:
    """Run it in seatrial's own environment.   Raises: LibraryFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    python = str(environment.python)
    told = _run([python, str(APP), upstream, str(folder)], core)
    imports = [float(_run([python, "-c", _IMPORT], core)) for _ in range(_N_IMPORTS)]
    found = json.loads(told)
    return Library(
        raw_ms=found["raw_ms"], structured_ms=found["structured_ms"], import_s=min(imports)
    )


def _run(command: list[str], core: int) -> str:
    done = subprocess.run(
        ["taskset", "-c", str(core), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    if done.returncode != 0:
        raise LibraryFailed((done.stderr or done.stdout).strip()[-400:])
    return done.stdout.strip().splitlines()[-1]
