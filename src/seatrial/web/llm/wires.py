"""The two forms in which clients speak, each behind the same few calls."""

from __future__ import annotations

from typing import Any, Protocol

from seatrial.gateway.chat.request import ChatRequest, DialectName
from seatrial.gateway.chat.response import ChatResponse, Chunk
from seatrial.gateway.dialects import (
    anthropic,
    anthropic_reply,
    anthropic_stream,
    openai,
    openai_reply,
    openai_stream,
)
from seatrial.kernel.errors import SeatrialError


class StreamWriter(Protocol):
    """Writes the events of one stream."""

    def write(self, chunk: Chunk) -> bytes:
        """Those of a piece; may be empty."""
        ...

    def end(self) -> bytes:
        """Those that say that the answer is whole."""
        ...

    def error(self, error: SeatrialError) -> bytes:
        """The one that says that it is not."""
        ...


class Wire(Protocol):
    """One of the forms."""

    @property
    def dialect(self) -> DialectName:
        """Its name."""
        ...

    def read(self, body: object) -> ChatRequest:
        """A request.   Raises: RequestInvalid."""
        ...

    def whole(self, response: ChatResponse) -> dict[str, Any]:
        """A whole answer."""
        ...

    def writer(self, request: ChatRequest, *, answer_id: str) -> StreamWriter:
        """What writes an answer in pieces."""
        ...


class _OpenAI:
    dialect = DialectName.OPENAI

    def read(self, body: object) -> ChatRequest:
        return openai.read_request(body)

    def whole(self, response: ChatResponse) -> dict[str, Any]:
        return openai_reply.write_response(response)

    def writer(self, request: ChatRequest, *, answer_id: str) -> StreamWriter:
        return openai_stream.ChunkWriter(
            include_usage=request.include_usage, id=f"chatcmpl-{answer_id}"
        )


class _Anthropic:
    dialect = DialectName.ANTHROPIC

    def read(self, body: object) -> ChatRequest:
        return anthropic.read_request(body)

    def whole(self, response: ChatResponse) -> dict[str, Any]:
        return anthropic_reply.write_response(response)

    def writer(self, request: ChatRequest, *, answer_id: str) -> StreamWriter:  # noqa: ARG002
        return anthropic_stream.ChunkWriter(id=f"msg_{answer_id}")


OPENAI: Wire = _OpenAI()
ANTHROPIC: Wire = _Anthropic()
