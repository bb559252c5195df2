"""HTTP below ASGI: uvicorn's protocol with a short way for the data plane's routes.

A request that the data plane owns is read whole, handed to `DataPlane.handle` and answered with one
write. Everything else, and everything out of the ordinary (Expect, upgrades, requests pipelined
behind one that is still being answered), takes uvicorn's own way through the ASGI app, where
`inference.py` gives the same replies.

Clients send the same head again and again. A head is parsed in full once; the same bytes, again at
the beginning of a request, mean the same, so what was read from them is looked up (`Heads`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeAlias

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from seatrial.serving.exchange import JSON, BodyTooLarge, Reply, Request
from seatrial.serving.plane import DataPlane

_READ_S = 30.0
"""From the first byte of a request to its last; slower clients only hold connections."""

_LINGER_S = 2.0
"""How long a client that was refused half-way may go on sending before it is cut off: closing at
once would reset the connection and take the reply with it."""

_MAX_HEAD_BYTES = 64 * 1024
_MAX_HEADS = 64
_END = b"\r\n\r\n"

_Fields: TypeAlias = tuple[str, str, bytes, dict[bytes, bytes]]
"""Of a request: method, path, query, headers."""


class Heads:
    """Heads of requests that were parsed before, by their bytes; shared by all connections.

    Only those that leave nothing to decide are kept: a prediction with a content-length, on a
    connection that stays. When there is no more room all are forgotten, and those still in use come
    back with their next request.

    Args:
        max_bytes: of all heads together; a single one may take a 64th of it.
    """

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self._known: dict[bytes, tuple[_Fields, int]] = {}
        self._max_bytes = max_bytes
        self._n_bytes = 0

    def read(self, data: bytes) -> Request | None:
        """The request that ``data`` is, neither less nor more; None when its head is not known."""
        end = data.find(_END)
        known = self._known.get(data[:end])
        if known is None:
            return None
        (method, path, query, headers), length = known
        body = data[end + len(_END) :]
        return Request(method, path, query, headers, body) if len(body) == length else None

    def learn(self, data: bytes, request: Request) -> None:
        """Keep the head of a request that the parser has read from ``data`` alone."""
        end = data.find(_END)
        whole = b"content-length" in request.headers and data[end + len(_END) :] == request.body
        if not whole or end > self._max_bytes // 64:
            return
        if self._n_bytes + end > self._max_bytes:
            self._known.clear()
            self._n_bytes = 0
        fields = request.method, request.path, request.query, request.headers
        self._known[data[:end]] = fields, len(request.body)
        self._n_bytes += end


def _heads_of(server: ServerState) -> Heads:
    """The heads that the connections of a server have read."""
    heads: Heads | None = getattr(server, "seatrial_heads", None)
    if heads is None:
        heads = Heads()
        setattr(server, "seatrial_heads", heads)  # noqa: B010 - the one object all of them share
    return heads


class HotCycle:
    """Stands where uvicorn keeps a request-response cycle while a hot reply is waited for.

    uvicorn asks it whether the next request must queue, and tells it of disconnects and shutdown.
    """

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.message_event = asyncio.Event()


class HotProtocol(HttpToolsProtocol):
    """One connection. The ASGI app, or one that it wraps, carries the data plane as ``plane``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plane = plane_of(self.config.loaded_app)
        self._hot: Request | None = None
        self._parts: list[bytes] = []
        self._n_body = 0
        self._n_unfinished = 0
        self._owed = False
        self._since = 0.0
        self._keep_alive = True
        self._last = False
        self._over = False
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._heads_with: list[tuple[bytes, bytes]] = []
        self._watcher: asyncio.TimerHandle | None = None
        self._heads_read = _heads_of(self.server_state)
        self._between = True  # requests: no byte of the next one was given to the parser
        self._whole: bytes | None = None  # what arrived between requests and may be all of the next

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._over = True
        self._hot, self._parts = None, []
        if self._watcher is not None:
            self._watcher.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._over:
            return
        if self._between and not self._last and self._idle():
            known = self._heads_read.read(data)
            if known is not None and self.timeout_keep_alive_task is None:
                self._since = self.loop.time()
                self._handle(known, keep_alive=True)
                return
            self._whole = data
        super().data_received(data)
        self._whole = None
        if self._owed and not self._over:
            self._n_unfinished += len(data)
            self._bound_unfinished()

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read its replies."""
        super().pause_writing()
        if self._idle():
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if self._idle() and not self.transport.is_closing():
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Called by the server: finish the request at hand, if any, and close."""
        self._last = True
        if not self._owed:
            super().shutdown()

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """A request starts; what uvicorn prepares here is made up for in `_take_long_way`."""
        self._between = False
        self.url = b""
        self.headers = []
        self._owed = True
        self._n_unfinished = 0
        self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer of a chunked body, which nobody here reads."""
        if self._hot is None:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide which way the request takes."""
        if self._over:
            return
        plane, parser = self.plane, self.parser
        path, _, query = self.url.partition(b"?")
        target = path.decode("latin-1")
        headers = dict(self.headers)
        if (
            plane is None
            or not self._idle()
            or not plane.owns(target)
            or b"expect" in headers
            or parser.should_upgrade()
            or self.limit_concurrency is not None
        ):
            self._take_long_way(headers)
            return
        self._hot = Request(parser.get_method().decode("ascii"), target, query, headers, b"")
        self._keep_alive = (
            parser.should_keep_alive()
            # HTTP/1.0 would need to be told that the connection stays.
            and (b"connection" not in headers or parser.get_http_version() != "1.0")
        )
        self._n_body = 0
        if int(headers.get(b"content-length", 0)) > plane.limits.max_body_bytes:
            self._refuse_large()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._hot is not None:
            self._n_body += len(body)
            self._parts.append(body)
            if self.plane and self._n_body > self.plane.limits.max_body_bytes:
                self._refuse_large()
        elif not self._over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: answer it."""
        self._between = True
        if self._over:
            return
        hot = self._hot
        if hot is None or self.plane is None:
            super().on_message_complete()
            return
        parts = self._parts
        if parts:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            hot = Request(hot.method, hot.path, hot.query, hot.headers, body)
            self._parts = []
        self._hot = None
        self._owed = False
        keep_alive = self._keep_alive and not self._last
        if self._whole is not None and keep_alive:
            self._heads_read.learn(self._whole, hot)
        self._handle(hot, keep_alive=keep_alive)

    # Replies

    def _handle(self, request: Request, *, keep_alive: bool) -> None:
        assert self.plane is not None
        reply = self.plane.handle(request)
        if isinstance(reply, Reply):
            self.server_state.total_requests += 1
            self._write(request, reply, keep_alive=keep_alive)
        else:
            self._answer_later(request, reply, HotCycle(keep_alive=keep_alive))

    def _answer_later(self, request: Request, awaited: Awaitable[Reply], cycle: HotCycle) -> None:
        self.cycle = cycle  # type: ignore[assignment]
        task = self.loop.create_task(self._answer(request, awaited, cycle))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer(self, request: Request, awaited: Awaitable[Reply], cycle: HotCycle) -> None:
        try:
            reply = await awaited
            if self.flow.write_paused:
                await self.flow.drain()
        except BaseException:
            self.transport.close()
            raise
        finally:
            cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        self._write(request, reply, keep_alive=cycle.keep_alive)
        self._since = self.loop.time()
        self.on_response_complete()

    def _write(self, request: Request, reply: Reply, *, keep_alive: bool) -> None:
        if self.access_log:
            self._log_access(request, reply)
        body = reply.body if request.method != "HEAD" else b""
        self.transport.write(
            b"%b%d%b%b"
            % (
                self._head(reply),
                len(reply.body),
                b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n",
                body,
            )
        )
        if not keep_alive:
            self._over = True
            self.transport.close()

    def _head(self, reply: Reply) -> bytes:
        """Status line and headers up to the value of content-length."""
        default = self.server_state.default_headers
        if default is not self._heads_with:  # the date changed
            self._heads.clear()
            self._heads_with = default
        known = (reply.status, reply.content_type, reply.headers)
        head = self._heads.get(known)
        if head is None:
            headers = (*default, (b"content-type", reply.content_type), *reply.headers)
            lines = [b"%b: %b\r\n" % header for header in headers]
            head = b"".join([STATUS_LINE[reply.status], *lines, b"content-length: "])
            if len(self._heads) < _MAX_HEADS:
                self._heads[known] = head
        return head

    def _log_access(self, request: Request, reply: Reply) -> None:
        client = ":".join(map(str, self.client or ()))
        target = request.path + ("?" + request.query.decode("latin-1") if request.query else "")
        self.access_logger.info(
            '%s - "%s %s HTTP/%s" %d', client, request.method, target, "1.1", reply.status
        )

    # The other ways a request can go

    def _take_long_way(self, headers: dict[bytes, bytes]) -> None:
        url, received = self.url, self.headers
        self._owed = False
        super().on_message_begin()
        self.url = url
        self.headers.extend(received)
        self.expect_100_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()
        if self._last and self.cycle is not None:
            self.cycle.keep_alive = False

    def _refuse_large(self) -> None:
        if self.plane is not None and self._hot is not None:
            error = BodyTooLarge(self.plane.limits.max_body_bytes)
            self._refuse(self.plane.refused(error, self._hot.path))

    def _bound_unfinished(self) -> None:
        """Bound what a request that is not whole yet has taken, framing included."""
        if self._hot is None:
            if self._n_unfinished > _MAX_HEAD_BYTES:
                self._refuse(Reply(431, b'{"error":"The headers are too long. Send less."}', JSON))
        elif self.plane and self._n_unfinished > 2 * (
            self.plane.limits.max_body_bytes + _MAX_HEAD_BYTES
        ):
            self._refuse_large()

    def _refuse(self, reply: Reply) -> None:
        """Reply before the request is whole, and read no more of it."""
        request = self._hot or Request("GET", "", b"", {}, b"")
        self._over, self._owed, self._hot, self._parts = True, False, None, []
        self.transport.write(
            b"%b%d\r\nconnection: close\r\n\r\n" % (self._head(reply), len(reply.body))
            + (reply.body if request.method != "HEAD" else b"")
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_S, self.transport.abort)

    # Time

    def _idle(self) -> bool:
        cycle: RequestResponseCycle | HotCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _watch(self) -> None:
        """Close a connection whose client lets us wait; look again later otherwise."""
        waits_for_client = self._owed or self._idle()
        allowed = _READ_S if self._owed else float(self.timeout_keep_alive)
        left = self._since + allowed - self.loop.time()
        if waits_for_client and not self.flow.read_paused and left <= 0:
            if self._owed and self._idle():
                self._refuse(Reply(408, b'{"error":"The request took too long. Send it."}', JSON))
            else:
                self.transport.close()
            return
        longest = min(_READ_S, float(self.timeout_keep_alive))
        pause = min(longest, max(left, 0.05)) if waits_for_client else longest
        self._watcher = self.loop.call_later(pause, self._watch)


def plane_of(app: Any) -> DataPlane | None:
    """The data plane of an ASGI app, through middleware that keeps what it wraps as ``app``."""
    while app is not None:
        plane = getattr(app, "plane", None)
        if isinstance(plane, DataPlane):
            return plane
        app = getattr(app, "app", None)
    return None
