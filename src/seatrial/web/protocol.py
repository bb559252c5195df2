"""HTTP below ASGI: uvicorn's protocol with a short way for the data plane's routes.

A request that the data plane owns is read whole, handed to `DataPlane.handle` and answered with one
write. One that the stream plane owns goes the same way, but its reply is made in a task that ends
with the connection, and may go out in pieces (`web/streaming.py`). Everything else, and everything
out of the ordinary (Expect, requests pipelined behind one that is still being answered), takes
uvicorn's own way through the ASGI app, where `inference.py` and `streaming.py` give the same
replies. Whichever way it takes, `bounds.py` says what it may cost.

Clients send the same head again and again. A head is parsed in full once; the same bytes, again at
the beginning of a request, mean the same, so what was read from them is looked up (`Heads`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from seatrial.serving.exchange import JSON, Reply, Request, Stopping, StreamReply
from seatrial.serving.plane import DataPlane
from seatrial.web.bounds import BoundedProtocol, disconnect
from seatrial.web.outgoing import Outgoing
from seatrial.web.streaming import Chunks, StreamPlane, pour, streams_of
from seatrial.web.together import Together, plane_of, shared
from seatrial.web.upgrade import parser_of, without_wish


class HotCycle:
    """Stands where uvicorn keeps a request-response cycle while a hot reply is waited for.

    uvicorn asks it whether the next request must queue, and tells it of disconnects and shutdown.
    """

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")
    more_body = False

    def __init__(self) -> None:
        self.keep_alive = True
        self.response_complete = True
        self.disconnected = False
        self.message_event = asyncio.Event()


class HotProtocol(BoundedProtocol):
    """One connection. The ASGI app, or one that it wraps, carries the data plane as ``plane`` and
    the stream plane as ``streams``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plane = self.plane = plane_of(self.config.loaded_app)
        self._together = None if plane is None else shared(self.server_state, plane, self.loop)
        self._cycle = HotCycle()
        self.streams = streams_of(self.config.loaded_app)
        self._version = "1.1"  # of HTTP, as the request on the short way has it
        self._conversation: asyncio.Task[None] | None = None
        self._n_body = 0
        self._shed = False  # the request begins again, see `_feed`
        self._active: RequestResponseCycle | None = None
        self._keep_alive = True
        self._last = False
        self._between = True  # requests: no byte of the next one was given to the parser
        self._whole: bytes | None = None  # what arrived between requests and may be all of the next

    # The connection

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        for cycle in (self._active, *(queued for queued, _ in self.pipeline)):
            if cycle is not None:
                disconnect(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)
        if self._conversation is not None:
            self._conversation.cancel()
            # Before its first step a task ends without one of its own.
            self._conversation.add_done_callback(self.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._over:
            return
        together = self._together
        if together is not None and self._between and not self._last and self._idle():
            known = together.heads.read(data)
            if known is not None and self.timeout_keep_alive_task is None:
                self._since = self.loop.time()
                streams = self.streams
                if streams is not None and streams.owns(known.path):
                    self._version = "1.1"
                    self._converse(streams, known, keep_alive=True)
                else:
                    self._ask(together, known, keep_alive=True)
                return
            self._whole = data
        # Before the parser: of a piece that ends one request and begins another nobody knows how
        # much is the other's, which counts from the next piece on.
        self._n_unfinished += len(data)
        self._feed(data)
        self._whole = None
        if self._owed and not self._over:
            self._bound_unfinished()

    def _feed(self, data: bytes) -> None:
        """Give the parser what arrived, and a head that wishes for another protocol once more."""
        self._unset_keepalive_if_required()
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stopped:
                rest = memoryview(rest)[stopped.args[0] :]  # no copy for each of many
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            if not self._shed or self._over:
                return
            self._shed = False
            method, version = self.parser.get_method(), self.parser.get_http_version()
            head = without_wish(method, self.url, version, self.headers)
            self.parser = parser_of(self)
            self.parser.feed_data(head)

    def shutdown(self) -> None:
        """Called by the server: finish the request at hand, if any, and close."""
        self._last = True
        if not self._owed or self._on_long_way():
            super().shutdown()

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """A request starts; what uvicorn prepares here is made up for in `_take_long_way`."""
        self._between = False
        self.url = b""
        self.headers = []
        self._owed = self._in_head = True
        self._n_unfinished = 0
        self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer of a chunked body, which nobody here reads."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide which way the request takes."""
        if self._over:
            return
        self._in_head = False
        parser = self.parser
        if parser.should_upgrade():
            self._shed = True
            if parser.get_method() == b"CONNECT":
                self._refuse(Reply(400, b'{"error":"Nothing here is a tunnel."}', JSON))
            return
        path, _, query = self.url.partition(b"?")
        target = path.decode("latin-1")
        headers = dict(self.headers)
        owner = self._owner_of(target)
        if (
            owner is None
            or not self._idle()
            or b"expect" in headers
            or self.limit_concurrency is not None
        ):
            self._take_long_way(headers)
            return
        self._owner = owner
        self._version = parser.get_http_version()
        self._hot = Request(parser.get_method().decode("ascii"), target, query, headers, b"")
        self._keep_alive = (
            parser.should_keep_alive()
            # HTTP/1.0 would need to be told that the connection stays.
            and (b"connection" not in headers or self._version != "1.0")
        )
        self._n_body = 0
        self._bound_body(int(headers.get(b"content-length", 0)))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._hot is not None:
            self._n_body += len(body)
            self._parts.append(body)
            self._bound_body(self._n_body)
        elif not self._over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: answer it."""
        self._between = True
        if self._over:
            return
        hot = self._hot
        if hot is None:
            if not self._shed:
                self._owed = False
                super().on_message_complete()
                self.cycle.more_body = False  # nor is it if nobody waits for it any more
            return
        parts = self._parts
        if parts:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            hot = Request(hot.method, hot.path, hot.query, hot.headers, body)
            self._parts = []
        self._hot = None
        self._owed = False
        keep_alive = self._keep_alive and not self._last
        together = self._together
        if self._whole is not None and keep_alive and together is not None:
            together.heads.learn(self._whole, hot)
        if self._owner is self.streams:
            assert self.streams is not None
            self._converse(self.streams, hot, keep_alive=keep_alive)
            return
        assert together is not None
        self._ask(together, hot, keep_alive=keep_alive)

    def _owner_of(self, path: str) -> DataPlane | StreamPlane | None:
        """Who answers at a path on the short way."""
        if self.plane is not None and self.plane.owns(path):
            return self.plane
        if self.streams is not None and self.streams.owns(path):
            return self.streams
        return None

    # Replies

    def _ask(self, together: Together, request: Request, *, keep_alive: bool) -> None:
        cycle = self._cycle
        cycle.keep_alive, cycle.response_complete = keep_alive, False
        self.cycle = cycle  # type: ignore[assignment]
        together.ask(self, request)

    def _converse(self, streams: StreamPlane, request: Request, *, keep_alive: bool) -> None:
        cycle = self._cycle
        cycle.keep_alive, cycle.response_complete = keep_alive, False
        self.cycle = cycle  # type: ignore[assignment]
        answering = self._answer(request, streams.answer(request), streams)
        self._conversation = self.loop.create_task(answering)
        self.tasks.add(self._conversation)

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

    async def _answer(
        self,
        request: Request,
        awaited: Awaitable[Reply | StreamReply],
        streams: StreamPlane | None = None,
    ) -> None:
        """Write a reply when it is there.

        Args: streams: whose it is; its client is told where the server has to end first.
        """
        cycle = self._cycle
        try:
            try:
                reply = await awaited
            except asyncio.CancelledError:
                if streams is None or cycle.disconnected:
                    raise
                reply = streams.refused(Stopping(), request.path)
            if isinstance(reply, StreamReply):
                await self._pour(request, reply)
            elif self.flow.write_paused:
                await self.flow.drain()
        except BaseException:
            self.transport.close()
            raise
        finally:
            cycle.response_complete = True
            if self._conversation is not None:  # it is this one, or over
                self.tasks.discard(self._conversation)
        if cycle.disconnected or self.transport.is_closing():
            return
        if isinstance(reply, Reply):
            self._write(request, reply, keep_alive=cycle.keep_alive)
        if self.pipeline or self.flow.read_paused or self._over:
            self.on_response_complete()
        else:  # how long the client may take for the next one, `_watch` sees to
            self._since = self.loop.time()
            self.server_state.total_requests += 1

    async def _pour(self, request: Request, reply: StreamReply) -> None:
        cycle = self._cycle
        chunked = self._version == "1.1"
        outlet = Chunks(self.transport, self.flow, lambda: cycle.disconnected, chunked=chunked)
        if self.access_log:
            self._log_access(request, reply.status)
        outlet.begin(reply, self.server_state.default_headers, keep_alive=cycle.keep_alive)
        await pour(reply, outlet)
        if not outlet.gone():
            outlet.end()
            if not (cycle.keep_alive and chunked):
                self._over = True
                self.transport.close()

    def on_response_complete(self) -> None:
        """It is the client's turn again, or that of the request behind."""
        self._since = self.loop.time()
        if self._over:
            self.server_state.total_requests += 1
        else:
            super().on_response_complete()

    def _write(self, request: Request, reply: Reply, *, keep_alive: bool) -> None:
        if self.access_log:
            self._log_access(request, reply.status)
        self.transport.write(
            self._replies.of(
                reply,
                self.server_state.default_headers,
                bodiless=request.method == "HEAD",
                keep_alive=keep_alive,
            )
        )
        if not keep_alive:
            self._over = True
            self.transport.close()

    def _log_access(self, request: Request, status: int) -> None:
        client = ":".join(map(str, self.client or ()))
        target = request.path + ("?" + request.query.decode("latin-1") if request.query else "")
        self.access_logger.info(
            '%s - "%s %s HTTP/%s" %d', client, request.method, target, "1.1", status
        )

    # The long way

    def _take_long_way(self, headers: dict[bytes, bytes]) -> None:
        url, received = self.url, self.headers
        super().on_message_begin()
        self.url = url
        self.headers.extend(received)
        self.expect_100_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()
        self.cycle.transport = Outgoing(self)  # type: ignore[assignment]
        if self._last:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)
