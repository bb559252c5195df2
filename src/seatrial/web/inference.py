"""The data plane as an ASGI application: the same replies as the hot protocol, on any server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import BodyTooLarge, BodyTooSlow, Limits, Reply, Request
from seatrial.serving.plane import DataPlane

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

READ_S = 30.0
"""From the first byte of a request to its last; slower clients only hold connections."""


def path_of(scope: Scope) -> str:
    """The percent-encoded path of a request below the application's root."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw is not None else str(scope["path"])
    root = str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


async def answer(plane: DataPlane, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request that the plane owns."""
    if (request := await whole_request(plane, scope, receive, send)) is not None:
        made = plane.handle(request)
        await send_reply(send, scope, made if isinstance(made, Reply) else await made)


class Refusing(Protocol):
    """A plane, as far as it matters before a request is whole."""

    @property
    def limits(self) -> Limits:
        """Bounds of one request; of these, that of the body counts."""
        ...

    def refused(self, error: SeatrialError, path: str) -> Reply:
        """The reply for an error that a door found."""
        ...


async def whole_request(
    plane: Refusing, scope: Scope, receive: Receive, send: Send
) -> Request | None:
    """A request with its body; None where the client is gone or was refused."""
    path = path_of(scope)
    headers = dict(scope["headers"])
    body = await body_of(receive, headers, plane.limits.max_body_bytes)
    if isinstance(body, bytes):
        return Request(scope["method"], path, scope.get("query_string", b""), headers, body)
    if body is not None:
        await send_reply(send, scope, plane.refused(body, path), closes=True)
    return None


async def send_reply(send: Send, scope: Scope, reply: Reply, *, closes: bool = False) -> None:
    """Send a reply, and whether the connection ends with it."""
    closing = ((b"connection", b"close"),) if closes else ()
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type),
                *reply.headers,
                (b"content-length", str(len(reply.body)).encode()),
                *closing,
            ],
        }
    )
    shown = b"" if scope["method"] == "HEAD" else reply.body
    await send({"type": "http.response.body", "body": shown, "more_body": False})


async def body_of(
    receive: Receive, headers: dict[bytes, bytes], limit: int
) -> bytes | BodyTooLarge | BodyTooSlow | None:
    """The whole body, or why it is not read to its end; None when the client left.

    Args:
        limit: bytes it may have.
    """
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > limit:
        return BodyTooLarge(limit)
    try:
        async with asyncio.timeout(READ_S):
            return await _whole(receive, limit)
    except TimeoutError:
        return BodyTooSlow(
            f"The body was not whole within {READ_S:g} s.", remedy="Send it at once, or less of it."
        )


async def _whole(receive: Receive, limit: int) -> bytes | BodyTooLarge | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return BodyTooLarge(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
