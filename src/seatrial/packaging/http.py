"""A small HTTP/1.1 client for tests under load: one keep-alive connection, exact timing.

Parsing is httptools'. It speaks to servers that seatrial started itself; it is no general client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import httptools

from seatrial.kernel.errors import DeadlineExceeded, LimitExceeded, Unavailable


class NoAnswer(Unavailable):
    """The connection was refused or closed before the answer was whole."""

    code = "staging.no_answer"


class AnswerTooLong(LimitExceeded):
    """The answer is longer than any a test expects."""

    code = "staging.answer_too_long"


class AnswerLate(DeadlineExceeded):
    """No whole answer within the timeout."""

    code = "staging.answer_late"


MAX_ANSWER_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response.

    Args:
        status: HTTP status.
        headers: names in lower case.
        body: decoded from chunks, not from any content coding.
        elapsed_s: from writing the request to having read the last byte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


def request_bytes(
    method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: seatrial", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Reading:
    """Collects one response; the method names are those httptools calls."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.whole = False
        self.keep_alive = False
        self.size = 0
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body.append(body)
        self.size += len(body)

    def on_message_complete(self) -> None:
        self.whole = True
        self.keep_alive = self.parser.should_keep_alive()  # afterwards it always says no


class Connection:
    """One connection to a server on this machine, opened when it is first used."""

    def __init__(self, host: str, port: int, *, timeout_s: float = 30.0) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def send(self, request: bytes) -> Answer:
        """Send a whole request (see `request_bytes`) and wait for the whole answer.

        Raises: NoAnswer, AnswerLate, AnswerTooLong.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(request)
        except TimeoutError as late:
            self.close()
            raise AnswerLate(
                f"The server did not answer within {self._timeout_s:.0f} s.",
                remedy="Look at the server's log; a faster model or a smaller batch may be needed.",
            ) from late
        except (OSError, httptools.HttpParserError) as broken:
            self.close()
            raise NoAnswer(
                f"The connection to port {self._port} broke: {broken}.",
                remedy="Look at the server's log.",
            ) from broken

    async def _send(self, request: bytes) -> Answer:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # the server has ended it while it was idle, which is its right
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        reading = _Reading()
        parser = reading.parser
        begun = time.perf_counter()
        writer.write(request)
        await writer.drain()
        while not reading.whole:
            data = await reader.read(1 << 18)
            if not data:
                raise ConnectionResetError("closed before the answer was whole")
            parser.feed_data(data)
            if reading.size > MAX_ANSWER_BYTES:
                self.close()
                raise AnswerTooLong(
                    f"The answer is longer than {MAX_ANSWER_BYTES} bytes.",
                    remedy="Look at what the server sends; it does not end.",
                )
        elapsed_s = time.perf_counter() - begun
        if not reading.keep_alive:
            self.close()
        return Answer(
            status=parser.get_status_code(),
            headers=reading.headers,
            body=b"".join(reading.body),
            elapsed_s=elapsed_s,
        )
