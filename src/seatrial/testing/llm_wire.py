"""How the scripted server of models writes its answers: bodies and streams of both wires.

Written from the vendors' documentation alone, so that it is a second opinion on
`seatrial.gateway.dialects`, and knows nothing of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.testing.llm_script import Asked, FaultKind, Says, Tokens

_WORD = re.compile(r"\s*\S+|\s+$")
_STOP_REASON = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def words(text: str) -> list[str]:
    """The pieces of a text; each counts as a token."""
    return _WORD.findall(text)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the answer.

    Args:
        kind: what it is a part of.
        text: the word.
        call: which of the tool calls, from 0.
    """

    kind: str
    text: str
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, in words.

    Args:
        names: of the tools it calls.
        tokens: what it takes, if all of it goes out.
        tells_usage: whether that is told.
    """

    pieces: tuple[Piece, ...]
    names: tuple[str, ...]
    finish: str
    tokens: Tokens
    tells_usage: bool

    def text(self, kind: str, call: int = 0) -> str:
        """The words of a kind, joined."""
        return "".join(p.text for p in self.pieces if p.kind == kind and p.call == call)

    def told(self, n_pieces: int) -> Tokens:
        """What it takes when only so many pieces went out."""
        if n_pieces >= len(self.pieces):
            return self.tokens
        return Tokens(
            input=self.tokens.input,
            cached=self.tokens.cached,
            cache_write=self.tokens.cache_write,
            output=min(n_pieces, self.tokens.output),
        )


def answer_to(asked: Asked, says: Says) -> Answer:
    """The answer in words, cut at the ``max_tokens`` that was asked for."""
    calls = says.tool_calls
    text = says.text
    if text is None and not calls:
        text, calls = _fitting(asked)
    pieces = [Piece("reasoning", word) for word in words(says.reasoning)]
    pieces += [Piece("text", word) for word in words(text or "")]
    for n, (_, arguments) in enumerate(calls):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        pieces += [Piece("call", word, n) for word in words(written)]
    body = asked.body
    most = body.get("max_completion_tokens") or body.get("max_tokens") or len(pieces)
    finish = says.finish or ("tool_calls" if calls else "stop")
    if len(pieces) > most:
        pieces, finish = pieces[:most], "length"
    n_answers = int(body.get("n") or 1) if asked.wire == "openai" else 1
    return Answer(
        pieces=tuple(pieces),
        names=tuple(name for name, _ in calls),
        finish=finish,
        tokens=says.tokens
        or Tokens(
            input=input_tokens(body),
            output=max(1, len(pieces)) * n_answers,
            reasoning=sum(piece.kind == "reasoning" for piece in pieces) * n_answers,
        ),
        tells_usage=says.tells_usage,
    )


def input_tokens(body: Mapping[str, Any]) -> int:
    """The words of all messages, at least 1."""
    said = [body.get("system"), body.get("input")]
    said += [message.get("content") for message in body.get("messages", ())]
    return max(1, sum(len(_plain(content).split()) for content in said))


def _plain(content: Any) -> str:
    """The text in what a message, or a block, says."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_plain(part) for part in content)
    if isinstance(content, dict):
        return _plain(content.get("text") or content.get("content"))
    return ""


