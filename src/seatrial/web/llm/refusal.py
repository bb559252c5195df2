"""Errors as replies: the bodies are the dialects', the statuses theirs and those of the door.

What a client sent is never answered with 500 or above; what a provider did is told as 502, 503 or
504, its rate limit as 429. A budget that is used up is OpenAI's ``insufficient_quota``: 429, with
the header that keeps the clients of both from trying again, as has a request that alone is more
than a rate limit; a budget that is held by calls under way is a rate limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.dialects import errors as dialects
from seatrial.gateway.policies.budget_failures import BudgetExceeded, BudgetHeld
from seatrial.gateway.policies.held_back import HeldBack
from seatrial.gateway.policies.rate_limit import LargerThanLimit
from seatrial.gateway.policies.size_limits import RequestTooLarge
from seatrial.gateway.routes.keys import KeyUnknown
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import (
    JSON,
    BodyTooLarge,
    BodyTooSlow,
    MethodNotAllowed,
    Reply,
    UnsupportedMedia,
)
from seatrial.web.errors import STATUS
from seatrial.web.server_paths import without_places

_HELD_S: Final = 1.0
"""About how soon calls under way give back what they do not need."""

_OWN: Final[Mapping[type[SeatrialError], int]] = {
    KeyUnknown: 401,
    HeldBack: 503,
    BudgetExceeded: 429,
    RequestTooLarge: 413,
    **{kind: STATUS[kind] for kind in (BodyTooLarge, BodyTooSlow, MethodNotAllowed)},
    UnsupportedMedia: STATUS[UnsupportedMedia],
}
_OPENAI: Final[Mapping[type[SeatrialError], tuple[str, str]]] = {
    KeyUnknown: ("invalid_request_error", "invalid_api_key"),
    BudgetExceeded: ("insufficient_quota", "insufficient_quota"),
    BodyTooLarge: ("invalid_request_error", BodyTooLarge.code),
}
_ANTHROPIC: Final[Mapping[type[SeatrialError], str]] = {
    KeyUnknown: "authentication_error",
    BudgetExceeded: "rate_limit_error",
    BodyTooLarge: "request_too_large",
    RequestTooLarge: "request_too_large",
}


def status_of(error: SeatrialError) -> int:
    """The HTTP status of an error."""
    for kind, status in _OWN.items():
        if isinstance(error, kind):
            return status
    given = dialects.status_of(error)
    # These would be taken for the caller's own key, or for a proxy's.
    return 400 if given in (401, 407) else given


def body_of(error: SeatrialError, dialect: DialectName, request_id: str) -> dict[str, Any]:
    """The error as a client of a vendor expects it."""
    if dialect is DialectName.ANTHROPIC:
        body = dialects.anthropic_error(error, request_id=request_id)
        if type(error) in _ANTHROPIC:
            body["error"]["type"] = _ANTHROPIC[type(error)]
        return body
    body = dialects.openai_error(error)
    if type(error) in _OPENAI:
        body["error"]["type"], body["error"]["code"] = _OPENAI[type(error)]
    return body


def refused(
    error: SeatrialError,
    dialect: DialectName,
    request_id: str,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Reply:
    """The reply for an error; it names no place of a file on the server.

    Args:
        headers: besides those that say when to come back.
    """
    error = without_places(error)
    body = orjson.dumps(body_of(error, dialect, request_id), default=str)
    return Reply(status_of(error), body, JSON, headers + tuple(_headers(error)))


def _headers(error: SeatrialError) -> list[tuple[bytes, bytes]]:
    found = []
    wait_s = getattr(error, "retry_after_s", None) or error.facts.get("retry_after_s")
    if wait_s is None and isinstance(error, BudgetHeld):
        wait_s = _HELD_S
    if isinstance(wait_s, int | float):
        found.append((b"retry-after", b"%d" % max(1, math.ceil(wait_s))))
    if isinstance(error, BudgetExceeded | LargerThanLimit) and not error.retryable:
        found.append((b"x-should-retry", b"false"))
    if isinstance(allow := error.facts.get("allow"), str):
        found.append((b"allow", allow.encode()))
    return found
