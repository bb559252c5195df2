"""seatrial as a user runs it: ``seatrial llm keys create`` once, then ``seatrial up``, one worker.

- Everything is on: a key that is looked up, a budget for all and one for the key (SQLite, on the
  disk), cost, the cache with its file, metrics, and spans by OpenTelemetry's SDK, which records
  them and, having no exporter, drops them.
- Requests ask for temperature 0, so that every one is looked up in the cache, in memory and in the
  file, and every answer is kept there.
- 2,000 calls at once may be under way at the provider, for many streams are opened at once.
- Two models: ``gpt-4o-mini``, whose price and tokenizer are known.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import MODEL, Asking, Place
from benchmarks.serving.environment import Environment, ensure
from benchmarks.serving.peer import Command
from benchmarks.serving.server import ServerFailed

ROOT = Path(__file__).resolve().parents[3]
EXTRAS = ("gateway", "otel")
CONFIG = """
gateway:
  providers:
    upstream:
      kind: openai
      base_url: "{upstream}"
      api_key_env: BENCH_UPSTREAM_KEY
      vendor: openai
      concurrency: 2000
  models:
    {model}: upstream/{model}
  cache: {{enabled: true}}
  budgets:
    - {{limit_usd: 100000, window: month}}
    - {{limit_usd: 50000, window: day, scope: key}}
  tracing: true
  require_key: true
"""
ENV = {"BENCH_UPSTREAM_KEY": "sk-upstream", "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"}


def _requirements() -> tuple[str, ...]:
    """What the project file asks for, so that the environment is remade when that changes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [one for extra in EXTRAS for one in extras[extra]]
    # aiohttp is what the library part is held against.
    more = ("aiohttp", "opentelemetry-sdk", "--editable", str(ROOT))
    return (*project["dependencies"], *asked, *more)


class Seatrial:
    """This project."""

    name = "seatrial"
    title = "**seatrial**"
    duties = "keys, two budgets on the disk, cost, cache look-up and keep, metrics, spans"
    caches = True
    packages: Mapping[str, str] = {
        "seatrial": "pip",
        "uvicorn": "pip",
        "aiohttp": "pip",
        "opentelemetry-sdk": "pip",
    }

    def install(self, cache: Path) -> Environment:
        """This checkout, with the extras of the gateway."""
        return ensure(cache / "bench-gateway-seatrial", _requirements())

    def prepare(self, place: Place) -> Asking:
        """Write the configuration and make a key."""
        place.folder.mkdir(parents=True, exist_ok=True)
        config = place.folder / "seatrial.yaml"
        config.write_text(CONFIG.format(upstream=place.upstream, model=MODEL))
        done = subprocess.run(
            [
                place.environment.bin / "seatrial",
                *("llm", "keys", "create", f"bench-{place.port}", "--budget", "40000"),
                *_workspace(place),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        key = re.search(r"sk-seatrial-\S+", done.stdout)
        if key is None:
            raise ServerFailed(f"no key was made: {(done.stderr + done.stdout).strip()[-600:]!r}")
        return Asking(headers={"authorization": f"Bearer {key[0]}"})

    def command(self, place: Place) -> Command:
        """``seatrial up``."""
        return Command(
            args=(
                str(place.environment.bin / "seatrial"),
                "up",
                *_workspace(place),
                "--workers=1",
                f"--port={place.port}",
            ),
            env=ENV,
        )


def _workspace(place: Place) -> tuple[str, str]:
    return f"--home={place.folder / 'home'}", f"--config={place.folder / 'seatrial.yaml'}"
