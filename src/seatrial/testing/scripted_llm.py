"""A server of language models on loopback that does as it is told, good or bad, and keeps the bill.

It speaks OpenAI's chat completions, embeddings and models and Anthropic's messages, whole and as
streams, with tools, JSON schemas and usage. A word counts as a token.

In a test, in the loop of the test::

    async with ScriptedLLM() as llm:
        provider = ...                                  # at llm.openai_url or llm.anthropic_url
        llm.then(Fault(kind=FaultKind.RATE_LIMITED, headers={"Retry-After": "2"}), Says(text="Hi"))
        ...                                             # two requests meet these two
        assert llm.asked[0].body["model"] == "m"        # what it was sent
        assert llm.bill.tokens["m"].output == 1         # what it would send an invoice for

Requests meet the steps given to `then` in the order they arrive; when there are none left, what
``decide`` says, which by default is a good answer that fits the request (`Says`). Faults by chance
come from ``ScriptedLLM(sometimes(0.2, [...], seed=1))``; faults by model, user or anything else
from a function of `Asked`. `refuse` closes the port, `accept` opens the same one again.

For clients that block, ``with ScriptedLLM().in_thread() as llm:`` runs it in a thread of its own.
As a process of its own, for benchmarks: ``python -m seatrial.testing.scripted_llm --port 9000``
(``--help`` says what else); ``GET /scripted/bill`` then tells the bill.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import TracebackType
from typing import Self, cast

import httptools
import orjson

from seatrial.testing import llm_wire as wire
from seatrial.testing.llm_script import (
    Asked,
    Bill,
    Decide,
    Fault,
    FaultKind,
    Rates,
    Says,
    Step,
    Tokens,
    Wire,
    sometimes,
)

__all__ = [
    "Asked",
    "Bill",
    "Fault",
    "FaultKind",
    "Rates",
    "Says",
    "ScriptedLLM",
    "Step",
    "Tokens",
    "sometimes",
]

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"
_MIDWAY = (FaultKind.CUT, FaultKind.HANG_MIDWAY, FaultKind.NO_END, FaultKind.ERROR_EVENT)


class ScriptedLLM:
    """See the module.

    Args:
        decide: what a request meets when the steps of `then` are used up.
        keys: the API keys that are let in; None lets everybody in.
        models: the models there are; None has all of them.
        port: to listen on; 0 finds a free one.
        remembers: how many requests `asked` keeps, the newest.
    """

    def __init__(
        self,
        decide: Decide | None = None,
        *,
        keys: frozenset[str] | None = None,
        models: frozenset[str] | None = None,
        port: int = 0,
        remembers: int = 10_000,
    ) -> None:
        self.decide: Decide = decide or (lambda _: Says())
        self.keys = keys
        self.models = models
        self.port = port
        self.asked: deque[Asked] = deque(maxlen=remembers)
        self.bill = Bill()
        self.n_asked = 0
        self.n_left = 0
        """Requests whose client left before the answer was out."""
        self.in_flight = 0
        self.most_in_flight = 0
        self._steps: deque[Step] = deque()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def url(self) -> str:
        """Of the server, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The base URL as OpenAI's clients want it."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The base URL as Anthropic's clients want it."""
        return self.url

    @property
    def n_connections(self) -> int:
        """Open ones."""
        return len(self._connections)

    def then(self, *steps: Step) -> None:
        """What the next requests meet, one each."""
        self._steps.extend(steps)

    def step_for(self, asked: Asked) -> Step:
        """What a request meets."""
        return self._steps.popleft() if self._steps else self.decide(asked)

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the port and all connections: from now on nobody gets through."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.end()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None
        while self._connections:
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()

    @contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Run in a thread of its own, for clients that block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="scripted-llm", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.accept(), loop).result()
            yield self
            asyncio.run_coroutine_threadsafe(self.refuse(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _opened(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def _closed(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def _began(self) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)


class _Connection(asyncio.Protocol):
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
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._server._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._server._closed(self)
        if not self._left.done():
            self._left.set_result(None)

    def end(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        path = self._target.decode("latin-1").partition("?")[0]
        asked = (path, self._headers, b"".join(self._body))
        if self._task is not None:
            self._waiting.append(asked)
        else:
            self._answer(*asked)

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        reply = _Reply(self._server, self._transport, self._left)
        if not reply.at_once(path, headers, body):
            self._task = self._loop.create_task(reply.in_time())
            self._task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        task.result()
        if self._waiting:
            self._answer(*self._waiting.popleft())


class _Reply:
    """Answers one request: at once where nothing is to be waited for."""

    def __init__(
        self, server: ScriptedLLM, transport: asyncio.Transport, left: asyncio.Future[None]
    ) -> None:
        self._server = server
        self._transport = transport
        self._left = left
        self._asked: Asked
        self._says: Says
        self._fault: Fault | None = None

    def at_once(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the request is answered; otherwise `in_time` answers it."""
        server = self._server
        if path.endswith(("/models", "/scripted/bill")):
            self._write(200, self._listed(path))
            return True
        form: Wire = "anthropic" if path.endswith("/messages") else "openai"
        try:
            fields = orjson.loads(body)
        except ValueError:
            fields = None
        asked = Asked(n=server.n_asked, wire=form, path=path, headers=headers, body=fields or {})
        server.n_asked += 1
        server.asked.append(asked)
        self._asked = asked
        if (refusal := _refusal(server, asked)) is not None:
            self._write_error(*refusal)
            return True
        step = server.step_for(asked)
        self._fault = step if isinstance(step, Fault) else None
        self._says = step.says if isinstance(step, Fault) else step
        if self._waits():
            return False
        self._server._began()
        try:
            self._finish()
        finally:
            self._server.in_flight -= 1
        return True

    def _waits(self) -> bool:
        says, fault = self._says, self._fault
        hangs = fault is not None and fault.kind in (FaultKind.HANG, FaultKind.HANG_MIDWAY)
        return hangs or bool(says.delay_s or says.first_token_s or says.between_s)

    async def in_time(self) -> None:
        """Answer, with the waiting that was asked for, until the client leaves."""
        self._server._began()
        try:
            if await self._pause(self._says.delay_s):
                return
            if self._fault is not None and self._fault.kind is FaultKind.HANG:
                await self._left_by_client()
            elif self._streams():
                await self._tell_slowly()
            else:
                self._finish()
                if self._fault is not None and self._fault.kind is FaultKind.HANG_MIDWAY:
                    await self._left_by_client()
        finally:
            self._server.in_flight -= 1

    async def _left_by_client(self) -> None:
        await asyncio.shield(self._left)
        self._server.n_left += 1

    async def _pause(self, seconds: float) -> bool:
        """Wait; whether the client left meanwhile."""
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._left), seconds)
        self._server.n_left += self._left.done()
        return self._left.done()

    def _streams(self) -> bool:
        """Whether the answer, or the part of it that goes out, is a stream."""
        asked = self._asked.stream and not self._asked.path.endswith("/embeddings")
        return asked and (self._fault is None or self._fault.kind in _MIDWAY)

    def _finish(self) -> None:
        fault = self._fault
        if self._streams():
            self._tell_at_once()
        elif fault is None or fault.kind in _MIDWAY or fault.kind is FaultKind.BROKEN_JSON:
            self._tell_whole()
        elif fault.kind in wire.ERRORS:
            self._write_error(fault.kind, fault.message, fault.headers)
        elif fault.kind is FaultKind.RESET:
            self._transport.close()
        elif fault.kind is FaultKind.REDIRECT:
            away = {"Location": "http://elsewhere.invalid/v1", **fault.headers}
            self._write(307, b"", headers=away)
        else:
            page = b"<html><body>Welcome</body></html>"
            html = fault.kind is FaultKind.WRONG_TYPE
            self._write(200, page if html else b"", kind="text/html" if html else _JSON)

    def _tell_whole(self) -> None:
        asked, fault = self._asked, self._fault
        if fault is not None and fault.kind is FaultKind.ERROR_EVENT:
            self._write_error(FaultKind.SERVER_ERROR, fault.message)
            return
        if asked.path.endswith("/embeddings"):
            tokens = self._says.tokens or Tokens(input=wire.input_tokens(asked.body))
            body = wire.embeddings(asked, tokens)
        else:
            answer = wire.answer_to(asked, self._says)
            tokens, body = answer.tokens, wire.whole(asked, answer)
        self._server.bill.add(asked.model, tokens)
        written = orjson.dumps(body)
        if fault is None:
            self._write(200, written)
        elif fault.kind is FaultKind.BROKEN_JSON:
            self._write(200, written[: len(written) // 2])
        else:
            self._transport.write(_head(200, _JSON, {}, length=len(written)))
            self._transport.write(written[: len(written) // 2])
            if fault.kind is not FaultKind.HANG_MIDWAY:
                self._transport.close()

    def _events(self) -> tuple[wire.Answer, list[wire.Event]]:
        """The answer, and the part of its stream that goes out."""
        answer = wire.answer_to(self._asked, self._says)
        fault = self._fault
        if fault is None:
            return answer, list(wire.stream(self._asked, answer))
        events = wire.stream(self._asked, answer, ends=False)
        if fault.kind is FaultKind.NO_END:
            return answer, list(events)
        return answer, [event for event in events if event.n_told <= fault.after]

    def _tell_at_once(self) -> None:
        answer, events = self._events()
        self._transport.write(
            _head(200, _EVENTS, {}) + b"".join(_chunk(event.data) for event in events)
        )
        self._end_stream(answer, events[-1].n_told)

    async def _tell_slowly(self) -> None:
        answer, events = self._events()
        self._transport.write(_head(200, _EVENTS, {}))
        n_told, begun = 0, False
        for event in events:
            if event.n_told > n_told:
                wait_s = self._says.between_s if begun else self._says.first_token_s
                begun = True
                if await self._pause(wait_s):
                    self._server.bill.add(self._asked.model, answer.told(n_told))
                    return
                n_told = event.n_told
            self._transport.write(_chunk(event.data))
        if self._fault is not None and self._fault.kind is FaultKind.HANG_MIDWAY:
            self._server.bill.add(self._asked.model, answer.told(n_told))
            await self._left_by_client()
            return
        self._end_stream(answer, n_told)

    def _end_stream(self, answer: wire.Answer, n_told: int) -> None:
        fault = self._fault
        told = answer.told(n_told) if fault is not None else answer.tokens
        self._server.bill.add(self._asked.model, told)
        if fault is not None and fault.kind is FaultKind.CUT:
            self._transport.close()
            return
        if fault is not None and fault.kind is FaultKind.ERROR_EVENT:
            self._transport.write(_chunk(wire.error_event(self._asked, fault.message)))
        self._transport.write(b"0\r\n\r\n")

    def _listed(self, path: str) -> bytes:
        if path.endswith("/scripted/bill"):
            bill = self._server.bill
            sums = {model: asdict(tokens) for model, tokens in bill.tokens.items()}
            return json.dumps({"n_billed": bill.n_billed, "tokens": sums}).encode()
        names = sorted(self._server.models or {"scripted"})
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in names]
        return json.dumps({"object": "list", "data": data}).encode()

    def _write(
        self,
        status: int,
        body: bytes,
        *,
        kind: str = _JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._transport.write(_head(status, kind, headers or {}, length=len(body)) + body)

    def _write_error(
        self, kind: FaultKind, message: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        status, body = wire.error(self._asked, kind, message)
        self._write(status, orjson.dumps(body), headers=headers)


def _refusal(server: ScriptedLLM, asked: Asked) -> tuple[FaultKind, str | None] | None:
    """What is wrong with a request, for any server."""
    bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
    key = asked.headers.get("x-api-key", bearer)
    if server.keys is not None and key not in server.keys:
        return FaultKind.UNAUTHORIZED, None
    if server.models is not None and asked.model not in server.models:
        return FaultKind.BAD_REQUEST, f"The model {asked.model!r} does not exist"
    needed = {"model", "messages"}
    if asked.wire == "anthropic":
        needed.add("max_tokens")
        if "anthropic-version" not in asked.headers:
            return FaultKind.BAD_REQUEST, "anthropic-version: header is required"
    if asked.path.endswith("/embeddings"):
        needed = {"model", "input"}
    missing = sorted(name for name in needed if not asked.body.get(name))
    return (FaultKind.BAD_REQUEST, f"{missing[0]}: Field required") if missing else None


def _head(
    status: int, kind: str, headers: Mapping[str, str], *, length: int | None = None
) -> bytes:
    """The head of a reply; without a length, its body comes in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\n{size}\r\n{more}\r\n".encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted server of models on loopback.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--text", help="what it answers; by default what it was told last")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before each answer")
    parser.add_argument("--between-ms", type=float, default=0.0, help="between pieces of a stream")
    parser.add_argument("--fault-share", type=float, default=0.0, help="of the requests, 0 to 1")
    parser.add_argument(
        "--fault",
        type=FaultKind,
        action="append",
        default=[],
        help="one of: " + ", ".join(FaultKind),
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


async def _serve(given: argparse.Namespace) -> None:
    says = Says(text=given.text, delay_s=given.delay_ms / 1000, between_s=given.between_ms / 1000)
    faults = [Fault(kind=kind, says=says) for kind in given.fault or [FaultKind.SERVER_ERROR]]
    decide = sometimes(given.fault_share, faults, seed=given.seed, else_=says)
    async with ScriptedLLM(decide, port=given.port, remembers=0):
        await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(_arguments()))
