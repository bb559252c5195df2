"""Answers the routes of OpenAI and Anthropic: below ASGI and through it, see `web/streaming.py`.

A stream's head goes out with its first piece, so whatever fails before is told by its status. What
fails later is told within the stream, by an event that clients know as an error; the end that says
that an answer is whole is not sent then.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import orjson

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.dialects import fields, openai_embeddings
from seatrial.gateway.policies.loaded import loaded
from seatrial.gateway.prompts.ask import PREFIX, PromptAsk, prompt_ask
from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Caller, Gateway
from seatrial.gateway.routes.table import Route, Use
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.client_errors import as_told
from seatrial.serving.exchange import (
    JSON,
    BadInput,
    Limits,
    Reply,
    Request,
    Stopping,
    StreamReply,
)
from seatrial.serving.flight import KEY as STICKY
from seatrial.serving.flight import forced_version
from seatrial.web.llm.description import document
from seatrial.web.llm.here import enter
from seatrial.web.llm.listing import entry, listing
from seatrial.web.llm.refusal import refused
from seatrial.web.llm.reply_headers import STREAMED, headers_of, last_word
from seatrial.web.llm.visit import Visit
from seatrial.web.llm.wires import ANTHROPIC, OPENAI, StreamWriter, Wire
from seatrial.web.server_paths import without_places

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
SCORES = "/v1/prompts/scores"
MODELS = "/v1/models"

_POSTED = frozenset({CHAT, EMBEDDINGS, MESSAGES, COUNT, SCORES})
_ANTHROPICS = frozenset({MESSAGES, COUNT})
_POST, _GET = ("POST", "OPTIONS"), ("GET", "HEAD", "OPTIONS")


class LlmPlane:
    """See `web.streaming.StreamPlane`.

    Args:
        gateway: the models.
        doorman: says who calls.
        limits: of these, that of the body counts.
    """

    def __init__(self, gateway: Gateway, doorman: Doorman, limits: Limits) -> None:
        self.limits = limits
        self._gateway, self._doorman = gateway, doorman
        self._answers: Mapping[str, Callable[[Visit], Awaitable[Reply | StreamReply]]] = {
            CHAT: self._chat,
            MESSAGES: self._chat,
            EMBEDDINGS: self._embed,
            COUNT: self._count,
            SCORES: self._score,
        }

    def owns(self, path: str) -> bool:
        """See `StreamPlane`."""
        return path in _POSTED or path == MODELS or path.startswith(f"{MODELS}/")

    def has(self, name: str) -> bool:
        """Whether a model of the gateway, or a prompt, has this name."""
        return self._gateway.table.find(name) is not None or name in self._prompts()

    def described(self) -> Mapping[str, Any]:
        """See `StreamPlane`."""
        return document()

    def refused(self, error: SeatrialError, path: str) -> Reply:
        """See `StreamPlane`."""
        visit = Visit(Request("POST", path, b"", {}, b""), _wire(path, {}))
        return self._refused(error, visit)

    async def answer(self, request: Request) -> Reply | StreamReply:
        """See `StreamPlane`."""
        visit = Visit(request, _wire(request.path, request.headers))
        try:
            allowed = _POST if request.path in _POSTED else _GET
            if (told := await enter(visit, self._doorman, allowed)) is not None:
                return told
            make = self._answers.get(request.path)
            return self._models(visit) if make is None else await make(visit)
        except Exception as problem:  # noqa: BLE001 - the border of a request
            return self._refused(as_told(problem, None), visit)

    async def _chat(self, visit: Visit) -> Reply | StreamReply:
        given = visit.body(self.limits.max_body_bytes)
        prompt = prompt_ask(given)
        if prompt is not None:
            return await self._prompt(visit, prompt)
        asked = visit.wire.read(given)
        route, call = self._begun(visit, asked.model, asked.user, Use.CHAT)
        if asked.stream:
            return await self._stream(visit, route.provider, asked, call)
        response = await route.provider.chat(asked, call)
        body = orjson.dumps(visit.wire.whole(response))
        return Reply(200, body, JSON, headers_of(visit))

    async def _prompt(self, visit: Visit, prompt: PromptAsk) -> Reply | StreamReply:
        asked = prompt.given(visit.wire.read(prompt.body))
        key, headers = visit.request.headers.get(STICKY), visit.request.headers
        if key is None and asked.user is not None:
            key = asked.user.encode()
        prompted, call = self._gateway.prompted(
            prompt.name,
            prompt.variables,
            self._caller(visit, asked.model, asked.user),
            key=key,
            version=forced_version(headers),
            call_id=visit.id,
            timeout_s=visit.timeout_s(),
        )
        visit.call = call
        if asked.stream:
            return await self._stream(visit, prompted, asked, call)
        response = await prompted.chat(asked, call)
        told = {
            "prompt": prompt.name,
            "version": prompted.version,
            "answer": prompted.answer_id(call),
        }
        body = orjson.dumps(visit.wire.whole(response) | {"seatrial": told})
        return Reply(200, body, JSON, headers_of(visit))

    async def _stream(
        self, visit: Visit, provider: Provider, asked: ChatRequest, call: Call
    ) -> StreamReply:
        chunks = provider.stream(asked, call)
        writer = visit.wire.writer(asked, answer_id=call.id)
        first = b""
        try:
            async for chunk in chunks:
                if first := writer.write(chunk):
                    break
        except BaseException:
            await chunks.aclose()
            raise
        parts = _parts(visit, chunks, writer, first)
        return StreamReply(
            200, parts, writer.error(Stopping()), headers=STREAMED + headers_of(visit)
        )

    async def _embed(self, visit: Visit) -> Reply:
        asked = openai_embeddings.read_embedding_request(visit.body(self.limits.max_body_bytes))
        route, call = self._begun(visit, asked.model, asked.user, Use.EMBEDDING)
        made = await route.provider.embed(asked, call)
        in_base64 = asked.raw is not None and asked.raw.get("encoding_format") == "base64"
        body = orjson.dumps(openai_embeddings.write_embeddings(made, in_base64=in_base64))
        return Reply(200, body, JSON, headers_of(visit))

    async def _count(self, visit: Visit) -> Reply:
        given = visit.body(self.limits.max_body_bytes)
        if isinstance(given, dict):
            given.setdefault("max_tokens", 1)  # which this route alone does not ask for
        asked = ANTHROPIC.read(given)
        route, _ = self._begun(visit, asked.model, asked.user, Use.CHAT)
        if route.counter is None:
            raise BadInput(
                f"The tokens of {route.name!r} cannot be counted here.",
                remedy="Ask the provider itself.",
                field="model",
            )
        await loaded(route.counter)
        body = orjson.dumps({"input_tokens": route.counter.request(asked)})
        return Reply(200, body, JSON, headers_of(visit))

    async def _score(self, visit: Visit) -> Reply:
        body = fields.mapping(visit.body(self.limits.max_body_bytes), "")
        name, answer = fields.named(body, "prompt"), fields.named(body, "answer")
        score = fields.optional_number(body, "score")
        if score is None:
            raise fields.missing("score", "a number from 0 to 1")
        if visit.key is not None:
            visit.key.check_model(PREFIX + name)
        taken = self._gateway.score(name, answer, score)
        return Reply(200, orjson.dumps({"taken": taken}), JSON, headers_of(visit))

    def _models(self, visit: Visit) -> Reply:
        key, dialect, path = visit.key, visit.wire.dialect, visit.request.path
        record: object
        if path == MODELS:
            every = [route.name for route in self._gateway.table.all()] + self._prompts()
            seen = [n for n in every if key is None or not key.models or n in key.models]
            record = listing(seen, dialect=dialect)
        else:
            name = unquote(path.removeprefix(f"{MODELS}/"))
            if key is not None:
                key.check_model(name)  # first: what there is is nothing for those it is not for
            if not self.has(name):
                raise self._gateway.table.unknown(name)
            record = entry(name, dialect=dialect)
        return Reply(200, orjson.dumps(record), JSON, headers_of(visit))

    def _begun(self, visit: Visit, model: str, user: str | None, use: Use) -> tuple[Route, Call]:
        caller = self._caller(visit, model, user)
        route = self._gateway.table.get(model, use)
        visit.call = self._gateway.call(
            route, caller, call_id=visit.id, timeout_s=visit.timeout_s()
        )
        return route, visit.call

    @staticmethod
    def _caller(visit: Visit, model: str, user: str | None) -> Caller:
        """Who asks, if they may.   Raises: ModelForbidden."""
        key = visit.key
        if key is not None:
            key.check_model(model)
        return Caller(
            key=None if key is None else key.id,
            tenant="" if key is None else key.tenant or key.id,
            user=user,
            tags=visit.tags(),
        )

    def _prompts(self) -> list[str]:
        """The names of prompts, as clients ask for them."""
        prompts = self._gateway.prompts
        return [] if prompts is None else [PREFIX + name for name in prompts.names()]

    @staticmethod
    def _refused(error: SeatrialError, visit: Visit) -> Reply:
        return refused(error, visit.wire.dialect, visit.id, headers_of(visit))


async def _parts(
    visit: Visit, chunks: Chunks, writer: StreamWriter, first: bytes
) -> AsyncGenerator[bytes, None]:
    """The events of a stream, its end or its error among them."""
    async with aclosing(chunks):
        try:
            if first:
                yield first
            async for chunk in chunks:
                if part := writer.write(chunk):
                    yield part
            last = writer.end()
        except Exception as problem:  # noqa: BLE001 - the border of a request
            last = writer.error(without_places(as_told(problem, None)))
    yield last_word(visit) + last


def _wire(path: str, headers: Mapping[bytes, bytes]) -> Wire:
    """Whose client asks; the list of models has one address for both."""
    anthropics = path in _ANTHROPICS or b"anthropic-version" in headers
    return ANTHROPIC if anthropics and path not in (CHAT, EMBEDDINGS) else OPENAI
