"""A validated structured answer through LiteLLM: its JSON schema from a Pydantic model, which then
reads the text of the answer."""

from __future__ import annotations

import asyncio
import sys

import litellm
from records import KEY, MODEL, QUESTION, Person, compare


async def _main(upstream: str) -> None:
    async def ask() -> Person:
        answer = await litellm.acompletion(
            model=f"openai/{MODEL}",
            messages=[{"role": "user", "content": QUESTION}],
            response_format=Person,
            api_base=upstream,
            api_key=KEY,
        )
        return Person.model_validate_json(answer.choices[0].message.content)

    await compare(upstream, ask)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
