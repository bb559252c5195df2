"""A provider that speaks Anthropic's form: Anthropic itself, and servers compatible with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from seatrial.adapters.llm.endpoint import Endpoint, HttpLimits
from seatrial.adapters.llm.http import HttpVendor
from seatrial.adapters.llm.replies import begun, event_of, note_lost, whole
from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import NotOffered
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, DialectName, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.dialects import anthropic, anthropic_reply
from seatrial.gateway.dialects.anthropic import DEFAULT_MAX_TOKENS
from seatrial.gateway.dialects.anthropic_stream import ChunkReader
from seatrial.gateway.dialects.sse import Event

VERSION = "2023-06-01"
"""Of the API; there is no newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicOptions:
    """One provider.

    Args:
        name: as configured.
        base_url: http or https, without the version.
        api_key: not shown.
        headers: besides, such as ``anthropic-beta``; not shown.
        default_max_tokens: the bound of an answer for which none is asked, >= 1.
        limits: of each exchange.
    """

    name: str
    base_url: str = "https://api.anthropic.com"
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    default_max_tokens: int = DEFAULT_MAX_TOKENS
    limits: HttpLimits = field(default_factory=HttpLimits)

    def endpoint(self) -> Endpoint:
        """Where it is.   Raises: EndpointInvalid."""
        headers = {"anthropic-version": VERSION, **self.headers}
        if self.api_key:
            headers["x-api-key"] = self.api_key
        return Endpoint(name=self.name, base_url=self.base_url, headers=headers, limits=self.limits)


class AnthropicProvider:
    """Is a `Provider`, without embeddings and with one answer to a request.

    Args:
        options: whom to ask.
        now: monotonic seconds, the clock of `Call.deadline`.
        wall: seconds since 1970.
    Raises: EndpointInvalid, MissingExtra.
    """

    def __init__(
        self,
        options: AnthropicOptions,
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
        found = await self._http.post("/v1/messages", body, call)
        return whole(self._http, anthropic_reply.read_response, found)

    def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """The answer in pieces."""
        return begun(self._http, self._pieces(request, call))

    async def _pieces(self, request: ChatRequest, call: Call) -> Chunks:
        body = self._body(request, call, stream=True)
        events = self._http.events("/v1/messages", body, call, is_last=_is_last)
        reader = ChunkReader()
        async with aclosing(events):
            async for event in events:
                yield event_of(self._http, reader.read, event, told=_tells_error)
        if not (reader.finished and reader.stopped):
            raise self._http.cut("it ended without message_stop")

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:  # noqa: ARG002
        """There are none.   Raises: NotOffered."""
        raise NotOffered(
            f"The provider {self.name!r} has no embeddings.",
            remedy="Name a provider of OpenAI's form for the model of the embeddings.",
            provider=self.name,
        )

    async def close(self) -> None:
        """Give back connections."""
        await self._http.close()

    def _body(self, request: ChatRequest, call: Call, *, stream: bool) -> dict[str, Any]:
        if request.n > 1:
            raise NotOffered(
                f"The provider {self.name!r} gives one answer to a request, not {request.n}.",
                remedy="Ask for n = 1, or use a provider of OpenAI's form.",
                provider=self.name,
            )
        note_lost(request, call, DialectName.ANTHROPIC)
        return anthropic.write_request(
            request, stream=stream, default_max_tokens=self._options.default_max_tokens
        )


def _is_last(event: Event) -> bool:
    return event.name == "message_stop"


def _tells_error(body: dict[str, Any]) -> bool:
    return body.get("type") == "error"
