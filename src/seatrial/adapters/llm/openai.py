"""A provider that speaks OpenAI's form: OpenAI itself, and any server that is compatible, by its
base URL: vLLM, llama.cpp, Ollama, Azure, DeepSeek, Qwen, ...

Where servers differ from OpenAI an option says so; nothing goes by a vendor's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from seatrial.adapters.llm.endpoint import Endpoint, HttpLimits
from seatrial.adapters.llm.http import HttpVendor
from seatrial.adapters.llm.replies import begun, event_of, note_lost, whole
from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, DialectName, EmbeddingRequest
from seatrial.gateway.chat.response import (
    ChatResponse,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
)
from seatrial.gateway.dialects import openai, openai_embeddings, openai_reply
from seatrial.gateway.dialects.openai import MaxTokensField
from seatrial.gateway.dialects.openai_stream import ChunkReader
from seatrial.gateway.dialects.sse import Event

_DONE = b"[DONE]"


class StreamEnd(StrEnum):
    """By what a stream shows that its answer is whole."""

    MARK = "mark"
    """A reason for every choice, then ``[DONE]``: OpenAI."""
    REASON = "reason"
    """A reason for every choice; ``[DONE]`` may be missing."""
    CLOSE = "close"
    """``[DONE]``, or the end of the body in good order; reasons may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions:
    """One provider.

    Args:
        name: as configured.
        base_url: http or https, with the version.
        api_key: "" for servers that ask for none; not shown.
        key_header: where the key goes: ``Authorization`` as a bearer, any other (Azure:
            ``api-key``) as it is.
        headers: besides, such as ``OpenAI-Organization``; not shown.
        query: of every request, such as Azure's ``api-version=...``.
        asks_usage: False for servers that refuse ``stream_options``.
        stream_end: how its streams end.
        max_tokens_field: the only name the server knows for the bound of an answer. Many compatible
            servers read ``max_tokens`` only, and pass over the other silently: then say so.
        developer_role: False for servers that know the role ``system`` only.
        limits: of each exchange.
    """

    name: str
    base_url: str = "https://api.openai.com/v1"
    api_key: str = field(default="", repr=False)
    key_header: str = "Authorization"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: str = ""
    asks_usage: bool = True
    stream_end: StreamEnd = StreamEnd.MARK
    max_tokens_field: MaxTokensField | None = None
    developer_role: bool = True
    limits: HttpLimits = field(default_factory=HttpLimits)

    def endpoint(self) -> Endpoint:
        """Where it is.   Raises: EndpointInvalid."""
        headers = dict(self.headers)
        if self.api_key:
            bearer = self.key_header.lower() == "authorization"
            headers[self.key_header] = f"Bearer {self.api_key}" if bearer else self.api_key
        return Endpoint(
            name=self.name,
            base_url=self.base_url,
            headers=headers,
            query=self.query,
            limits=self.limits,
        )


class OpenAIProvider:
    """Is a `Provider`.

    Args:
        options: whom to ask, and how it differs.
        now: monotonic seconds, the clock of `Call.deadline`.
        wall: seconds since 1970.
    Raises: EndpointInvalid, MissingExtra.
    """

    def __init__(
        self,
        options: OpenAIOptions,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._http = HttpVendor(options.endpoint(), now=now, wall=wall)

    @property
    def name(self) -> str:
        """As configured."""
        return self._options.name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """The whole answer."""
        body = self._body(request, call, stream=False)
        found = await self._http.post("/chat/completions", body, call)
        return whole(self._http, openai_reply.read_response, found)

    def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """The answer in pieces."""
        return begun(self._http, self._pieces(request, call))

    async def _pieces(self, request: ChatRequest, call: Call) -> Chunks:
        body = self._body(request, call, stream=True)
        events = self._http.events("/chat/completions", body, call, is_last=_is_mark)
        reader, marked = ChunkReader(), False
        async with aclosing(events):
            async for event in events:
                if _is_mark(event):
                    marked = True
                else:
                    yield event_of(self._http, reader.read, event, told=_tells_error)
            end = self._end(reader, marked=marked)
        if end is not None:
            yield end

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """One vector for each input."""
        body = openai_embeddings.write_embedding_request(request)
        found = await self._http.post("/embeddings", body, call)
        return whole(self._http, openai_embeddings.read_embeddings, found)

    async def close(self) -> None:
        """Give back connections."""
        await self._http.close()

    def _body(self, request: ChatRequest, call: Call, *, stream: bool) -> dict[str, Any]:
        note_lost(request, call, DialectName.OPENAI)
        return openai.write_request(
            request,
            stream=stream,
            asks_usage=self._options.asks_usage,
            max_tokens_field=self._options.max_tokens_field,
            developer_role=self._options.developer_role,
        )

    def _end(self, reader: ChunkReader, *, marked: bool) -> Chunk | None:
        """What a whole answer lacks at its end.   Raises: StreamCut: it is not whole."""
        how, unfinished = self._options.stream_end, reader.unfinished
        if how is StreamEnd.CLOSE:
            ends = tuple(Finished(reason=FinishReason.OTHER, index=n) for n in unfinished)
            return Chunk(events=ends) if ends else None
        if unfinished:
            raise self._http.cut("it ended without a reason")
        if how is StreamEnd.MARK and not marked:
            raise self._http.cut("it ended without [DONE]")
        return None


def _is_mark(event: Event) -> bool:
    return event.data.startswith(_DONE)


def _tells_error(body: dict[str, Any]) -> bool:
    return bool(body.get("error"))
