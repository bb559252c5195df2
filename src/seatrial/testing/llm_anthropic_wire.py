"""How the scripted server of models writes Anthropic's wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.testing.llm_answer import Answer, Event, Piece
from seatrial.testing.llm_script import Asked, Tokens

_STOP_REASON = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def usage_of(tokens: Tokens) -> dict[str, Any]:
    """As Anthropic tells it."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
    }


def whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The body of a whole reply."""
    content: list[dict[str, Any]] = []
    if reasoning := answer.text("reasoning"):
        content.append({"type": "thinking", "thinking": reasoning, "signature": f"sig{asked.n}"})
    if text := answer.text("text"):
        content.append({"type": "text", "text": text})
    for n, name in enumerate(answer.names):
        written = answer.text("call", n)
        try:
            given = json.loads(written)
        except ValueError:
            given = {}
        content.append({"type": "tool_use", "id": _use_id(asked, n), "name": name, "input": given})
    return {
        "id": f"msg_{asked.n}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": _STOP_REASON[answer.finish],
        "stop_sequence": None,
        "usage": usage_of(answer.tokens),
    }


def _use_id(asked: Asked, n: int) -> str:
    return f"toolu_{asked.n}_{n}"


def _event(body: Mapping[str, Any], n_told: int) -> Event:
    return Event(f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode(), n_told)


def stream(asked: Asked, answer: Answer, *, ends: bool) -> Iterator[Event]:
    """The events of a stream; without the last ones unless it ``ends``."""
    usage = usage_of(answer.told(0))
    message = {**whole(asked, answer), "content": [], "stop_reason": None}
    yield _event({"type": "message_start", "message": {**message, "usage": usage}}, 0)
    yield _event({"type": "ping"}, 0)
    at, current = -1, ("", 0)
    for n, piece in enumerate(answer.pieces, 1):
        if (piece.kind, piece.call) != current:
            if at >= 0:
                yield from _block_end(asked, at, current[0], n - 1)
            at, current = at + 1, (piece.kind, piece.call)
            block = _empty_block(asked, answer, piece)
            started = {"type": "content_block_start", "index": at, "content_block": block}
            yield _event(started, n - 1)
        yield _event({"type": "content_block_delta", "index": at, "delta": _delta(piece)}, n)
    if not ends:
        return
    n_all = len(answer.pieces)
    if at >= 0:
        yield from _block_end(asked, at, current[0], n_all)
    delta = {"stop_reason": _STOP_REASON[answer.finish], "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": usage_of(answer.tokens)}
    yield _event(end, n_all)
    yield _event({"type": "message_stop"}, n_all)


def _block_end(asked: Asked, at: int, kind: str, n_told: int) -> Iterator[Event]:
    if kind == "reasoning":
        signed = {"type": "signature_delta", "signature": f"sig{asked.n}"}
        body = {"type": "content_block_delta", "index": at, "delta": signed}
        yield _event(body, n_told)
    yield _event({"type": "content_block_stop", "index": at}, n_told)


def _empty_block(asked: Asked, answer: Answer, piece: Piece) -> dict[str, Any]:
    if piece.kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if piece.kind == "text":
        return {"type": "text", "text": ""}
    name = answer.names[piece.call]
    return {"type": "tool_use", "id": _use_id(asked, piece.call), "name": name, "input": {}}


def _delta(piece: Piece) -> dict[str, Any]:
    if piece.kind == "reasoning":
        return {"type": "thinking_delta", "thinking": piece.text}
    if piece.kind == "text":
        return {"type": "text_delta", "text": piece.text}
    return {"type": "input_json_delta", "partial_json": piece.text}
