"""rolter, a gateway in Rust, from its wheel on PyPI: the data plane alone, from a file.

- One route with one target, one virtual key.
- Budgets and costs need its control plane with PostgreSQL, and are off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import MODEL, Asking, Place
from benchmarks.serving.environment import Environment, ensure
from benchmarks.serving.peer import Command

KEY = "sk-rolter-bench"
CONFIG = """
[server]
host = "127.0.0.1"
port = {port}
require_auth = true

[[providers]]
name = "upstream"
kind = "openai_compatible"
api_base = "{upstream}"
api_key_env = "BENCH_UPSTREAM_KEY"

[[routes]]
model = "{model}"
strategy = "round_robin"
[[routes.targets]]
provider = "upstream"
model = "{model}"

[[virtual_keys]]
key = "{key}"
name = "bench"
models = []
"""


class Rolter:
    """One binary."""

    name = "rolter"
    title = "rolter (Rust)"
    duties = "one key, metrics"
    caches = False
    packages: Mapping[str, str] = {"rolter": "pip"}

    def install(self, cache: Path) -> Environment:
        """The wheel."""
        return ensure(cache / "bench-gateway-rolter", ("rolter==0.1.0",))

    def prepare(self, place: Place) -> Asking:
        """Write its configuration."""
        place.folder.mkdir(parents=True, exist_ok=True)
        (place.folder / "rolter.toml").write_text(
            CONFIG.format(
                port=place.port,
                upstream=place.upstream.removesuffix("/v1"),
                model=MODEL,
                key=KEY,
            )
        )
        return Asking(headers={"authorization": f"Bearer {KEY}"})

    def command(self, place: Place) -> Command:
        """``rolter gateway``, on the one core there is."""
        return Command(
            args=(
                str(place.environment.bin / "rolter"),
                "gateway",
                "--config",
                str(place.folder / "rolter.toml"),
            ),
            env={"BENCH_UPSTREAM_KEY": "sk-upstream", "RUST_LOG": "error"},
        )
