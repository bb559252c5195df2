"""Errors as the clients of both vendors expect them, and as vendors tell them.

What a provider said of the request itself goes on to the client in its words: a wrong request is
the client's to correct. What ails the gateway or its providers is told in ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    ContextTooLong,
    NotOffered,
    Overloaded,
    ProviderFailure,
    RateLimited,
    Rejected,
    TimedOut,
)
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.kernel.errors import (
    Conflict,
    DeadlineExceeded,
    Denied,
    Invalid,
    LimitExceeded,
    MissingExtra,
    NotFound,
    SeatrialError,
    Unavailable,
)

MAX_MESSAGE_CHARACTERS = 2_000


class Told(NamedTuple):
    """What an error body of either vendor says; "" where it does not.

    Args:
        code: OpenAI's code, or the type of error of those that have no code.
    """

    message: str
    type: str
    code: str
    param: str | None = None


class _Row(NamedTuple):
    status: int
    openai_type: str
    anthropic_type: str
    openai_code: str | None = None


_TABLE: tuple[tuple[type[SeatrialError], _Row], ...] = (
    (RateLimited, _Row(429, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded")),
    (Overloaded, _Row(503, "server_error", "overloaded_error")),
    (TimedOut, _Row(504, "server_error", "timeout_error")),
    (
        ContextTooLong,
        _Row(400, "invalid_request_error", "invalid_request_error", "context_length_exceeded"),
    ),
    (Rejected, _Row(400, "invalid_request_error", "invalid_request_error")),
    (NotOffered, _Row(400, "invalid_request_error", "invalid_request_error")),
    (ConnectionLost, _Row(502, "server_error", "api_error")),
    (BadReply, _Row(502, "server_error", "api_error")),
    (ProviderFailure, _Row(502, "server_error", "api_error")),
    (Invalid, _Row(400, "invalid_request_error", "invalid_request_error")),
    (NotFound, _Row(404, "invalid_request_error", "not_found_error", "model_not_found")),
    (Conflict, _Row(409, "invalid_request_error", "invalid_request_error")),
    (Denied, _Row(403, "invalid_request_error", "permission_error")),
    (LimitExceeded, _Row(429, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded")),
    (DeadlineExceeded, _Row(504, "server_error", "timeout_error")),
    (Unavailable, _Row(503, "server_error", "overloaded_error")),
    (MissingExtra, _Row(500, "server_error", "api_error")),
    (SeatrialError, _Row(500, "server_error", "api_error")),
)
"""By the first class that fits: status, and the types of both vendors."""

_ANTHROPIC_BY_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
}


def _row(error: SeatrialError) -> _Row:
    return next(row for kind, row in _TABLE if isinstance(error, kind))


def status_of(error: SeatrialError) -> int:
    """Of HTTP, for the client: the provider's own where it found the request wrong."""
    if isinstance(error, Rejected) and error.status is not None and 400 <= error.status < 500:
        return error.status
    return _row(error).status


def openai_error(error: SeatrialError) -> dict[str, Any]:
    """The body of an error, for a client of OpenAI."""
    row, told = _row(error), _of_the_request(error)
    param = told.param if told else None
    if isinstance(error, RequestInvalid):
        param = str(error.facts["place"]) or None
    body = {
        "message": told.message if told else _message(error),
        "type": row.openai_type,
        "param": param,
        "code": (told.code if told else "") or row.openai_code or error.code,
    }
    return {"error": body}


def anthropic_error(error: SeatrialError, *, request_id: str | None = None) -> dict[str, Any]:
    """The body of an error, for a client of Anthropic."""
    told = _of_the_request(error)
    kind = _ANTHROPIC_BY_STATUS.get(status_of(error), _row(error).anthropic_type)
    body = {"type": kind, "message": told.message if told else _message(error)}
    return {"type": "error", "error": body, "request_id": request_id}


def _message(error: SeatrialError) -> str:
    return f"{error.problem} {error.remedy}"[:MAX_MESSAGE_CHARACTERS]


def _of_the_request(error: SeatrialError) -> Told | None:
    """What the provider said of the request."""
    if isinstance(error, Rejected | ContextTooLong) and error.body is not None:
        told = read_error(error.body)
        return told if told.message else None
    return None


def read_error(body: object) -> Told:
    """What an error body says: of OpenAI, of Anthropic, or of servers that are less orderly."""
    if not isinstance(body, Mapping):
        return Told("", "", "")
    inner: Any = body.get("error", body)
    if isinstance(inner, str):
        return Told(inner[:MAX_MESSAGE_CHARACTERS], "", "")
    if not isinstance(inner, Mapping):
        return Told("", "", "")
    message = inner.get("message") or inner.get("detail") or ""
    code, param = inner.get("code"), inner.get("param")
    return Told(
        str(message)[:MAX_MESSAGE_CHARACTERS],
        str(inner.get("type") or ""),
        "" if code is None else str(code),
        param if isinstance(param, str) else None,
    )
