"""Replies that take their time, whole or in pieces: who gives them, and how a door hands them on.

Each is made in a task that ends with its client: whoever hangs up ends the work that is done for
them. A client that reads slowly slows the work down, and no more than `BUFFER_BYTES` wait for it.
Where the server has to end first, the client is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol, runtime_checkable

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from seatrial.serving.exchange import Reply, Request, Stopping, StreamReply
from seatrial.web.inference import Receive, Refusing, Scope, Send, send_reply, whole_request

BUFFER_BYTES = 16 * 1024
"""Of a stream, written and not yet taken by the socket: a thousand of them are 16 MiB."""


@runtime_checkable
class StreamPlane(Refusing, Protocol):
    """Answers requests that take their time.

    Nothing a client sends makes `answer` or the parts of its reply raise.
    """

    def owns(self, path: str) -> bool:
        """Whether requests for a percent-encoded path are answered here."""
        ...

    async def answer(self, request: Request) -> Reply | StreamReply:
        """The reply; cancelled when the client leaves."""
        ...

    def described(self) -> Mapping[str, Any]:
        """Its ``paths`` and their ``tags``, for OpenAPI."""
        ...


class Outlet(Protocol):
    """Where the body of a reply goes."""

    async def put(self, part: bytes) -> None:
        """Write a part, and wait until there is room for the next."""
        ...

    def gone(self) -> bool:
        """Whether nobody listens any more."""
        ...


def streams_of(app: Any) -> StreamPlane | None:
    """The stream plane of an ASGI app, through middleware that keeps what it wraps as ``app``."""
    while app is not None:
        streams = getattr(app, "streams", None)
        if isinstance(streams, StreamPlane):
            return streams
        app = getattr(app, "app", None)
    return None


async def answered(
    plane: StreamPlane, request: Request, gone: Callable[[], bool]
) -> Reply | StreamReply:
    """The reply of a plane, or that the server stops.

    Args:
        gone: whether nobody listens any more: it was the client that ended the work.
    """
    try:
        return await plane.answer(request)
    except asyncio.CancelledError:
        if gone():
            raise
        return plane.refused(Stopping(), request.path)


async def pour(reply: StreamReply, outlet: Outlet) -> None:
    """Write a reply to its end, or with its ``cut`` to where the server must end it.

    Raises: CancelledError, once the parts are closed: the client has left.
    """
    try:
        async with aclosing(reply.parts) as parts:
            async for part in parts:
                if outlet.gone():
                    return
                await outlet.put(part)
    except asyncio.CancelledError:
        if outlet.gone():
            raise
        await outlet.put(reply.cut)
    except Exception:
        if not outlet.gone():
            await outlet.put(reply.cut)
        raise


class Chunks:
    """The body of a reply below ASGI; an `Outlet`.

    Args:
        gone: whether the connection is lost.
        chunked: whether the body says where it ends, as HTTP/1.1 can; otherwise the connection's
            end does.
    """

    __slots__ = ("_chunked", "_flow", "_gone", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        flow: FlowControl,
        gone: Callable[[], bool],
        *,
        chunked: bool,
    ) -> None:
        self._transport, self._flow, self._gone, self._chunked = transport, flow, gone, chunked

    def begin(
        self, reply: StreamReply, default: list[tuple[bytes, bytes]], *, keep_alive: bool
    ) -> None:
        """Write the head.

        Args:
            default: headers of every reply.
            keep_alive: whether the connection stays, as far as the client allows it.
        """
        headers = [*default, (b"content-type", reply.content_type), *reply.headers]
        if self._chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        if not (keep_alive and self._chunked):
            headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % header for header in headers]
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self._transport.write(b"".join([STATUS_LINE[reply.status], *lines, b"\r\n"]))

    async def put(self, part: bytes) -> None:
        """See `Outlet`."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if self._chunked else part)
        if self._flow.write_paused:
            await self._flow.drain()

    def gone(self) -> bool:
        """See `Outlet`."""
        return self._gone() or self._transport.is_closing()

    def end(self) -> None:
        """Write the end."""
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        self._transport.set_write_buffer_limits()


async def answer_streamed(plane: StreamPlane, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request that the plane owns, as an ASGI application does."""
    if (request := await whole_request(plane, scope, receive, send)) is None:
        return
    outlet = _Sends(scope, send)
    work = asyncio.ensure_future(_through(outlet, plane, request))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        outlet.left = not work.done()
    except asyncio.CancelledError:  # the server ends
        pass
    finally:
        leaving.cancel()
        work.cancel()
        await asyncio.wait({work, leaving})
    if not work.cancelled():
        work.result()


async def _through(outlet: _Sends, plane: StreamPlane, request: Request) -> None:
    reply = await answered(plane, request, outlet.gone)
    if isinstance(reply, Reply):
        await send_reply(outlet.send, outlet.scope, reply)
        return
    await outlet.begin(reply)
    await pour(reply, outlet)
    if not outlet.left:
        await outlet.end(reply)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Sends:
    """The body of a reply through ASGI; an `Outlet`."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self.send = scope, send
        self.left = False
        # Servers send chunks even to clients that read none.
        self._whole: list[bytes] | None = [] if scope.get("http_version") == "1.0" else None

    async def begin(self, reply: StreamReply) -> None:
        """Send the head."""
        if self._whole is None:
            headers = [(b"content-type", reply.content_type), *reply.headers]
            await self.send(
                {"type": "http.response.start", "status": reply.status, "headers": headers}
            )

    async def put(self, part: bytes) -> None:
        """See `Outlet`."""
        if self._whole is None:
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
        else:
            self._whole.append(part)

    def gone(self) -> bool:
        """See `Outlet`."""
        return self.left

    async def end(self, reply: StreamReply) -> None:
        """Send the end."""
        if self._whole is None:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            whole = b"".join(self._whole)
            told = Reply(reply.status, whole, reply.content_type, reply.headers)
            await send_reply(self.send, self.scope, told)
