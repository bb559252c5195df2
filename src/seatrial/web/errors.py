"""Errors as HTTP replies: one table from kind to status, one body for every protocol.

The body satisfies Open Inference Protocol and TF Serving clients (``error``) and MLflow's
(``error_code`` and ``message``) alike; ``code``, ``field`` and ``row`` are for machines.
"""

from __future__ import annotations

import math

import orjson

from seatrial.kernel.errors import (
    Conflict,
    DeadlineExceeded,
    Denied,
    Invalid,
    LimitExceeded,
    NotFound,
    SeatrialError,
    Unavailable,
)
from seatrial.serving.exchange import (
    JSON,
    BodyTooLarge,
    BodyTooSlow,
    MethodNotAllowed,
    Reply,
    UnsupportedMedia,
)
from seatrial.web.server_paths import without_places

STATUS: dict[type[SeatrialError], int] = {
    BodyTooLarge: 413,
    BodyTooSlow: 408,
    MethodNotAllowed: 405,
    UnsupportedMedia: 415,
    Invalid: 400,
    NotFound: 404,
    Conflict: 409,
    Denied: 403,
    LimitExceeded: 429,
    DeadlineExceeded: 504,
    Unavailable: 503,
}
"""The status of each kind of error, leaves before kinds; every other error is 500."""

_MLFLOW_CODES = {
    400: "BAD_REQUEST",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


def status_of(error: SeatrialError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def error_reply(error: SeatrialError, path: str) -> Reply:
    """The reply for an error at a path; it names no place of a file on the server."""
    error = without_places(error)
    status = status_of(error)
    record: dict[str, object] = {"error": str(error), "code": error.code}
    for name in ("field", "row"):
        if name in error.facts:
            record[name] = error.facts[name]
    if path == "/invocations":
        record["error_code"] = _MLFLOW_CODES.get(
            status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR"
        )
        record["message"] = str(error)
    return Reply(status, orjson.dumps(record, default=str), JSON, tuple(_headers(error)))


def _headers(error: SeatrialError) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    wait_s = error.facts.get("retry_after_s")
    if isinstance(wait_s, int | float):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(wait_s))))
    allow = error.facts.get("allow")
    if isinstance(allow, str):
        headers.append((b"allow", allow.encode()))
    return headers
