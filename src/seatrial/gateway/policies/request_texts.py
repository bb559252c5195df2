"""The texts of a request: all of them, and the same request with others in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from seatrial.gateway.chat.messages import Message, Part, Reasoning, Text, ToolCall, ToolResult
from seatrial.gateway.chat.request import ChatRequest, Tool


def texts(request: ChatRequest) -> Iterator[str]:
    """What is said, thought, asked of tools and answered by them, and how tools are described."""
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text) | Reasoning(text=text):
                    yield text
                case ToolCall(arguments=text) | ToolResult(content=text):
                    yield text
                case _:
                    pass
    for tool in request.tools:
        if tool.description:
            yield tool.description


def with_texts(request: ChatRequest, change: Callable[[str], str]) -> ChatRequest:
    """The request with each of its texts changed, in its raw forms as well; not images.

    Args:
        change: of a text that is alone, and of one within a raw form, the same.
    """
    return msgspec.structs.replace(
        request,
        messages=tuple(_message(message, change) for message in request.messages),
        tools=tuple(_tool(tool, change) for tool in request.tools),
        user=request.user and change(request.user),
        raw=_mapping(request.raw, change),
    )


def _message(message: Message, change: Callable[[str], str]) -> Message:
    return msgspec.structs.replace(
        message,
        parts=tuple(_part(part, change) for part in message.parts),
        raw=_mapping(message.raw, change),
    )


def _tool(tool: Tool, change: Callable[[str], str]) -> Tool:
    return msgspec.structs.replace(
        tool,
        description=tool.description and change(tool.description),
        raw=_mapping(tool.raw, change),
    )


def _part(part: Part, change: Callable[[str], str]) -> Part:
    match part:
        case Text(text=text):
            return Text(change(text))
        case Reasoning(text=text):
            return msgspec.structs.replace(part, text=change(text))
        case ToolCall(arguments=text):
            return msgspec.structs.replace(part, arguments=change(text))
        case ToolResult(content=text):
            return msgspec.structs.replace(part, content=change(text))
        case _:
            return part


def _mapping(
    raw: Mapping[str, object] | None, change: Callable[[str], str]
) -> dict[str, object] | None:
    if raw is None:
        return None
    if raw.get("type") == "base64":
        return dict(raw)
    return {name: _value(value, change) for name, value in raw.items()}


def _value(value: object, change: Callable[[str], str]) -> object:
    match value:
        case str():
            return value if value.startswith("data:") else change(value)
        case Mapping():
            return _mapping(value, change)
        case Sequence():
            return [_value(one, change) for one in value]
        case _:
            return value
