"""LiteLLM's proxy, one worker.

- 1.108.7: the newest whose own requirements the registry serves.
- A master key; its virtual keys, with their budgets, need PostgreSQL and an engine that is
  downloaded when it is installed.
- Its cache is off, as it is by default.
- It logs errors only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateway.peer import MODEL, Asking, Place
from benchmarks.serving.environment import Environment, ensure
from benchmarks.serving.peer import Command

KEY = "sk-bench-litellm"
CONFIG = """
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream}
      api_key: sk-upstream
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


class LiteLLM:
    """Its proxy."""

    name = "litellm"
    title = "LiteLLM proxy"
    duties = "one key, cost"
    caches = False
    packages: Mapping[str, str] = {"litellm": "pip"}

    def install(self, cache: Path) -> Environment:
        """The proxy with all it asks for."""
        return ensure(cache / "bench-gateway-litellm", ("litellm[proxy]==1.108.7",))

    def prepare(self, place: Place) -> Asking:
        """Write its configuration."""
        place.folder.mkdir(parents=True, exist_ok=True)
        (place.folder / "config.yaml").write_text(
            CONFIG.format(model=MODEL, upstream=place.upstream, key=KEY)
        )
        return Asking(headers={"authorization": f"Bearer {KEY}"})

    def command(self, place: Place) -> Command:
        """``litellm``."""
        return Command(
            args=(
                str(place.environment.bin / "litellm"),
                f"--config={place.folder / 'config.yaml'}",
                "--host=127.0.0.1",
                f"--port={place.port}",
                "--num_workers=1",
            ),
            env={
                "LITELLM_LOG": "ERROR",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_MODE": "PRODUCTION",
            },
        )
