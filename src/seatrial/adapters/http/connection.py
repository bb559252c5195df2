"""One connection to a server of HTTP/1.1, over which one thing is asked after the other.

The reading of bytes is httptools'; here is what is done with them, with few calls and one future
for a whole reply. Why not a client's library: docs/adr/0017.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httptools

_MOST_HEAD_BYTES = 64 * 1024
_READ_AHEAD_BYTES = 64 * 1024
"""Of a stream, come and not yet taken: more is left to the socket."""
_ANY_COMPRESSION = 32 + zlib.MAX_WBITS
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


class Broken(Exception):
    """An exchange came to no good end."""


class Closed(Broken):
    """The connection ended before the reply did."""


class NotHttp(Broken):
    """What came is no reply of HTTP/1.1."""


class TooLong(Broken):
    """The reply is longer than its bound."""


class Head(NamedTuple):
    """The head of a reply.

    Args:
        headers: by name, in lower case; of equal names the last.
    """

    status: int
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """In lower case, without parameters; "" where none is told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class HttpConnection(asyncio.Protocol):
    """One connection.

    `ask`, then either `whole`, or `head` and `piece` until there is none; at last `leave`.

    Args:
        free: told that the connection may be asked again.
        gone: told that it is closed.
    """

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_asking",
        "_broken",
        "_complete",
        "_free",
        "_gone",
        "_head_bytes",
        "_headers",
        "_inflate",
        "_leaving",
        "_most",
        "_n_bytes",
        "_parser",
        "_paused",
        "_pieces",
        "_reusable",
        "_streams",
        "_transport",
        "_until",
        "_waiter",
        "free_since",
        "loop",
        "told",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        free: Callable[[HttpConnection], None],
        gone: Callable[[HttpConnection], None],
    ) -> None:
        self.loop, self._free, self._gone = loop, free, gone
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = self._until = 0.0
        self._asking = False
        self._paused = False
        self.free_since = 0.0
        """On the clock of the loop."""
        self._begin(0, streams=False)

    def _begin(self, most: int, *, streams: bool) -> None:
        self._most, self._streams = most, streams
        self.told: Head | None = None
        """The head, once it is there."""
        self._headers: dict[str, str] = {}
        self._head_bytes = self._n_bytes = 0
        self._pieces: list[bytes] = []
        self._inflate: zlib._Decompress | None = None
        self._broken: Broken | None = None
        self._complete = self._reusable = False

    # --- for whoever asks

    @property
    def closing(self) -> bool:
        """Whether it can be asked nothing more."""
        return self._transport is None or self._transport.is_closing()

    def ask(self, request: bytes, *, most: int, streams: bool = False) -> None:
        """Send a request.

        Args:
            request: head and body.
            most: bytes of the reply's body; of one that streams, of what a single read gives.
            streams: whether the reply is taken by `head` and `piece`.
        """
        assert self._transport is not None
        self._begin(most, streams=streams)
        self._asking = True
        self._transport.write(request)

    async def whole(self, until: float) -> tuple[Head, bytes]:
        """The whole reply.

        Args: until: on the clock of the loop.
        Raises: TimeoutError; Broken.
        """
        if not self._complete:
            await self._news(until)
        assert self.told is not None
        return self.told, b"".join(self._pieces)

    async def head(self, until: float) -> Head:
        """The head of a reply that streams.   Raises: TimeoutError; Broken."""
        while self.told is None:
            await self._news(until)
        return self.told

    async def piece(self, until: float) -> bytes:
        """What has come of its body; b"" at its end.   Raises: TimeoutError; Broken."""
        while not self._pieces:
            if self._complete:
                return b""
            await self._news(until)
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._n_bytes = [], 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def leave(self, *, within_s: float = 0.0) -> None:
        """No more of the reply is wanted: the connection is kept if the reply ended, else closed.

        Args: within_s: how long its end may still take.
        """
        if self._complete or within_s <= 0 or self.closing:
            self._let_go()
            return
        self._leaving = self.loop.call_later(within_s, self._let_go)
        self._pieces.clear()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """End it, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _let_go(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self._asking = False
        self._pieces = []
        transport = self._transport
        if transport is None:
            return
        if self._reusable and not transport.is_closing() and not transport.get_write_buffer_size():
            self._free(self)
        else:
            transport.abort()

    async def _news(self, until: float) -> None:
        """Wait for something to come.   Raises: TimeoutError; Broken."""
        if self._broken is not None:
            raise self._broken
        waiter = self._waiter = self.loop.create_future()
        self._until = until
        if self._alarm is None or until < self._alarm_at:
            self._set_alarm()
        try:
            await waiter
        finally:
            self._waiter = None
        if self._broken is not None:
            raise self._broken

    # One alarm serves many waits: hardly any lasts until it is due.

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = self._until
        self._alarm = self.loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._until > self._alarm_at:  # it was set for a wait that is over
            self._set_alarm()
        else:
            waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, broken: Broken) -> None:
        if self._broken is None and not self._complete:
            self._broken = broken
        self._reusable = False
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    # --- for the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        if not self._asking:
            self.close()  # nobody asked: a farewell, or nonsense
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(NotHttp(str(error)))
        if self.told is None:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._fail(NotHttp("its head is too long"))

    def eof_received(self) -> bool:
        """See Protocol."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._transport = None
        self._reusable = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._asking and not self._complete:
            if exc is None and self._ends_with_connection():
                self._end()
            elif self._broken is None:
                self._broken = Closed()
                self._broken.__cause__ = exc
        self._wake()
        self._gone(self)

    def _ends_with_connection(self) -> bool:
        return self.told is not None and not (
            "content-length" in self._headers or "transfer-encoding" in self._headers
        )

    def _end(self) -> None:
        self._complete = True
        if self._leaving is not None:
            self._let_go()
        else:
            self._wake()

    # --- for the parser

    def on_message_begin(self) -> None:
        """A reply begins; a second one is more than was asked for."""
        if self._complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole."""
        if not self._complete:
            self._headers[name.lower().decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = {}
            return
        self.told = Head(status, self._headers)
        encoding = self._headers.get("content-encoding")
        if encoding is not None and encoding.strip().lower() in _COMPRESSED:
            self._inflate = zlib.decompressobj(_ANY_COMPRESSION)
        if self._streams:
            self._wake()

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._complete or self._broken is not None or self._leaving is not None:
            return
        if self._inflate is not None:
            try:
                data = self._inflate.decompress(data, self._most + 1)
            except zlib.error as error:
                self._fail(NotHttp(str(error)))
                return
        self._n_bytes += len(data)
        if self._n_bytes > self._most:
            self._fail(TooLong())
            return
        self._pieces.append(data)
        if self._streams:
            if self._n_bytes > _READ_AHEAD_BYTES and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        """The reply is whole; those below 200 announce another."""
        if self.told is None or self._complete:
            return
        self._reusable = self._parser.should_keep_alive()
        self._end()
