"""The data plane as an ASGI application: the same replies as the hot protocol, on any server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from seatrial.serving.exchange import BodyTooLarge, Reply, Request
from seatrial.serving.plane import DataPlane

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def path_of(scope: Scope) -> str:
    """The percent-encoded path of a request below the application's root."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw is not None else str(scope["path"])
    root = str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


async def answer(plane: DataPlane, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request that the plane owns."""
    path = path_of(scope)
    headers = dict(scope["headers"])
    body = await _body(receive, headers, plane.limits.max_body_bytes)
    if body is None:
        return
    if isinstance(body, BodyTooLarge):
        reply = plane.refused(body, path)
        closing: tuple[tuple[bytes, bytes], ...] = ((b"connection", b"close"),)
    else:
        request = Request(scope["method"], path, scope.get("query_string", b""), headers, body)
        made = plane.handle(request)
        reply = made if isinstance(made, Reply) else await made
        closing = ()
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


async def _body(
    receive: Receive, headers: dict[bytes, bytes], limit: int
) -> bytes | BodyTooLarge | None:
    """The whole body; None when the client left."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > limit:
        return BodyTooLarge(limit)
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
