"""The usage of a call: as the provider told it, or estimated where it did not.

An estimate counts the request and the text that came. It cannot see what a provider bills and does
not show: hidden reasoning, its own instructions, what it read from a cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

import msgspec

from seatrial.gateway.chat.messages import Reasoning
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import (
    ChatResponse,
    Chunk,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.tokens.counter import TokenCounter


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """A usage, and whether any of it is an estimate."""

    usage: Usage
    estimated: bool


def metered(response: ChatResponse, request: ChatRequest, counter: TokenCounter) -> Metered:
    """The usage of a whole answer."""
    if _told(response.usage):
        return Metered(usage=response.usage, estimated=False)
    said = []
    for choice in response.choices:
        message = choice.message
        thought = "".join(p.text for p in message.parts if isinstance(p, Reasoning))
        said += [message.text, thought]
        for call in message.tool_calls:
            said += [call.name, call.arguments]
    return _estimated(response.usage, said, request, counter)


class Meter:
    """The usage of a stream, complete or cut: of the same answer the same as `metered`.

    Args:
        request: what was asked of the provider.
    """

    def __init__(self, request: ChatRequest, counter: TokenCounter) -> None:
        self._request = request
        self._counter = counter
        self._usage: Usage | None = None
        self._said: dict[tuple[str, int, int], list[str]] = {}

    @property
    def spoke(self) -> bool:
        """Whether any of the answer came."""
        return bool(self._said)

    def see(self, chunk: Chunk) -> None:
        """One more piece of the stream."""
        for event in chunk.events:
            match event:
                case UsageReported():
                    self._usage = event.usage
                case TextDelta():
                    self._hear("text", event.index, 0, event.text)
                case ReasoningDelta():
                    self._hear("thought", event.index, 0, event.text)
                case ToolCallDelta():
                    self._hear("name", event.index, event.position, event.name or "")
                    self._hear("arguments", event.index, event.position, event.arguments)

    def usage(self) -> Metered:
        """Of what came so far."""
        if _told(self._usage):
            return Metered(usage=self._usage, estimated=False)
        said = map("".join, self._said.values())
        return _estimated(self._usage, said, self._request, self._counter)

    def _hear(self, kind: str, index: int, position: int, text: str) -> None:
        if text:
            self._said.setdefault((kind, index, position), []).append(text)


def _told(usage: Usage | None) -> TypeGuard[Usage]:
    """Whether a usage says anything: every request has input, and some servers report zeros."""
    return usage is not None and usage.input_tokens > 0 and usage.output_tokens > 0


def _estimated(
    told: Usage | None, said: Iterable[str], request: ChatRequest, counter: TokenCounter
) -> Metered:
    """What was told, and an estimate for a side of which nothing was."""
    usage = Usage(input_tokens=0, output_tokens=0) if told is None else told
    estimated = False
    if usage.input_tokens == 0:
        usage = msgspec.structs.replace(usage, input_tokens=counter.request(request))
        estimated = True
    if usage.output_tokens == 0 and (came := sum(map(counter.text, said))) > 0:
        usage = msgspec.structs.replace(usage, output_tokens=came)
        estimated = True
    return Metered(usage=usage, estimated=estimated)
