"""A validated structured answer through instructor over OpenAI's client, by a tool, its default."""

from __future__ import annotations

import asyncio
import sys

import instructor
import openai
from records import KEY, MODEL, QUESTION, Person, compare


async def _main(upstream: str) -> None:
    async with openai.AsyncOpenAI(base_url=upstream, api_key=KEY) as vendor:
        client = instructor.from_openai(vendor)

        async def ask() -> Person:
            said = [{"role": "user", "content": QUESTION}]
            return await client.chat.completions.create(
                model=MODEL, messages=said, response_model=Person
            )

        await compare(upstream, ask)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
