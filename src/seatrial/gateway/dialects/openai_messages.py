"""Messages as OpenAI's chat completions write them."""

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

REFUSAL = "refusal"
"""The kind of an `Other` that holds what a model says instead of an answer."""

_PLAIN = frozenset({"role", "content", "name", "annotations", REFUSAL})
"""Fields of an answer that is a text."""

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def read_messages(body: Body) -> tuple[Message, ...]:
    """All messages of a request.   Raises: RequestInvalid."""
    given = fields.filled(body, "messages")
    return tuple(
        [read_message(message, fields.within("messages", n)) for n, message in enumerate(given)]
    )


def read_message(given: object, place: str) -> Message:
    """One message.

    Args: place: where it stands, with a dot at the end.
    Raises: RequestInvalid.
    """
    if type(given) is not dict:
        raise fields.wrong(place.removesuffix("."), given, "an object")
    body: Body = given
    said = body.get("role")
    role = _ROLES.get(said) if type(said) is str else None
    if role is None:
        if said is None:
            raise fields.missing(f"{place}role", "a role")
        raise fields.wrong(f"{place}role", said, f"one of {', '.join(_ROLES)}")
    if role is Role.ASSISTANT:
        parts = read_answer(body, place)
    elif role is Role.TOOL:
        parts = (_result(body, place),)
    else:
        parts = _content(body, place)
        if not parts and body.get("content") is None:
            raise fields.missing(f"{place}content", "a text or a list of parts")
    if "name" not in body:  # as most are
        return Message(role=role, parts=parts, raw=body)
    return Message(role=role, parts=parts, name=fields.optional_text(body, "name", place), raw=body)


def _result(body: Body, place: str) -> ToolResult:
    # A message of the old role "function" has the name of what was called in place of an id.
    by = "name" if body["role"] == "function" else "tool_call_id"
    said = "".join(p.text for p in _content(body, place) if isinstance(p, Text))
    return ToolResult(call_id=fields.text(body, by, place), content=said)


def read_answer(body: Body, place: str) -> tuple[Part, ...]:
    """The parts of what a model said: thoughts, text, refusal, calls of tools."""
    if _PLAIN.issuperset(body) and body.get(REFUSAL) is None:
        return _content(body, place)
    parts: list[Part] = []
    thought = body.get("reasoning_content") or body.get("reasoning")
    if type(thought) is str and thought:
        parts.append(Reasoning(text=thought))
    parts.extend(_content(body, place))
    if refusal := fields.optional_text(body, "refusal", place):
        parts.append(Other(kind=REFUSAL, data={"type": REFUSAL, REFUSAL: refusal}))
    for n, call in enumerate(fields.listed(body, "tool_calls", place)):
        at = f"{place}tool_calls[{n}]"
        parts.append(_call(fields.mapping(call, at), f"{at}."))
    if called := fields.optional_mapping(body, "function_call", place):
        name = fields.text(called, "name", f"{place}function_call.")
        parts.append(ToolCall(id=name, name=name, arguments=arguments_of(called)))
    if audio := fields.optional_mapping(body, "audio", place):
        parts.append(Other(kind="audio", data=audio))
    return tuple(parts)


def _call(body: Body, place: str) -> Part:
    function = fields.optional_mapping(body, "function", place)
    if function is None:
        return Other(kind=fields.text(body, "type", place), data=body)
    return ToolCall(
        id=fields.optional_text(body, "id", place) or "",
        name=fields.text(function, "name", f"{place}function."),
        arguments=arguments_of(function),
    )


def arguments_of(function: Body) -> str:
    """As text; some servers give them as an object."""
    given = function.get("arguments")
    if type(given) is str:
        return given
    return "" if given is None else orjson.dumps(given).decode()


def _content(body: Body, place: str) -> tuple[Part, ...]:
    content = body.get("content")
    if type(content) is str:
        return (Text(content),) if content else ()
    return tuple(
        [
            _part(fields.mapping(part, at := f"{place}content[{n}]"), f"{at}.")
            for n, part in enumerate(_parts(content, place))
        ]
    )


def _parts(content: object, place: str) -> Iterable[object]:
    if content is None:
        return ()
    if type(content) is list:
        return content
    raise fields.wrong(f"{place}content", content, "a text or a list of parts")


def _part(body: Body, place: str) -> Part:
    kind = fields.text(body, "type", place)
    if kind == "text":
        return Text(fields.text(body, "text", place))
    if kind == "image_url":
        image = fields.optional_mapping(body, "image_url", place)
        if image is None:
            raise fields.missing(f"{place}image_url", "an object")
        return image_at(fields.text(image, "url", f"{place}image_url."))
    return Other(kind=kind, data=body)


def image_at(url: str) -> Image:
    """An image by its address, which may be its bytes."""
    if url.startswith("data:"):
        head, comma, data = url.partition(",")
        kind, _, coding = head.removeprefix("data:").partition(";")
        if comma and coding == "base64":
            return Image(data=data, media_type=kind or None)
    return Image(url=url)


def address_of(image: Image) -> str:
    """The address of an image, its bytes where it has none."""
    return image.url or f"data:{image.media_type or 'image/png'};base64,{image.data}"


def write_messages(messages: Iterable[Message], *, own: bool) -> list[Any]:
    """The messages of a request.

    Args: own: whether their raw forms, and their parts of other kinds, are OpenAI's.
    """
    written: list[Any] = []
    for message in messages:
        if own and message.raw is not None:
            written.append(message.raw)
        else:
            written.extend(_message(message, own=own))
    return written


def _message(message: Message, *, own: bool) -> Iterator[dict[str, Any]]:
    rest: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
        else:
            rest.append(part)
    if message.role is Role.TOOL:
        return
    if message.role is Role.ASSISTANT:
        yield _named(message, answer_body(rest, with_reasoning=False))
    elif rest or not message.parts:
        yield _named(message, {"role": str(message.role), "content": _written(rest, own=own)})


def _named(message: Message, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "name": message.name} if message.name else body


def _written(parts: list[Part], *, own: bool) -> str | list[Any]:
    if all(isinstance(part, Text) for part in parts) and len(parts) <= 1:
        return "".join(part.text for part in parts if isinstance(part, Text))
    written: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            written.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            written.append({"type": "image_url", "image_url": {"url": address_of(part)}})
        elif isinstance(part, Other) and own:
            written.append(part.data)
    return written


def answer_body(parts: Iterable[Part], *, with_reasoning: bool) -> dict[str, Any]:
    """The message of a model, from its parts.

    Args: with_reasoning: whether thoughts are told: in replies; requests have no place for them.
    """
    said: list[str] = []
    calls: list[dict[str, Any]] = []
    body: dict[str, Any] = {"role": "assistant", "content": None}
    for part in parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(call_body(part))
        elif isinstance(part, Reasoning) and with_reasoning and part.text:
            body["reasoning_content"] = body.get("reasoning_content", "") + part.text
        elif isinstance(part, Other) and part.kind == REFUSAL:
            body[REFUSAL] = part.data.get(REFUSAL)
    if said or not (calls or REFUSAL in body):
        body["content"] = "".join(said)
    if calls:
        body["tool_calls"] = calls
    return body


def call_body(call: ToolCall) -> dict[str, Any]:
    """A call of a tool."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
