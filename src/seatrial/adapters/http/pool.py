"""Kept connections to one server, made when there is none to spare.

Connecting goes on by itself when whoever asked for it has left, and what comes of it is kept for
the next: nobody else may close a socket that uvloop has taken over (libuv/libuv#5130).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from urllib.parse import urlsplit

from seatrial.adapters.http.connection import HttpConnection
from seatrial.kernel.errors import MissingExtra

_FAREWELL_S = 1.0
"""How long connections may take to close."""
_NEXT_ADDRESS_S = 0.25
"""When the next address of a name is tried beside one that is slow: RFC 8305, section 8."""


class NotConnected(Exception):
    """There is no connection, and nothing was sent; its cause says why."""


class HttpPool:
    """Connections of one loop to one server.

    Args:
        url: http or https; of it, host and port count.
        connect_s: for a connection to stand, TLS included, > 0.
        keep_alive_s: how long one without work is kept, > 0.
        extra: of seatrial, which brings what is needed.
    Raises: MissingExtra.
    """

    def __init__(
        self, url: str, *, connect_s: float, keep_alive_s: float, extra: str = "gateway"
    ) -> None:
        try:
            import aiohappyeyeballs  # noqa: F401 - asked for when it connects
        except ImportError:
            raise MissingExtra("aiohappyeyeballs", extra) from None
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._connect_s, self._keep_alive_s = connect_s, keep_alive_s
        self._free: list[HttpConnection] = []
        self._all: set[HttpConnection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None

    def take(self) -> HttpConnection | None:
        """One that is free; None where there is none."""
        while self._free:
            connection = self._free.pop()
            if not (connection.closing or self._is_old(connection)):
                return connection
            connection.close()
        return None

    async def connect(self, until: float) -> HttpConnection:
        """A new one.

        Args: until: on the clock of the loop.
        Raises: NotConnected.
        """
        making = asyncio.ensure_future(self._make())
        limit = min(until, asyncio.get_running_loop().time() + self._connect_s)
        try:
            async with asyncio.timeout_at(limit):
                return await asyncio.shield(making)
        except BaseException as error:
            making.add_done_callback(self._keep)
            if isinstance(error, OSError | UnicodeError | TimeoutError):  # also those of TLS
                raise NotConnected from error
            raise

    async def close(self) -> None:
        """Close all of them."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._free.clear()
        if not self._all:
            return
        self._closed = asyncio.get_running_loop().create_future()
        for connection in tuple(self._all):
            connection.close()
        await asyncio.wait({self._closed}, timeout=_FAREWELL_S)
        self._closed = None

    async def _make(self) -> HttpConnection:
        import aiohappyeyeballs

        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        connected = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop
        )
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, connection = await loop.create_connection(
            lambda: HttpConnection(loop, free=self._freed, gone=self._gone),
            sock=connected,
            ssl=_trusting() if self._secure else None,
            server_hostname=self._host if self._secure else None,
        )
        if not connection.closing:
            self._all.add(connection)
        return connection

    def _keep(self, made: asyncio.Future[HttpConnection]) -> None:
        """Keep a connection that nobody waits for any more."""
        if not made.cancelled() and made.exception() is None:
            self._freed(made.result())

    def _freed(self, connection: HttpConnection) -> None:
        if self._closed is not None:
            connection.close()
            return
        connection.free_since = connection.loop.time()
        self._free.append(connection)
        if self._sweep is None:
            self._sweep = connection.loop.call_later(self._keep_alive_s, self._swept)

    def _gone(self, connection: HttpConnection) -> None:
        self._all.discard(connection)
        if self._closed is not None and not self._all and not self._closed.done():
            self._closed.set_result(None)

    def _is_old(self, connection: HttpConnection) -> bool:
        return connection.loop.time() - connection.free_since >= self._keep_alive_s

    def _swept(self) -> None:
        self._sweep = None
        fresh = []
        for connection in self._free:
            if connection.closing or self._is_old(connection):
                connection.close()
            else:
                fresh.append(connection)
        self._free = fresh
        if fresh:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_alive_s, self._swept)


@lru_cache(maxsize=1)
def _trusting() -> ssl.SSLContext:
    """Of the authorities that the machine trusts."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
