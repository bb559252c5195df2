"""The answer to one request to the scripted server of models, good or bad, as it goes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from seatrial.testing import llm_openai_wire
from seatrial.testing import llm_wire as wire
from seatrial.testing.llm_answer import Answer, Event, answer_to, input_tokens
from seatrial.testing.llm_script import Asked, Fault, FaultKind, Says, Tokens, Wire

if TYPE_CHECKING:
    from seatrial.testing.scripted_llm import ScriptedLLM

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"
_MIDWAY = (FaultKind.CUT, FaultKind.HANG_MIDWAY, FaultKind.NO_END, FaultKind.ERROR_EVENT)


class Reply:
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
        self._server.began()
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
        self._server.began()
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
            tokens = self._says.tokens or Tokens(input=input_tokens(asked.body))
            body = llm_openai_wire.embeddings(asked, tokens)
        else:
            answer = answer_to(asked, self._says)
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

    def _events(self) -> tuple[Answer, list[Event]]:
        """The answer, and the part of its stream that goes out."""
        answer = answer_to(self._asked, self._says)
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

    def _end_stream(self, answer: Answer, n_told: int) -> None:
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