def _fitting(asked: Asked) -> tuple[str, list[tuple[str, Any]]]:
    """A text, or calls of tools, that fit what was asked."""
    body, last = asked.body, asked.body["messages"][-1]
    result = last.get("role") == "tool" or '"tool_result"' in json.dumps(last.get("content"))
    tools = {_function(tool)["name"]: _function(tool) for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    kind = choice if isinstance(choice, str) else (choice or {}).get("type", "auto")
    if tools and kind != "none" and (not result or kind in ("required", "any")):
        named = (choice or {}) if not isinstance(choice, str) else {}
        name = named.get("name") or named.get("function", {}).get("name") or next(iter(tools))
        tool = tools[name]
        return "", [(name, instance_of(tool.get("parameters") or tool.get("input_schema") or {}))]
    schema = _schema(body)
    if schema is not None:
        return json.dumps(instance_of(schema)), []
    return _plain(last.get("content")) or "Nothing was said.", []


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tool.get("function", tool)
    return found


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = body.get("response_format") or (body.get("output_config") or {}).get("format") or {}
    if form.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    found: Mapping[str, Any] | None = form.get("json_schema", form).get("schema")
    return found


def instance_of(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:  # noqa: PLR0911
    """A small instance of a JSON schema of the kinds that structured output allows."""
    root = schema if root is None else root
    if "$ref" in schema:
        found: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return instance_of(found, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return instance_of(schema[several][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {n: instance_of(s, root) for n, s in schema.get("properties", {}).items()}
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        return [instance_of(schema.get("items", {"type": "string"}), root)] * count
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(least, schema.get("maximum", least))
    plain = {"string": "word".ljust(schema.get("minLength", 0), "s"), "boolean": True}
    return plain.get(kind)


def openai_usage(tokens: Tokens) -> dict[str, Any]:
    """As OpenAI tells it."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    }


def anthropic_usage(tokens: Tokens) -> dict[str, Any]:
    """As Anthropic tells it."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
    }


def whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The body of a whole reply."""
    if asked.wire == "anthropic":
        return _anthropic_whole(asked, answer)
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
    return {**body, "usage": openai_usage(answer.tokens)} if answer.tells_usage else body


def _anthropic_whole(asked: Asked, answer: Answer) -> dict[str, Any]:
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
        "usage": anthropic_usage(answer.tokens),
    }


def _use_id(asked: Asked, n: int) -> str:
    return f"toolu_{asked.n}_{n}"


@dataclass(frozen=True, slots=True)
class Event:
    """A piece of a stream as bytes.

    Args:
        n_told: pieces of the answer that are out with it.
    """

    data: bytes
    n_told: int


def stream(asked: Asked, answer: Answer, *, ends: bool = True) -> Iterator[Event]:
    """The events of a stream; without the last ones unless it ``ends``."""
    told = _openai_stream if asked.wire == "openai" else _anthropic_stream
    return told(asked, answer, ends=ends)


def _openai_stream(asked: Asked, answer: Answer, *, ends: bool) -> Iterator[Event]:
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
        body = {**head, "choices": [], "usage": openai_usage(answer.tokens)}
        yield Event(f"data: {json.dumps(body)}\n\n".encode(), n_all)
    yield Event(b"data: [DONE]\n\n", n_all)


def _anthropic_event(body: Mapping[str, Any], n_told: int) -> Event:
    return Event(f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode(), n_told)


def _anthropic_stream(asked: Asked, answer: Answer, *, ends: bool) -> Iterator[Event]:
    usage = anthropic_usage(answer.told(0))
    message = {**_anthropic_whole(asked, answer), "content": [], "stop_reason": None}
    yield _anthropic_event({"type": "message_start", "message": {**message, "usage": usage}}, 0)
    yield _anthropic_event({"type": "ping"}, 0)
    at, current = -1, ("", 0)
    for n, piece in enumerate(answer.pieces, 1):
        if (piece.kind, piece.call) != current:
            if at >= 0:
                yield from _block_end(asked, at, current[0], n - 1)
            at, current = at + 1, (piece.kind, piece.call)
            block = _empty_block(asked, answer, piece)
            started = {"type": "content_block_start", "index": at, "content_block": block}
            yield _anthropic_event(started, n - 1)
        yield _anthropic_event(
            {"type": "content_block_delta", "index": at, "delta": _delta(piece)}, n
        )
    if not ends:
        return
    n_all = len(answer.pieces)
    if at >= 0:
        yield from _block_end(asked, at, current[0], n_all)
    delta = {"stop_reason": _STOP_REASON[answer.finish], "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": anthropic_usage(answer.tokens)}
    yield _anthropic_event(end, n_all)
    yield _anthropic_event({"type": "message_stop"}, n_all)


def _block_end(asked: Asked, at: int, kind: str, n_told: int) -> Iterator[Event]:
    if kind == "reasoning":
        signed = {"type": "signature_delta", "signature": f"sig{asked.n}"}
        body = {"type": "content_block_delta", "index": at, "delta": signed}
        yield _anthropic_event(body, n_told)
    yield _anthropic_event({"type": "content_block_stop", "index": at}, n_told)


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


ERRORS: Mapping[FaultKind, tuple[int, str, str | None, str, str]] = {
    FaultKind.RATE_LIMITED: (
        429,
        "requests",
        "rate_limit_exceeded",
        "rate_limit_error",
        "Rate limit reached for requests",
    ),
    FaultKind.NO_QUOTA: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "invalid_request_error",
        "You exceeded your current quota: your credit balance is too low",
    ),
    FaultKind.SERVER_ERROR: (
        500,
        "server_error",
        None,
        "api_error",
        "The server had an error while processing your request",
    ),
    FaultKind.UNAVAILABLE: (503, "server_error", None, "api_error", "Service unavailable"),
    FaultKind.OVERLOADED: (529, "server_error", "overloaded", "overloaded_error", "Overloaded"),
    FaultKind.BAD_REQUEST: (
        400,
        "invalid_request_error",
        None,
        "invalid_request_error",
        "temperature: must be at most 2",
    ),
    FaultKind.TOO_LONG: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "invalid_request_error",
        "prompt is too long: 9000 tokens > 8192 maximum context length",
    ),
    FaultKind.UNAUTHORIZED: (
        401,
        "invalid_request_error",
        "invalid_api_key",
        "authentication_error",
        "Incorrect API key provided",
    ),
}
"""By kind: status, OpenAI's type and code, Anthropic's type, message."""


def error(asked: Asked, kind: FaultKind, message: str | None) -> tuple[int, dict[str, Any]]:
    """Status and body of an error."""
    status, type_, code, anthropic_type, usual = ERRORS[kind]
    said = message or usual
    if asked.wire == "anthropic":
        status = 400 if kind is FaultKind.NO_QUOTA else status
        inner = {"type": anthropic_type, "message": said}
        return status, {"type": "error", "error": inner, "request_id": f"req_{asked.n}"}
    return status, {"error": {"message": said, "type": type_, "param": None, "code": code}}


def error_event(asked: Asked, message: str | None) -> bytes:
    """An error told within a stream."""
    _, body = error(asked, FaultKind.OVERLOADED, message)
    name = b"event: error\n" if asked.wire == "anthropic" else b""
    return name + f"data: {json.dumps(body)}\n\n".encode()
