"""Which failure a vendor's error is: by status, headers and what its body says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from seatrial.gateway.chat.failures import (
    ContextTooLong,
    NotOffered,
    OutOfCredit,
    Overloaded,
    ProviderFailure,
    RateLimited,
    Rejected,
    ServerFault,
    TimedOut,
    Unauthorized,
)
from seatrial.gateway.dialects.errors import Told, read_error

_TOO_LONG = re.compile(
    r"context (length|window|size)|maximum context|prompt is too long|exceed_context"
    r"|exceeds? the (maximum number of|available context)|input (is too long|token count)"
    r"|too many (input )?tokens"
    r"|input length and `max_tokens` exceed",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](quota|balance|funds|credits?)|billing_|credit balance"
    r"|exceeded your current quota",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(r"overloaded|at capacity|no capacity", re.IGNORECASE)
_OF_INPUT = frozenset({400, 413, 422, 500})
"""Statuses with which servers say that a prompt is too long; llama.cpp once took 500."""


def failure_of(
    provider: str,
    status: int,
    headers: Mapping[str, str],
    body: object,
    *,
    wall_s: float,
) -> ProviderFailure:
    """The failure for an answer that is not 2xx, or an error told within a stream.

    Args:
        provider: its name in the configuration.
        status: of HTTP; 200 for an error within a stream or a body that claims success.
        headers: their names in any case, as the mapping given treats them.
        body: what JSON gave; None where it was none.
        wall_s: seconds since 1970, for a Retry-After that is a date.
    """
    told = read_error(body)
    if status < 300:
        status = _status_told(told)
    kind = _kind(status, told)
    asked = headers.get("x-should-retry", "").lower()
    if asked == "false" and kind.retryable:
        kind = ProviderFailure
    elif asked == "true" and not kind.retryable and kind is not OutOfCredit:
        kind = Overloaded
    said = f": {told.message}" if told.message else ""
    return kind(
        f"The provider {provider!r} answered {status}{said}.",
        remedy=_REMEDIES.get(kind, "Try again later, or use another provider."),
        provider=provider,
        status=status,
        retry_after_s=retry_after_s(headers, wall_s=wall_s),
        body=body if isinstance(body, dict) else None,
    )


_REMEDIES: Mapping[type[ProviderFailure], str] = {
    RateLimited: "Wait as long as it asks, or raise the limit with the provider.",
    Rejected: "Correct the request.",
    ContextTooLong: "Shorten the conversation, or use a model with a larger window.",
    Unauthorized: "Set the API key of this provider to one that it accepts.",
    OutOfCredit: "Pay the provider, or use another.",
    NotOffered: "Use a provider that offers it.",
}

_BY_STATUS: Mapping[int, type[ProviderFailure]] = {
    401: Unauthorized,
    402: OutOfCredit,
    403: Unauthorized,
    408: TimedOut,
    409: ServerFault,
    429: RateLimited,
    501: NotOffered,
    503: Overloaded,
    529: Overloaded,
}
_BY_WORD: Mapping[str, int] = {
    "overloaded_error": 529,
    "overloaded": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "insufficient_quota": 402,
    "context_length_exceeded": 400,
}


def _status_told(told: Told) -> int:
    """The status an error means that came with 200."""
    if told.code.isdecimal() and 400 <= int(told.code) < 600:
        return int(told.code)
    return _BY_WORD.get(told.code) or _BY_WORD.get(told.type) or 500


def _kind(status: int, told: Told) -> type[ProviderFailure]:
    words = f"{told.code} {told.type} {told.message}"
    if status in _OF_INPUT and _TOO_LONG.search(words.replace("context_length", "context length")):
        return ContextTooLong
    if status in (400, 402, 403, 429) and _NO_CREDIT.search(words):
        return OutOfCredit
    if status == 429 and _NO_ROOM.search(words):
        return Overloaded
    if (found := _BY_STATUS.get(status)) is not None:
        return found
    if status >= 500:
        return TimedOut if status == 504 else ServerFault
    return Rejected if status >= 400 else ProviderFailure


def retry_after_s(headers: Mapping[str, str], *, wall_s: float) -> float | None:
    """How long a provider asks to wait, >= 0; None where it does not say, or says nonsense.

    ``retry-after-ms`` of OpenAI goes before ``Retry-After`` in seconds or as a date (RFC 9110).
    """
    if (in_ms := _seconds(headers.get("retry-after-ms"))) is not None:
        return in_ms / 1000
    given = headers.get("retry-after", "")
    if (in_s := _seconds(given)) is not None:
        return in_s
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - wall_s)
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
