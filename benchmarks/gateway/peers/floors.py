"""Two floors: gateways that look at one key, hand on, and add up tokens (`apps/floor_*.py`).

- As ASGI on uvicorn, set up as in `benchmarks.serving.peers.floor`, with aiohttp to the provider.
- As protocols on the bare event loop, with uvloop.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import Asking, Place
from benchmarks.serving.environment import Environment, ensure
from benchmarks.serving.peer import Command

APPS = Path(__file__).parents[1] / "apps"
REQUIREMENTS = (
    "uvicorn>=0.46,<0.60",
    "uvloop>=0.21,<0.23",
    "httptools>=0.6.4",
    "orjson>=3.10.12",
    "aiohttp>=3.11",
)
KEY = "sk-bench-floor"
DUTIES = "one key, tokens added up"


class FloorAsgi:
    """uvicorn and aiohttp."""

    name = "floor-asgi"
    title = "floor (ASGI pass-through)"
    duties = DUTIES
    caches = False
    packages: Mapping[str, str] = {"uvicorn": "pip", "aiohttp": "pip", "uvloop": "pip"}

    def install(self, cache: Path) -> Environment:
        """One environment for both floors and the upstream."""
        return ensure(cache / "bench-gateway-floor", REQUIREMENTS)

    def prepare(self, place: Place) -> Asking:
        """Nothing to write."""
        return Asking(headers={"authorization": f"Bearer {KEY}"})

    def command(self, place: Place) -> Command:
        """uvicorn, one process."""
        return Command(
            args=(
                str(place.environment.bin / "uvicorn"),
                "floor_asgi:app",
                f"--app-dir={APPS}",
                "--host=127.0.0.1",
                f"--port={place.port}",
                "--loop=uvloop",
                "--http=httptools",
                "--lifespan=off",
                "--no-access-log",
                "--no-server-header",
                "--no-date-header",
                "--log-level=warning",
            ),
            env=_told(place),
        )


class FloorRaw:
    """asyncio protocols on both sides."""

    name = "floor-raw"
    title = "floor (raw asyncio pass-through)"
    duties = DUTIES
    caches = False
    packages: Mapping[str, str] = {"uvloop": "pip", "httptools": "pip"}

    def install(self, cache: Path) -> Environment:
        """One environment for both floors and the upstream."""
        return ensure(cache / "bench-gateway-floor", REQUIREMENTS)

    def prepare(self, place: Place) -> Asking:
        """Nothing to write."""
        return Asking(headers={"authorization": f"Bearer {KEY}"})

    def command(self, place: Place) -> Command:
        """One process."""
        return Command(
            args=(str(place.environment.python), str(APPS / "floor_raw.py"), str(place.port)),
            env=_told(place),
        )


def _told(place: Place) -> dict[str, str]:
    return {"BENCH_UPSTREAM": place.upstream, "BENCH_KEY": KEY}
