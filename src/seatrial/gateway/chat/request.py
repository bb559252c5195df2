"""What is asked of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.messages import Message


class DialectName(StrEnum):
    """A form in which requests and replies are written."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class Tool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A function the model may ask for.

    Args:
        parameters: JSON schema of its arguments.
        strict: whether the provider shall hold the model to the schema; None where not said.
        raw: as it was written, for kinds and fields that are not read here.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, object] | None = None
    strict: bool | None = None
    raw: Mapping[str, object] | None = None


class ToolUse(StrEnum):
    """Whether tools may, must or must not be called."""

    AUTO = "auto"
    REQUIRED = "required"
    NONE = "none"


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How tools are to be used; ``name`` is the one that must be called, with REQUIRED."""

    use: ToolUse
    name: str | None = None


class Format(StrEnum):
    """What the text of the answer shall be."""

    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"


class ResponseFormat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The form asked for.

    Args:
        schema: a JSON schema, given with SCHEMA.
        own_schema: what the answer is held against, where ``schema`` is that in the words of strict
            modes, which know no key that may be left out; it is not sent.
    """

    form: Format
    name: str = "answer"
    schema: Mapping[str, object] | None = None
    own_schema: Mapping[str, object] | None = None
    strict: bool | None = None
    description: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call of a model.

    Args:
        model: as the caller named it; the name the provider knows once a route was chosen.
        messages: system first, at least one.
        max_tokens: most tokens of the answer, reasoning included, >= 1; None leaves it open.
        temperature, top_p, seed: as providers define them; None where not said.
        stop: texts that end the answer.
        n: how many answers, >= 1.
        stream: whether the caller wants the answer in pieces.
        include_usage: whether a caller of a stream wants its usage at the end; what is asked of
            the provider does not depend on it.
        user: the end user, as the caller names them.
        dialect: the form ``raw`` and the raw forms of messages and tools are in.
        raw: the whole body as it came, or None for a request that was made here. Fields of it that
            are not read here go on to a provider of the same dialect.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    dialect: DialectName | None = None
    raw: Mapping[str, object] | None = None


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Texts to be turned into vectors.

    Args:
        inputs: at least one text.
        dimensions: of the vectors, where the model can choose; None leaves it open.
        raw: the whole body as it came, in OpenAI's form, or None.
    """

    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    user: str | None = None
    raw: Mapping[str, object] | None = None
