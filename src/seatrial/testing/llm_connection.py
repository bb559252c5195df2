"""One client of the scripted server of models: requests read, answered one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from seatrial.testing.llm_reply import Reply

if TYPE_CHECKING:
    from seatrial.testing.scripted_llm import ScriptedLLM


class Connection(asyncio.Protocol):
    """One client; requests are answered one after the other."""

    def __init__(self, server: ScriptedLLM, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._waiting: deque[tuple[str, dict[str, str], bytes]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._left = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client is gone."""
        self._server.closed(self)
        if not self._left.done():
            self._left.set_result(None)

    def end(self) -> None:
        """Close at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        """Its target, or a part of it."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """It is whole: answer it, after those that came before."""
        path = self._target.decode("latin-1").partition("?")[0]
        asked = (path, self._headers, b"".join(self._body))
        if self._task is not None:
            self._waiting.append(asked)
        else:
            self._answer(*asked)

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        reply = Reply(self._server, self._transport, self._left)
        if not reply.at_once(path, headers, body):
            self._task = self._loop.create_task(reply.in_time())
            self._task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        task.result()
        if self._waiting:
            self._answer(*self._waiting.popleft())
