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
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from seatrial.serving.exchange import JSON, BodyTooLarge, Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.web.together import Together

_READ_S = 30.0
"""From the first byte of a request to its last; slower clients only hold connections."""

_LINGER_S = 2.0
"""How long a client that was refused half-way may go on sending before it is cut off: closing at
once would reset the connection and take the reply with it."""

_MAX_HEAD_BYTES = 64 * 1024
_MAX_HEADS = 64


class HotCycle:
    """Stands where uvicorn keeps a request-response cycle while a hot reply is waited for.

    uvicorn asks it whether the next request must queue, and tells it of disconnects and shutdown.
    """

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.keep_alive = True
        self.response_complete = True
        self.disconnected = False
        self.message_event = asyncio.Event()


class HotProtocol(HttpToolsProtocol):
    """One connection. The ASGI app, or one that it wraps, carries the data plane as ``plane``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plane = plane_of(self.config.loaded_app)
        self.plane = plane
        self._together = None if plane is None else _shared(self.server_state, plane, self.loop)
        self._cycle = HotCycle()
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
        together = self._together
        if together is not None and self._between and not self._last and self._idle():
            known = together.heads.read(data)
            if known is not None and self.timeout_keep_alive_task is None:
                self._since = self.loop.time()
                self._ask(together, known, keep_alive=True)
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
        if hot is None or self._together is None:
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
            self._together.heads.learn(self._whole, hot)
        self._ask(self._together, hot, keep_alive=keep_alive)

    # Replies

    def _ask(self, together: Together, request: Request, *, keep_alive: bool) -> None:
        cycle = self._cycle
        cycle.keep_alive, cycle.response_complete = keep_alive, False
        self.cycle = cycle  # type: ignore[assignment]
        together.ask(self, request)

    def answered(self, request: Request, reply: Reply | Awaitable[Reply]) -> None:
        """See `Asker`."""
        if not isinstance(reply, Reply):
            task = self.loop.create_task(self._answer(request, reply))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
            return
        cycle = self._cycle
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        self._write(request, reply, keep_alive=cycle.keep_alive)
        if self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1

    def forsaken(self) -> None:
        """See `Asker`."""
        self._cycle.response_complete = True
        self.transport.close()

    async def _answer(self, request: Request, awaited: Awaitable[Reply]) -> None:
        cycle = self._cycle
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


def _shared(server: ServerState, plane: DataPlane, loop: asyncio.AbstractEventLoop) -> Together:
    """What all connections of a server share, kept at the one object of uvicorn's they all have."""
    together: Together | None = getattr(server, "seatrial_together", None)
    if together is None or together.plane is not plane:
        together = Together(plane, loop)
        setattr(server, "seatrial_together", together)  # noqa: B010 - unknown to its type
    return together


def plane_of(app: Any) -> DataPlane | None:
    """The data plane of an ASGI app, through middleware that keeps what it wraps as ``app``."""
    while app is not None:
        plane = getattr(app, "plane", None)
        if isinstance(plane, DataPlane):
            return plane
        app = getattr(app, "app", None)
    return None
