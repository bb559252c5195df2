"""How the scripted server of models writes its answers: bodies and streams of both wires, errors.

Written from the vendors' documentation alone, so that it is a second opinion on
`seatrial.gateway.dialects`, and knows nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.testing import llm_anthropic_wire, llm_openai_wire
from seatrial.testing.llm_answer import Answer, Event
from seatrial.testing.llm_script import Asked, FaultKind


def whole(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The body of a whole reply."""
    if asked.wire == "openai":
        return llm_openai_wire.whole(asked, answer)
    return llm_anthropic_wire.whole(asked, answer)


def stream(asked: Asked, answer: Answer, *, ends: bool = True) -> Iterator[Event]:
    """The events of a stream; without the last ones unless it ``ends``."""
    if asked.wire == "openai":
        return llm_openai_wire.stream(asked, answer, ends=ends)
    return llm_anthropic_wire.stream(asked, answer, ends=ends)


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
