"""What a provider answers, whole or in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from seatrial.gateway.chat.messages import Message
from seatrial.gateway.chat.request import DialectName


class FinishReason(StrEnum):
    """Why the model stopped. CUT means that ``max_tokens`` or the window was reached."""

    STOP = "stop"
    CUT = "cut"
    TOOL_CALLS = "tool_calls"
    FILTERED = "filtered"
    OTHER = "other"


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one call, as the provider counted them; all >= 0.

    Args:
        input_tokens: all of the input, those read from or written to a cache and audio included.
        output_tokens: all of the output, reasoning and audio included.
        cached_tokens: of the input, read from the provider's cache.
        cache_write_tokens: of the input, written to it.
        cache_write_1h_tokens: of ``cache_write_tokens``, those kept for an hour.
        reasoning_tokens: of the output.
        input_audio_tokens, output_audio_tokens: of the input and the output.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0


class Choice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of the answers asked for."""

    index: int
    message: Message
    finish_reason: FinishReason


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A whole answer.

    Args:
        model: as the provider names what answered.
        usage: None where the provider did not say.
        created: seconds since 1970; 0 where the provider did not say.
        dialect, raw: the whole reply in the provider's form; None for one that was made here.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int = 0
    dialect: DialectName | None = None
    raw: Mapping[str, object] | None = None

    @property
    def text(self) -> str:
        """The text of the first answer."""
        return self.choices[0].message.text


class Started(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer begins."""

    id: str
    model: str
    created: int = 0


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More text of choice ``index``."""

    text: str
    index: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of what the model thinks, or the signature that ends it."""

    text: str = ""
    signature: str | None = None
    index: int = 0


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of the call at ``position`` among the calls of choice ``index``; the first piece of a
    call has its id and name."""

    position: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    index: int = 0


class Finished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Choice ``index`` is complete."""

    reason: FinishReason
    index: int = 0


class UsageReported(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tokens of the call so far; the last of these in a stream counts."""

    usage: Usage


Event: TypeAlias = Started | TextDelta | ReasoningDelta | ToolCallDelta | Finished | UsageReported


class Chunk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a stream, as it came.

    Args:
        events: what it says; empty for one that says nothing the gateway reads, such as a ping.
        dialect, raw: the piece in the provider's form; None for one that was made here.
        event: Anthropic's name of the piece; "" in OpenAI's form, which has none.
    """

    events: tuple[Event, ...] = ()
    dialect: DialectName | None = None
    raw: Mapping[str, object] | None = None
    event: str = ""

    @property
    def speaks(self) -> bool:
        """Whether it carries a part of the answer itself: from the first of these on, a stream
        cannot begin again elsewhere unseen."""
        return any(
            isinstance(event, TextDelta | ToolCallDelta | ReasoningDelta) for event in self.events
        )


class Embeddings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Vectors, in the order of the inputs.

    Args:
        vectors: shape (n, d).
        raw: the whole reply in OpenAI's form, or None.
    """

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    raw: Mapping[str, object] | None = None
