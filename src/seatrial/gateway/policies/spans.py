"""A span for every request to a provider, in the words of OpenTelemetry.

Source: semantic conventions for generative AI, client spans, version 1.44. What was said is in a
span only when told, and then masked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Message, Part, Reasoning, Text, ToolCall, ToolResult
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest, Format
from seatrial.gateway.chat.response import (
    ChatResponse,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    Started,
    Usage,
    UsageReported,
)
from seatrial.gateway.chat.transcript import Transcript
from seatrial.gateway.policies.mask import Mask
from seatrial.gateway.policies.tracing import Attribute, Tracer
from seatrial.kernel.errors import SeatrialError

Attributes = dict[str, Attribute]

CANCELLED: Final = "cancelled"
"""The error type of a call whose caller went away."""

_REASONS: Final = {
    FinishReason.STOP: "stop",
    FinishReason.CUT: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.FILTERED: "content_filter",
    FinishReason.OTHER: "other",
}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a provider asks.

    Args:
        vendor: ``gen_ai.provider.name``, such as ``openai``.
        address: host name or IP address; "" where there is none.
        port: None for the usual one.
    """

    vendor: str
    address: str = ""
    port: int | None = None


def traced(
    provider: Provider,
    tracer: Tracer | None,
    *,
    server: Server,
    now: Callable[[], float],
    content: Mask | None = None,
) -> Provider:
    """The provider with a span for each call; the provider itself where nobody traces.

    Args:
        server: whom it asks.
        now: monotonic, in s.
        content: masks what was said, which is then recorded; None records nothing of it.
    """
    if tracer is None:
        return provider
    return Traced(provider, tracer, server=server, now=now, content=content)


