"""The provider behind every gateway: answers at once, always the same, and counts what it is asked.

It is a protocol on the bare event loop, for `seatrial.testing.scripted_llm` costs five times as
much a request and would be what is measured behind the quicker gateways.

``POST .../chat/completions``: an answer of 20 tokens; with ``"stream"`` its words one by one, the
first at once and the others 2 ms apart; with tools or a form of the answer, a record that fits.
``GET /count``: how many were asked for. ``GET /hold``: from now on streams stop after their first
word, until ``GET /release``. A stream whose request says `FLOOD` is of `FLOOD_BYTES`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import ClassVar

import httptools
import uvloop
from words import FLOOD, FLOOD_BYTES, RECORD, WORDS

GAP_S = 0.002
USAGE = {"prompt_tokens": 24, "completion_tokens": 20, "total_tokens": 44}


def _whole(message: dict[str, object], reason: str = "stop") -> bytes:
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "gpt-4o-mini",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", **message},
                    "logprobs": None,
                    "finish_reason": reason,
                }
            ],
            "usage": USAGE,
        }
    ).encode()
    return _head("application/json", f"content-length: {len(body)}") + body


def _head(kind: str, size: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{size}\r\n\r\n".encode()


def _event(delta: dict[str, object] | None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None, **more}]
    record: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "gpt-4o-mini",
        "choices": choices,
    }
    if delta is None:
        record["usage"] = USAGE
    return _chunk(b"data: " + json.dumps(record).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


TOOL = {
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "Person", "arguments": RECORD}}
    ],
}
PLAIN = _whole({"content": " ".join(WORDS)})
FORMED = _whole({"content": RECORD})
CALLED = _whole(TOOL, "tool_calls")
BEGIN = (
    _head("text/event-stream", "transfer-encoding: chunked")
    + _event({"role": "assistant", "content": ""})
    + _event({"content": WORDS[0]})
)
LATER = [_event({"content": f" {word}"}) for word in WORDS[1:]]
PIECE = _event({"content": "rain " * 3276})
END = _event({}, finish_reason="stop") + _event(None) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection.

    Attributes, over all connections:
        n_asked: for answers.
        held: streams that wait; None where none has to.
    """

    n_asked = 0
    held: ClassVar[list[Upstream] | None] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body: list[bytes] = []
        self.n_flood = 0
        self.full = False

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body, self.body = b"".join(self.body), []
        if self.url in (b"/count", b"/hold", b"/release"):
            self.steer(self.url)
            text = str(Upstream.n_asked).encode()
            self.write(_head("text/plain", f"content-length: {len(text)}") + text)
            return
        Upstream.n_asked += 1
        if b'"stream":true' in body or b'"stream": true' in body:
            self.write(BEGIN)
            if FLOOD.encode() in body:
                self.n_flood = FLOOD_BYTES // len(PIECE) + 1
                self.flood()
            elif Upstream.held is not None:
                Upstream.held.append(self)
            else:
                self.go_on(0)
        elif b'"tools"' in body:
            self.write(CALLED)
        elif b'"response_format"' in body:
            self.write(FORMED)
        else:
            self.write(PLAIN)

    def steer(self, url: bytes) -> None:
        """Hold streams, or let those go on that were held."""
        held = Upstream.held or []
        if url == b"/hold":
            Upstream.held = held
        elif url == b"/release":
            Upstream.held = None
            for stream in held:
                stream.go_on(0)

    def flood(self) -> None:
        """As much as is taken now."""
        while self.n_flood and not self.full:
            self.n_flood -= 1
            self.write(PIECE if self.n_flood else END)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.flood()

    def go_on(self, n: int) -> None:
        """The words of a stream, one by one."""
        loop = asyncio.get_running_loop()
        if n < len(LATER):
            loop.call_later(GAP_S, self.next, n)
        else:
            self.write(END)

    def next(self, n: int) -> None:
        self.write(LATER[n])
        self.go_on(n + 1)

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
