"""ferrogw, a gateway in Go, from its wheel on PyPI.

- Its one target is the upstream, by `OPENAI_BASE_URL`; a master key is asked for.
- Its limit of 20 requests a second for each caller is lifted; its cache plug-in is off.
- Its budget plug-in is off: a soft one, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import Asking, Place
from benchmarks.serving.environment import Environment, ensure
from benchmarks.serving.peer import Command

KEY = "fgw_00000000000000000000000000000000"
CONFIG = """
strategy:
  mode: single
targets:
  - virtual_key: openai
"""


class Ferrogw:
    """One binary."""

    name = "ferrogw"
    title = "ferrogw (Go)"
    duties = "one key, metrics"
    caches = False
    packages: Mapping[str, str] = {"ferrogw": "pip"}

    def install(self, cache: Path) -> Environment:
        """The wheel."""
        return ensure(cache / "bench-gateway-ferrogw", ("ferrogw==1.5.10",))

    def prepare(self, place: Place) -> Asking:
        """Write its configuration."""
        place.folder.mkdir(parents=True, exist_ok=True)
        (place.folder / "config.yaml").write_text(CONFIG)
        return Asking(headers={"authorization": f"Bearer {KEY}"})

    def command(self, place: Place) -> Command:
        """``ferrogw serve``, on the one core there is."""
        return Command(
            args=(str(place.environment.bin / "ferrogw"), "serve"),
            env={
                "GATEWAY_CONFIG": str(place.folder / "config.yaml"),
                "MASTER_KEY": KEY,
                "PORT": str(place.port),
                "OPENAI_API_KEY": "sk-upstream",
                "OPENAI_BASE_URL": place.upstream.removesuffix("/v1"),
                "LOG_LEVEL": "error",
                "GOMAXPROCS": "1",
                "RATE_LIMIT_RPS": "1000000",
                "RATE_LIMIT_BURST": "1000000",
            },
        )
