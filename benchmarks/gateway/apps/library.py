"""A validated structured answer through `seatrial.open_gateway`, and the same exchange by aiohttp
alone: CPU for each, of all threads, in turns.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import aiohttp
import orjson
from pydantic import BaseModel

import seatrial

N_CALLS = 500
N_TURNS = 5
MODEL = "gpt-4o-mini"
CONFIG = """
gateway:
  providers:
    upstream:
      {{kind: openai, base_url: "{upstream}", api_key_env: BENCH_UPSTREAM_KEY, vendor: openai}}
  models:
    {model}: upstream/{model}
"""


class City(BaseModel):
    """Where somebody lives."""

    name: str
    country: str


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int
    skills: list[str]
    city: City


async def _cost_ms(call: Callable[[], Awaitable[object]]) -> float:
    before_s = time.process_time()
    for _ in range(N_CALLS):
        await call()
    return (time.process_time() - before_s) * 1e3 / N_CALLS


async def _main(upstream: str, folder: Path) -> None:
    config = folder / "seatrial.yaml"
    config.write_text(CONFIG.format(upstream=upstream, model=MODEL))
    environment = {**os.environ, "BENCH_UPSTREAM_KEY": "sk-upstream"}
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Who wrote the first program?"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Person", "schema": Person.model_json_schema()},
        },
    }
    headers = {"content-type": "application/json", "authorization": "Bearer sk-upstream"}
    gateway = seatrial.open_gateway(home=folder / "home", config=config, environment=environment)
    async with gateway, aiohttp.ClientSession() as session:

        async def raw() -> object:
            url = f"{upstream}/chat/completions"
            async with session.post(url, data=orjson.dumps(body), headers=headers) as response:
                return orjson.loads(await response.read())

        async def structured() -> object:
            answer = await gateway.structured(MODEL, "Who wrote the first program?", of=Person)
            assert answer.value.city.name == "London"
            return answer

        for warm in (raw, structured):
            await _cost_ms(warm)
        pairs = [(await _cost_ms(raw), await _cost_ms(structured)) for _ in range(N_TURNS)]
    told = {
        "raw_ms": median(pair[0] for pair in pairs),
        "structured_ms": median(pair[1] for pair in pairs),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
