"""How the scripted server of models writes OpenAI's wire."""

from __future__ import annotations

import base64
import hashlib
import json
from array import array
from collections.abc import Iterator
from typing import Any

from seatrial.testing.llm_answer import Answer, Event
from seatrial.testing.llm_script import Asked, Tokens


def usage_of(tokens: Tokens) -> dict[str, Any]:
    """As OpenAI tells it."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    }


def whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The body of a whole reply."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text("text") or None}
    if reasoning := answer.text("reasoning"):
        message["reasoning_content"] = reasoning
    if answer.names:
        message["tool_calls"] = [
            {
                "id": f"call_{asked.n}_{n}",
                "type": "function",
                "function": {"name": name, "arguments": answer.text("call", n)},
            }
            for n, name in enumerate(answer.names)
        ]
    choice = {"message": message, "logprobs": None, "finish_reason": answer.finish}
    body: dict[str, Any] = {
        "id": f"chatcmpl-{asked.n}",
        "object": "chat.completion",
        "created": 1_800_000_000,
        "model": asked.model,
        "choices": [{"index": n, **choice} for n in range(int(asked.body.get("n") or 1))],
    }
    return {**body, "usage": usage_of(answer.tokens)} if answer.tells_usage else body


def stream(asked: Asked, answer: Answer, *, ends: bool) -> Iterator[Event]:
    """The events of a stream; without the last ones unless it ``ends``."""
    asks = bool((asked.body.get("stream_options") or {}).get("include_usage"))
    head = {
        "id": f"chatcmpl-{asked.n}",
        "object": "chat.completion.chunk",
        "created": 1_800_000_000,
        "model": asked.model,
    }
    n_answers = range(int(asked.body.get("n") or 1))

    def chunk(delta: dict[str, Any], n_told: int, finish: str | None = None) -> Event:
        choices = [{"index": n, "delta": delta, "finish_reason": finish} for n in n_answers]
        body = {**head, "choices": choices, **({"usage": None} if asks else {})}
        return Event(f"data: {json.dumps(body)}\n\n".encode(), n_told)

    yield chunk({"role": "assistant", "content": ""}, 0)
    begun: set[int] = set()
    for n, piece in enumerate(answer.pieces, 1):
        if piece.kind == "call":
            call: dict[str, Any] = {"index": piece.call, "function": {"arguments": piece.text}}
            if piece.call not in begun:
                begun.add(piece.call)
                call |= {"id": f"call_{asked.n}_{piece.call}", "type": "function"}
                call["function"]["name"] = answer.names[piece.call]
            yield chunk({"tool_calls": [call]}, n)
        else:
            name = "content" if piece.kind == "text" else "reasoning_content"
            yield chunk({name: piece.text}, n)
    if not ends:
        return
    n_all = len(answer.pieces)
    yield chunk({}, n_all, answer.finish)
    if asks and answer.tells_usage:
        body = {**head, "choices": [], "usage": usage_of(answer.tokens)}
        yield Event(f"data: {json.dumps(body)}\n\n".encode(), n_all)
    yield Event(b"data: [DONE]\n\n", n_all)


def embeddings(asked: Asked, tokens: Tokens) -> dict[str, Any]:
    """Vectors of length 1 that depend on the text alone."""
    given = asked.body.get("input", "")
    texts = [given] if isinstance(given, str) or not given or isinstance(given[0], int) else given
    dimensions = int(asked.body.get("dimensions") or 8)
    in_base64 = asked.body.get("encoding_format") == "base64"
    data = []
    for n, text in enumerate(texts):
        vector: Any = _vector(json.dumps(text), dimensions)
        if in_base64:
            vector = base64.b64encode(array("f", vector).tobytes()).decode()
        data.append({"object": "embedding", "index": n, "embedding": vector})
    usage = {"prompt_tokens": tokens.input, "total_tokens": tokens.input}
    return {"object": "list", "model": asked.model, "data": data, "usage": usage}


def _vector(text: str, dimensions: int) -> list[float]:
    digits = hashlib.shake_256(text.encode()).digest(dimensions)
    raw = [digit - 127.5 for digit in digits]
    length = sum(x * x for x in raw) ** 0.5
    return [x / length for x in raw]
