"""What is said in a conversation.

Providers differ in how they write it; `gateway.dialects` reads and writes each form. A message that
was read keeps the form it came in as ``raw``, and leaves in that form when the other side speaks
the same dialect: what the gateway does not know passes through untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec


class Role(StrEnum):
    """Who speaks. OpenAI's ``developer`` is SYSTEM; its raw form remembers."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Text(msgspec.Struct, frozen=True, gc=False):
    """Plain text."""

    text: str


class Image(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image, by address or as base64; one of ``url`` and ``data`` is given."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The model asks for a function to be called; ``arguments`` is JSON text as the model wrote it,
    which need not parse."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the function of a `ToolCall` gave."""

    call_id: str
    content: str
    is_error: bool = False


class Reasoning(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a model thought before it spoke; ``signature`` proves it to its own provider."""

    text: str
    signature: str | None = None


class Other(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a kind that is not read here, such as audio; it exists in its own dialect only."""

    kind: str
    data: Mapping[str, object]


Part: TypeAlias = Text | Image | ToolCall | ToolResult | Reasoning | Other


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One turn, or a part of one.

    Args:
        parts: in order; results of tools stand in messages of TOOL, or of USER with other parts.
        name: of the speaker, where given.
        raw: as it was written, in the dialect of the request or reply it belongs to; None for one
            that was made here.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    raw: Mapping[str, object] | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls it asks for, in order."""
        return tuple([part for part in self.parts if isinstance(part, ToolCall)])


def said(role: Role, text: str) -> Message:
    """A message of plain text."""
    return Message(role=role, parts=(Text(text),))
