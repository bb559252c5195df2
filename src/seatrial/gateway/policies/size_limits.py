"""How large a request may be."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from seatrial.gateway.chat.messages import Image
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.guard import Passed
from seatrial.gateway.policies.request_texts import texts
from seatrial.kernel.errors import Invalid


class RequestTooLarge(Invalid):
    """The request has more than a limit of the gateway allows."""

    code = "gateway.request_too_large"


class SizeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A guard that lets no larger request pass; None sets no limit.

    Args:
        max_bytes: of all texts, tools' schemas and images together, in UTF-8, >= 0.
        max_messages: of one chat, >= 1.
        max_tools: that are offered, >= 0.
        max_inputs: that are embedded in one request, >= 1.
    """

    name: ClassVar[str] = "size limits"

    max_bytes: int | None = None
    max_messages: int | None = None
    max_tools: int | None = None
    max_inputs: int | None = None

    def chat(self, request: ChatRequest) -> Passed:
        """See Guard.   Raises: RequestTooLarge."""
        _check("messages", len(request.messages), self.max_messages)
        _check("tools", len(request.tools), self.max_tools)
        if self.max_bytes is not None:
            _check("bytes", n_bytes(request), self.max_bytes)
        return Passed(request=request)

    def embed(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """See Guard.   Raises: RequestTooLarge."""
        _check("inputs", len(request.inputs), self.max_inputs)
        if self.max_bytes is not None:
            _check("bytes", sum(map(_length, request.inputs)), self.max_bytes)
        return request


def n_bytes(request: ChatRequest) -> int:
    """Bytes of all texts, tools' schemas and images."""
    schemas = sum(
        len(msgspec.json.encode(tool.parameters)) for tool in request.tools if tool.parameters
    )
    images = sum(
        len(part.data)
        for message in request.messages
        for part in message.parts
        if isinstance(part, Image) and part.data
    )
    return sum(map(_length, texts(request))) + schemas + images


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _check(what: str, n: int, limit: int | None) -> None:
    if limit is not None and n > limit:
        raise RequestTooLarge(
            f"The request has {n:,} {what}; at most {limit:,} are allowed.",
            remedy=f"Send fewer {what}, or raise the limit in the configuration.",
            what=what,
            n=n,
            limit=limit,
        )
