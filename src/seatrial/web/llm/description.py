"""The routes of OpenAI and Anthropic for people: what there is, in words and for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ROUTES: Final = (
    ("POST", "/v1/chat/completions", "Ask a model, OpenAI's form; whole or streamed"),
    ("POST", "/v1/embeddings", "Vectors of texts, OpenAI's form"),
    ("GET", "/v1/models", "The models there are, in the form of who asks"),
    ("POST", "/v1/messages", "Ask a model, Anthropic's form; whole or streamed"),
    ("POST", "/v1/messages/count_tokens", "Count the tokens of a request, Anthropic's form"),
    ("POST", "/v1/prompts/scores", "Say what an answer to a prompt was worth, from 0 to 1"),
)
"""Method, path and summary. ``/v1/models/{model}``, which TF Serving has too, describes one."""

ASKED: Final = (
    ("x-request-id", "Sent back with the reply; the id of the call."),
    ("x-seatrial-tags", "What costs are told apart by: `team=search,app=faq`."),
    ("x-seatrial-key", "The same key gets the same version of a prompt; else the field user."),
    ("x-seatrial-version", "The version of a prompt, for tests: what comes of it is no evidence."),
    ("x-seatrial-timeout", "Seconds the client waits, where it waits less than is configured."),
)
TOLD: Final = (
    ("x-request-id", "The id of the call, also as `request-id`."),
    ("x-seatrial-model", "Provider and model of the last attempt."),
    ("x-seatrial-version", "The version of the prompt that answered."),
    ("x-seatrial-answer", "The id by which the answer to a prompt is scored."),
    ("x-seatrial-attempts", "How many attempts there were."),
    ("x-seatrial-cost-usd", "What they cost together; of a stream a comment tells it at the end."),
    ("x-seatrial-cache", "`hit`, `miss`, or `joined`: an equal call was under way."),
    ("retry-after", "Seconds to wait, with 429 and 503, where that is known."),
)

_TEXT: Final = {"type": "string", "minLength": 1}
_MODEL: Final = {"model": _TEXT}
_TURNS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"enum": ["user", "assistant"]}, "content": _TEXT},
    },
}
_PROMPTS: Final = {
    "type": "object",
    "description": "Of a prompt, with a model named prompt/NAME, where messages may be left out.",
}
_BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "/v1/chat/completions": {
        "required": ["model", "messages"],
        "properties": {
            **_MODEL,
            "messages": _TURNS,
            "variables": _PROMPTS,
            "stream": {"type": "boolean"},
            "max_completion_tokens": {"type": "integer", "minimum": 1},
            "temperature": {"type": "number"},
        },
    },
    "/v1/embeddings": {
        "required": ["model", "input"],
        "properties": {
            **_MODEL,
            "input": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
            "encoding_format": {"enum": ["float", "base64"]},
        },
    },
    "/v1/messages": {
        "required": ["model", "messages", "max_tokens"],
        "properties": {
            **_MODEL,
            "messages": _TURNS,
            "variables": _PROMPTS,
            "max_tokens": {"type": "integer", "minimum": 1},
            "stream": {"type": "boolean"},
        },
    },
    "/v1/prompts/scores": {
        "required": ["prompt", "answer", "score"],
        "properties": {
            "prompt": _TEXT,
            "answer": _TEXT,
            "score": {"type": "number", "minimum": 0, "maximum": 1},
        },
    },
    "/v1/messages/count_tokens": {
        "required": ["model", "messages"],
        "properties": {**_MODEL, "messages": _TURNS},
    },
}
_REFUSED: Final = {
    "description": "Refused, in the form of the vendor whose client asks",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": ["object", "string"]}},
            }
        }
    },
}


def document() -> dict[str, Any]:
    """What they add to an OpenAPI document: paths, and the tag of their operations."""
    text = "Ask language models as clients of OpenAI and Anthropic do; either reaches every model."
    return {
        "tags": [{"name": "llm", "description": text}],
        "paths": {path: {method.lower(): _operation(path, text)} for method, path, text in ROUTES},
    }


def _operation(path: str, summary: str) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    body = _BODIES.get(path)
    if body is not None and "stream" in body["properties"]:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "summary": summary,
        "tags": ["llm"],
        "responses": {"200": {"description": "Done", "content": content}, "default": _REFUSED},
    }
    if body is not None:
        schema = {"type": "object", **body}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation
