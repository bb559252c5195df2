"""The same duties as `floor_asgi`, as two protocols on the bare event loop: what Python can do when
nothing stands between it and the sockets. Knows no HTTP beyond what this benchmark sends.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import sys
from collections import deque

import httptools
import orjson
import uvloop

HOST, _, PORT = (
    os.environ["BENCH_UPSTREAM"].removeprefix("http://").partition("/")[0].partition(":")
)
KEY = b"Bearer " + os.environ["BENCH_KEY"].encode()
REFUSED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}"
SENT = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: upstream\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer upstream\r\ncontent-length: %d\r\n\r\n"
)

idle: deque[Upstream] = deque()


class Upstream(asyncio.Protocol):
    """A kept connection to the provider; passes on what comes, as it comes."""

    n_tokens = 0

    def __init__(self) -> None:
        self.client: Client | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, client: Client, body: bytes) -> None:
        self.client = client
        self.parser = httptools.HttpResponseParser(self)
        self.body: list[bytes] = []
        self.transport.write(SENT % len(body) + body)

    def data_received(self, data: bytes) -> None:
        client = self.client
        if client is not None:
            client.transport.write(data)
            self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        if self.client is not None and not self.client.streams:
            usage = orjson.loads(b"".join(self.body))["usage"]
            Upstream.n_tokens += usage["total_tokens"]
        self.client = None
        idle.append(self)


class Client(asyncio.Protocol):
    """A connection of a caller."""

    streams = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.key = b""
        self.body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self.key = value

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body, self.body = b"".join(self.body), []
        if not hmac.compare_digest(self.key, KEY):
            self.transport.write(REFUSED)
            return
        self.streams = bool(orjson.loads(body).get("stream"))
        if idle:
            idle.pop().ask(self, body)
        else:
            self.opening = asyncio.ensure_future(self.open(body))

    async def open(self, body: bytes) -> None:
        _, upstream = await asyncio.get_running_loop().create_connection(Upstream, HOST, int(PORT))
        upstream.ask(self, body)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