class Traced:
    """`Provider` whose calls are spans; see `traced`."""

    def __init__(
        self,
        provider: Provider,
        tracer: Tracer,
        *,
        server: Server,
        now: Callable[[], float],
        content: Mask | None,
    ) -> None:
        self._provider = provider
        self._name = provider.name
        self._tracer = tracer
        self._now = now
        self._content = content
        self._known: Attributes = {"gen_ai.provider.name": server.vendor}
        if server.address:
            self._known["server.address"] = server.address
        if server.port is not None:
            self._known["server.port"] = server.port

    @property
    def name(self) -> str:
        """See Provider."""
        return self._name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        span = self._tracer.begin(
            f"chat {request.model}",
            lambda: self._begun("chat", request.model, _asked(request, call)),
        )
        if span is None:
            return await self._provider.chat(request, call)
        try:
            response = await self._provider.chat(request, call)
        except BaseException as error:
            span.end(lambda: self._said(request), _error_type(error))
            raise
        span.end(lambda: self._answered(request, response))
        return response

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        asked = _asked(request, call) | {"gen_ai.request.stream": True}
        span = self._tracer.begin(
            f"chat {request.model}", lambda: self._begun("chat", request.model, asked)
        )
        async with aclosing(self._provider.stream(request, call)) as chunks:
            if span is None:
                async for chunk in chunks:
                    yield chunk
                return
            began, told, ended_by = self._now(), _Told(self._content), None
            try:
                async for chunk in chunks:
                    if chunk.speaks and told.first_s is None:
                        told.first_s = self._now() - began
                    told.add(chunk)
                    yield chunk
            except BaseException as error:
                ended_by = _error_type(error)
                raise
            finally:
                span.end(lambda: self._said(request) | told.attributes(), ended_by)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider."""
        span = self._tracer.begin(
            f"embeddings {request.model}",
            lambda: self._begun("embeddings", request.model, {"seatrial.call.id": call.id}),
        )
        if span is None:
            return await self._provider.embed(request, call)
        try:
            embeddings = await self._provider.embed(request, call)
        except BaseException as error:
            span.end(dict, _error_type(error))
            raise
        span.end(lambda: _embedded(embeddings))
        return embeddings

    async def close(self) -> None:
        """See Provider."""
        await self._provider.close()
        self._tracer.flush()

    def _begun(self, operation: str, model: str, asked: Attributes) -> Attributes:
        asked["gen_ai.operation.name"] = operation
        asked["gen_ai.request.model"] = model
        asked.update(self._known)
        return asked

    def _answered(self, request: ChatRequest, response: ChatResponse) -> Attributes:
        found = _answered(response, self._content)
        return found if self._content is None else self._said(request) | found

    def _said(self, request: ChatRequest) -> Attributes:
        """What was said, where that is recorded."""
        if self._content is None:
            return {}
        return {"gen_ai.input.messages": _json(map(_message, request.messages), self._content)}


def _error_type(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return CANCELLED
    return error.code if isinstance(error, SeatrialError) else type(error).__qualname__


class _Told:
    """What a stream has said so far."""

    def __init__(self, content: Mask | None) -> None:
        self.first_s: float | None = None
        self._content = content
        self._transcript = None if content is None else Transcript()
        self._started: Started | None = None
        self._reasons: dict[int, FinishReason] = {}
        self._usage: Usage | None = None

    def add(self, chunk: Chunk) -> None:
        for event in chunk.events:
            match event:
                case Started():
                    self._started = event
                case Finished(reason=reason, index=index):
                    self._reasons[index] = reason
                case UsageReported(usage=usage):
                    self._usage = usage
                case _:
                    pass
        if self._transcript is not None:
            self._transcript.add(chunk)

    def attributes(self) -> Attributes:
        found = _used(self._usage)
        if self.first_s is not None:
            found["gen_ai.response.time_to_first_chunk"] = self.first_s
        if self._started is not None:
            found["gen_ai.response.id"] = self._started.id
            found["gen_ai.response.model"] = self._started.model
        if self._reasons:
            found["gen_ai.response.finish_reasons"] = tuple(
                [_REASONS[reason] for _, reason in sorted(self._reasons.items())]
            )
        whole = None if self._transcript is None else self._transcript.response()
        if whole is not None and self._content is not None:
            found["gen_ai.output.messages"] = _outputs(whole, self._content)
        return found


def _asked(request: ChatRequest, call: Call) -> Attributes:
    found: Attributes = {"seatrial.call.id": call.id}
    if request.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = request.max_tokens
    if request.temperature is not None:
        found["gen_ai.request.temperature"] = request.temperature
    if request.top_p is not None:
        found["gen_ai.request.top_p"] = request.top_p
    if request.seed is not None:
        found["gen_ai.request.seed"] = request.seed
    if request.stop:
        found["gen_ai.request.stop_sequences"] = request.stop
    if request.n != 1:
        found["gen_ai.request.choice.count"] = request.n
    if request.response_format is not None:
        is_text = request.response_format.form is Format.TEXT
        found["gen_ai.output.type"] = "text" if is_text else "json"
    return found


def _answered(response: ChatResponse, content: Mask | None) -> Attributes:
    found: Attributes = {
        "gen_ai.response.id": response.id,
        "gen_ai.response.model": response.model,
        "gen_ai.response.finish_reasons": tuple(
            [_REASONS[choice.finish_reason] for choice in response.choices]
        ),
    }
    if content is not None:
        found["gen_ai.output.messages"] = _outputs(response, content)
    found.update(_used(response.usage))
    return found


def _embedded(embeddings: Embeddings) -> Attributes:
    found: Attributes = {
        "gen_ai.response.model": embeddings.model,
        "gen_ai.embeddings.dimension.count": len(embeddings.vectors[0]),
    }
    return found | _used(embeddings.usage)


def _used(usage: Usage | None) -> Attributes:
    if usage is None:
        return {}
    found: Attributes = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
    }
    if usage.cached_tokens:
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    if usage.cache_write_tokens:
        found["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens
    if usage.reasoning_tokens:
        found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    return found


def _outputs(response: ChatResponse, content: Mask) -> str:
    return _json(
        (
            _message(choice.message) | {"finish_reason": _REASONS[choice.finish_reason]}
            for choice in response.choices
        ),
        content,
    )


def _json(messages: Iterable[dict[str, object]], content: Mask) -> str:
    masked = content.data(list(messages))
    try:
        return msgspec.json.encode(masked).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can name
        return json.dumps(masked)


def _message(message: Message) -> dict[str, object]:
    return {"role": message.role.value, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, object]:
    match part:
        case Text(text=text):
            return {"type": "text", "content": text}
        case Reasoning(text=text):
            return {"type": "reasoning", "content": text}
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
        case ToolResult(call_id=call_id, content=said):
            return {"type": "tool_call_response", "id": call_id, "response": said}
        case _:
            return {"type": type(part).__name__.lower()}
