"""What every library is asked for: the same record, checked, and its CPU."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from statistics import median

import aiohttp
import orjson
from pydantic import BaseModel

N_CALLS = 500
N_TURNS = 5
MODEL = "gpt-4o-mini"
KEY = "sk-upstream"
QUESTION = "Who wrote the first program?"


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


async def compare(upstream: str, ask: Callable[[], Awaitable[Person]]) -> None:
    """Print what a call costs, and the same exchange by aiohttp alone: CPU of all threads, in
    turns."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Person", "schema": Person.model_json_schema()},
        },
    }
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession() as session:

        async def raw() -> object:
            url = f"{upstream}/chat/completions"
            async with session.post(url, data=orjson.dumps(body), headers=headers) as response:
                return orjson.loads(await response.read())

        async def structured() -> object:
            person = await ask()
            assert person.city.name == "London"
            return person

        for warm in (raw, structured):
            await _cost_ms(warm)
        pairs = [(await _cost_ms(raw), await _cost_ms(structured)) for _ in range(N_TURNS)]
    told = {
        "raw_ms": median(pair[0] for pair in pairs),
        "structured_ms": median(pair[1] for pair in pairs),
    }
    print(json.dumps(told))


async def _cost_ms(call: Callable[[], Awaitable[object]]) -> float:
    before_s = time.process_time()
    for _ in range(N_CALLS):
        await call()
    return (time.process_time() - before_s) * 1e3 / N_CALLS
