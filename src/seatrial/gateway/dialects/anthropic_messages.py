"""Messages as Anthropic writes them: blocks, in turns of two speakers, and the system apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.openai_messages import REFUSAL, image_at

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_SYSTEM = "system"


def read_messages(body: Body) -> tuple[Message, ...]:
    """The system, which stands apart, and all messages.   Raises: RequestInvalid."""
    messages = [
        read_message(fields.mapping(message, f"messages[{n}]"), f"messages[{n}].")
        for n, message in enumerate(fields.filled(body, "messages"))
    ]
    system = body.get(_SYSTEM)
    if system is not None:
        parts = tuple(read_blocks(system, _SYSTEM))
        messages.insert(0, Message(role=Role.SYSTEM, parts=parts, raw={_SYSTEM: system}))
    return tuple(messages)


def read_message(body: Body, place: str) -> Message:
    """One message.

    Args: place: where it stands, with a dot at the end.
    Raises: RequestInvalid.
    """
    word = fields.text(body, "role", place)
    role = _ROLES.get(word)
    if role is None:
        raise fields.wrong(f"{place}role", word, f"one of {', '.join(_ROLES)}")
    if body.get("content") is None:
        raise fields.missing(f"{place}content", "a text or a list of blocks")
    parts = tuple(read_blocks(body["content"], f"{place}content"))
    return Message(role=role, parts=parts, raw=body)


def read_blocks(content: object, place: str) -> Iterator[Part]:
    """The parts of a text or a list of blocks.   Raises: RequestInvalid."""
    if type(content) is str:
        if content:
            yield Text(content)
        return
    if type(content) is not list:
        raise fields.wrong(place, content, "a text or a list of blocks")
    for n, block in enumerate(content):
        at = f"{place}[{n}]"
        yield _block(fields.mapping(block, at), f"{at}.")


def _block(body: Body, place: str) -> Part:
    kind = fields.text(body, "type", place)
    if kind == "text":
        return Text(fields.text(body, "text", place))
    if kind == "tool_use":
        return ToolCall(
            id=fields.text(body, "id", place),
            name=fields.text(body, "name", place),
            arguments=orjson.dumps(body.get("input") or {}).decode(),
        )
    if kind == "tool_result":
        return ToolResult(
            call_id=fields.text(body, "tool_use_id", place),
            content=_result_text(body, place),
            is_error=bool(fields.optional_flag(body, "is_error", place)),
        )
    if kind == "thinking":
        return Reasoning(
            text=fields.text(body, "thinking", place),
            signature=fields.optional_text(body, "signature", place) or None,
        )
    if kind == "image":
        return _image(body, place)
    return Other(kind=kind, data=body)


def _result_text(body: Body, place: str) -> str:
    content = body.get("content")
    if content is None:
        return ""
    parts = read_blocks(content, f"{place}content")
    return "".join(part.text for part in parts if isinstance(part, Text))


def _image(body: Body, place: str) -> Part:
    source = fields.optional_mapping(body, "source", place)
    if source is None:
        raise fields.missing(f"{place}source", "an object")
    at = f"{place}source."
    kind = fields.text(source, "type", at)
    if kind == "base64":
        return Image(
            data=fields.text(source, "data", at), media_type=fields.text(source, "media_type", at)
        )
    if kind == "url":
        return image_at(fields.text(source, "url", at))
    return Other(kind="image", data=body)  # a file of Anthropic's own store


def write_messages(messages: Iterable[Message], *, own: bool) -> tuple[object, list[Any]]:
    """The system, None where there is none, and the messages of a request.

    From another dialect, all of the system goes to the front, and messages of the same speaker
    that follow each other become one: results of tools must stand together with what follows them.

    Args: own: whether raw forms, and parts of other kinds, are Anthropic's.
    """
    system: list[Any] = []
    written: list[Any] = []
    for message in messages:
        raw = message.raw if own else None
        if message.role is Role.SYSTEM and (raw is None or _SYSTEM in raw):
            said = blocks_of(message.parts, own=own) if raw is None else raw[_SYSTEM]
            if said or raw is not None:
                system.append(said)
        elif raw is not None:
            written.append(raw)
        elif blocks := blocks_of(message.parts, own=own):
            _append(written, _speaker(message), blocks)
    if not system:
        return None, written
    first = system[0]
    return first if len(system) == 1 else [b for s in system for b in _as_blocks(s)], written


def _as_blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _speaker(message: Message) -> str:
    return "assistant" if message.role is Role.ASSISTANT else "user"


def _append(written: list[Any], role: str, blocks: list[Any]) -> None:
    last = written[-1] if written else None
    if last is not None and last["role"] == role:
        written[-1] = {**last, "content": [*_as_blocks(last["content"]), *blocks]}
    else:
        written.append({"role": role, "content": blocks})


def blocks_of(parts: Iterable[Part], *, own: bool) -> list[Any]:
    """The blocks of some parts; those without an equivalent, and empty texts, are left out.

    Args: own: whether parts of other kinds are Anthropic's.
    """
    return [block for part in parts if (block := _written(part, own=own)) is not None]


def _written(part: Part, *, own: bool) -> Any:  # noqa: PLR0911
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return call_block(part)
    if isinstance(part, ToolResult):
        block = {"type": "tool_result", "tool_use_id": part.call_id, "content": part.content}
        return {**block, "is_error": True} if part.is_error else block
    if isinstance(part, Reasoning):
        if part.signature is None:  # thoughts that nobody signed are refused
            return None
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, Image):
        source = {"type": "url", "url": part.url}
        if part.url is None:
            kind = part.media_type or "image/png"
            source = {"type": "base64", "media_type": kind, "data": part.data}
        return {"type": "image", "source": source}
    if part.kind == REFUSAL:
        return {"type": "text", "text": part.data.get(REFUSAL)}
    return part.data if own else None


def call_block(call: ToolCall) -> dict[str, Any]:
    """A call of a tool."""
    given = input_of(call.arguments)
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": given}


def input_of(arguments: str) -> dict[str, Any]:
    """Arguments as the object they must be here; what is none stands in one, as ``arguments``."""
    try:
        given = orjson.loads(arguments or "{}")
    except ValueError:
        given = arguments
    return given if isinstance(given, dict) else {"arguments": given}
