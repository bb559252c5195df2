"""What goes through the data plane: a request, a reply, and what can be wrong with a request.

Doors (`web`) translate their transport to these and back; nothing here knows a framework.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from seatrial.kernel.errors import Invalid, LimitExceeded, NotFound, SeatrialError, Unavailable

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
OCTETS = b"application/octet-stream"
EVENTS = b"text/event-stream; charset=utf-8"


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, read to its end.

    Args:
        method: as sent, upper case.
        path: as sent, percent-encoded, without the query.
        query: what follows ``?``, without it.
        headers: by lower-case name; the last one counts when a name is repeated.
        body: decompressed by nobody yet; not longer than the door's limit.
    """

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes


class Reply(msgspec.Struct, frozen=True):
    """One HTTP reply; the door adds ``content-length`` and leaves the body out for HEAD."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class StreamReply(msgspec.Struct, frozen=True):
    """One HTTP reply whose body comes in pieces, none of them empty.

    Args:
        parts: the body; it is closed when the client leaves, and asked for no more than the client
            takes.
        cut: what the door writes instead of the rest where it has to end the reply itself, so that
            nobody takes it for whole.
    """

    status: int
    parts: AsyncGenerator[bytes, None]
    cut: bytes
    content_type: bytes = EVENTS
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of what one request may ask.

    Args:
        max_body_bytes: of a body, as sent and decompressed.
        max_rows: of a batch.
        timeout_s: from the last byte of the request to the answer; requests may ask for less.
        unknown_categories: whether values unseen in training are passed to the model.
    """

    max_body_bytes: int = 64 * 2**20
    max_rows: int = 1_000_000
    timeout_s: float = 30.0
    unknown_categories: bool = False


class BadInput(Invalid):
    """The request does not fit the protocol or the model's signature.

    Its facts may hold ``field`` (a feature, tensor or place in the body) and ``row`` (from 0).
    """

    code = "serving.bad_input"


class BodyTooLarge(LimitExceeded):
    """The body, or what it decompresses to, is longer than allowed."""

    code = "serving.body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The body is longer than {limit} bytes.",
            remedy="Send less in one request: fewer rows or messages, or tensors in binary.",
            limit=limit,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.facts["limit"],)


class BodyTooSlow(LimitExceeded):
    """The body did not arrive in the time allowed."""

    code = "serving.body_too_slow"


class UnsupportedMedia(Invalid):
    """The content type or encoding of the body is none that the route reads."""

    code = "serving.unsupported_media"


class Stopping(Unavailable):
    """The server ends before the answer is there."""

    code = "serving.stopping"

    def __init__(self) -> None:
        super().__init__(
            "The server stops before the answer is there.",
            remedy="Send the request again; another process takes it.",
            retry_after_s=1.0,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), ()


class UnknownRoute(NotFound):
    """The path belongs to the data plane but names nothing in it."""

    code = "serving.unknown_route"


class MethodNotAllowed(Invalid):
    """The route exists but not for this method; the fact ``allow`` lists those it has."""

    code = "serving.method_not_allowed"


class BadOutput(SeatrialError):
    """The model answered what its signature does not promise; no fault of the client."""

    code = "serving.bad_output"


def shown(value: object) -> str:
    """A value from a request as a message may quote it: ASCII, short."""
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge integer"
    return text if len(text) <= 60 else f"{text[:57]}..."
