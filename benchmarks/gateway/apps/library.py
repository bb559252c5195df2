"""A validated structured answer through `seatrial.open_gateway`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from records import KEY, MODEL, QUESTION, Person, compare

import seatrial

CONFIG = """
gateway:
  providers:
    upstream:
      {{kind: openai, base_url: "{upstream}", api_key_env: BENCH_UPSTREAM_KEY, vendor: openai}}
  models:
    {model}: upstream/{model}
"""


async def _main(upstream: str, folder: Path) -> None:
    config = folder / "seatrial.yaml"
    config.write_text(CONFIG.format(upstream=upstream, model=MODEL))
    environment = {**os.environ, "BENCH_UPSTREAM_KEY": KEY}
    gateway = seatrial.open_gateway(home=folder / "home", config=config, environment=environment)
    async with gateway:

        async def ask() -> Person:
            return (await gateway.structured(MODEL, QUESTION, of=Person)).value

        await compare(upstream, ask)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
