"""Libraries: what a validated structured answer costs, and what importing the gateway does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.peers.litellm import LiteLLM
from benchmarks.gateway.peers.seatrial import Seatrial
from benchmarks.serving.environment import Environment, ensure

APPS = Path(__file__).parent / "apps"
LIMIT_S = 180
_IMPORT = (
    "import time; began = time.perf_counter(); import seatrial.gateway;"
    " print(time.perf_counter() - began)"
)
_N_IMPORTS = 5


class LibraryFailed(Exception):
    """A library gave no figures; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library in the comparison.

    Args:
        title: as the report's table calls it.
        app: of `apps/`, which is given the upstream and a folder.
        package: whose version the report names.
        install: its environment, made when absent; raises SetUpFailed.
    """

    name: str
    title: str
    app: str
    package: str
    install: Callable[[Path], Environment]


def _instructor(cache: Path) -> Environment:
    requirements = ("instructor==1.17.0", "aiohttp", "orjson")
    return ensure(cache / "bench-gateway-instructor", requirements)


LIBRARIES = (
    Library(
        name="seatrial",
        title="**seatrial**, `gateway.structured`",
        app="library.py",
        package="seatrial",
        install=Seatrial().install,
    ),
    Library(
        name="instructor",
        title="instructor over OpenAI's client",
        app="library_instructor.py",
        package="instructor",
        install=_instructor,
    ),
    Library(
        name="litellm",
        title="LiteLLM, `acompletion`",
        app="library_litellm.py",
        package="litellm",
        install=LiteLLM().install,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU for each call, one after the other.

    Args:
        library: its name.
        raw_ms: an aiohttp call whose JSON is parsed, in the same process.
        structured_ms: to a Pydantic instance; of seatrial, the same policies on as in the server.
    """

    library: str
    title: str
    version: str
    raw_ms: float
    structured_ms: float


def costs(
    library: Library, environment: Environment, upstream: str, folder: Path, core: int
) -> Costs:
    """Run a library's part in its own environment.   Raises: LibraryFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    python = str(environment.python)
    told = json.loads(_run([python, str(APPS / library.app), upstream, str(folder)], core))
    return Costs(
        library=library.name,
        title=library.title,
        version=f"{library.package} {environment.versions((library.package,))[library.package]}",
        raw_ms=told["raw_ms"],
        structured_ms=told["structured_ms"],
    )


def import_s(environment: Environment, core: int) -> float:
    """What `import seatrial.gateway` takes in a fresh process, the fastest of five.

    Raises: LibraryFailed.
    """
    python = str(environment.python)
    return min(float(_run([python, "-c", _IMPORT], core)) for _ in range(_N_IMPORTS))


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
