"""Requests as OpenAI's chat completions write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from seatrial.gateway.chat.request import (
    ChatRequest,
    DialectName,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.openai_messages import read_messages, write_messages

MaxTokensField: TypeAlias = Literal["max_tokens", "max_completion_tokens"]

READ = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "n",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "stream",
        "stream_options",
        "user",
    }
)
"""The fields of a request that are read; all others pass through."""

_COMMON = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream", "user"}
)
_RARE = READ - _COMMON
"""Fields that most requests are without, which are then not looked for one by one."""


def read_request(body: object) -> ChatRequest:
    """A request as a client of OpenAI sends it.

    Args: body: as JSON gave it; it is kept, not copied, and must not be changed afterwards.
    Raises: RequestInvalid: a field that is read is missing or of the wrong kind.
    """
    given = fields.mapping(body, "")
    if _RARE.isdisjoint(given):
        return ChatRequest(
            model=fields.named(given, "model"),
            messages=read_messages(given),
            max_tokens=_max_tokens(given),
            temperature=fields.optional_number(given, "temperature"),
            stream=bool(fields.optional_flag(given, "stream")),
            user=fields.optional_text(given, "user"),
            dialect=DialectName.OPENAI,
            raw=given,
        )
    options = fields.optional_mapping(given, "stream_options")
    return ChatRequest(
        model=fields.named(given, "model"),
        messages=read_messages(given),
        max_tokens=_max_tokens(given),
        temperature=fields.optional_number(given, "temperature"),
        top_p=fields.optional_number(given, "top_p"),
        seed=_seed(given),
        stop=_stop(given),
        n=fields.optional_count(given, "n") or 1,
        tools=_tools(given),
        tool_choice=_tool_choice(given),
        parallel_tool_calls=fields.optional_flag(given, "parallel_tool_calls"),
        response_format=_response_format(given),
        stream=bool(fields.optional_flag(given, "stream")),
        include_usage=bool(
            options and fields.optional_flag(options, "include_usage", "stream_options.")
        ),
        user=fields.optional_text(given, "user"),
        dialect=DialectName.OPENAI,
        raw=given,
    )


def _max_tokens(body: Body) -> int | None:
    newer = fields.optional_count(body, "max_completion_tokens")
    older = fields.optional_count(body, "max_tokens")
    return older if newer is None else newer


def _seed(body: Body) -> int | None:
    value = body.get("seed")
    if value is None or type(value) is int:
        return value
    raise fields.wrong("seed", value, "a whole number")


def _stop(body: Body) -> tuple[str, ...]:
    value = body.get("stop")
    if type(value) is str:
        return (value,)
    return fields.texts(body, "stop")


def _tools(body: Body) -> tuple[Tool, ...]:
    return tuple(
        _tool(fields.mapping(tool, f"tools[{n}]"), f"tools[{n}].")
        for n, tool in enumerate(fields.listed(body, "tools"))
    )


def _tool(body: Body, place: str) -> Tool:
    kind = fields.text(body, "type", place)
    if kind != "function":
        own = body.get(kind)
        name = own.get("name") if type(own) is dict else None
        return Tool(name=name if type(name) is str else kind, raw=body)
    function = fields.optional_mapping(body, "function", place)
    if function is None:
        raise fields.missing(f"{place}function", "an object")
    at = f"{place}function."
    return Tool(
        name=fields.named(function, "name", at),
        description=fields.optional_text(function, "description", at),
        parameters=fields.optional_mapping(function, "parameters", at),
        strict=fields.optional_flag(function, "strict", at),
        raw=body,
    )


def _tool_choice(body: Body) -> ToolChoice | None:
    """None for kinds that are not read, which pass through."""
    value = body.get("tool_choice")
    if value is None:
        return None
    if type(value) is str:
        if value not in tuple(ToolUse):
            raise fields.wrong("tool_choice", value, f"one of {', '.join(ToolUse)}")
        return ToolChoice(use=ToolUse(value))
    choice = fields.mapping(value, "tool_choice")
    if choice.get("type") != "function":
        return None
    function = fields.optional_mapping(choice, "function", "tool_choice.")
    if function is None:
        raise fields.missing("tool_choice.function", "an object")
    name = fields.named(function, "name", "tool_choice.function.")
    return ToolChoice(use=ToolUse.REQUIRED, name=name)


def _response_format(body: Body) -> ResponseFormat | None:
    """None for kinds that are not read, such as grammars, which pass through."""
    given = fields.optional_mapping(body, "response_format")
    if given is None:
        return None
    kind = fields.text(given, "type", "response_format.")
    if kind == "text":
        return ResponseFormat(form=Format.TEXT)
    if kind == "json_object":
        return ResponseFormat(form=Format.JSON)
    if kind != "json_schema":
        return None
    place = "response_format.json_schema"
    form = fields.optional_mapping(given, "json_schema", "response_format.")
    if form is None:
        raise fields.missing(place, "an object")
    place += "."
    return ResponseFormat(
        form=Format.SCHEMA,
        name=fields.optional_text(form, "name", place) or "answer",
        schema=fields.optional_mapping(form, "schema", place) or {},
        strict=fields.optional_flag(form, "strict", place),
        description=fields.optional_text(form, "description", place),
    )


def write_request(
    request: ChatRequest,
    *,
    stream: bool,
    asks_usage: bool = True,
    max_tokens_field: MaxTokensField | None = None,
    developer_role: bool = True,
) -> dict[str, Any]:
    """The body for a provider.

    Args:
        stream: whether the answer shall come in pieces, whatever the caller wants.
        asks_usage: whether a stream shall end with its usage; False for servers that refuse the
            question, which then are not asked even where the caller did.
        max_tokens_field: the only name the server knows for the bound; None leaves the name the
            caller used, and takes ``max_completion_tokens`` where it is ours.
        developer_role: False for servers that know the role ``system`` only.
    """
    own = request.dialect is DialectName.OPENAI and request.raw is not None
    body: dict[str, Any] = dict(request.raw) if own and request.raw is not None else {}
    body["model"] = request.model
    body["messages"] = write_messages(request.messages, own=own)
    if not developer_role:
        body["messages"] = [_as_system(message) for message in body["messages"]]
    _put_max_tokens(body, request.max_tokens, max_tokens_field)
    if request.temperature != body.get("temperature"):
        _put(body, "temperature", request.temperature)
    if request.user != body.get("user"):
        _put(body, "user", request.user)
    if not (_RARE.isdisjoint(body) and _asks_nothing_rare(request)):
        _put_rare(body, request, own=own)
    _put_stream(body, stream=stream, asks_usage=asks_usage)
    return body


def _asks_nothing_rare(request: ChatRequest) -> bool:
    return (
        request.response_format is None
        and not request.tools
        and request.tool_choice is None
        and request.parallel_tool_calls is None
        and request.top_p is None
        and request.seed is None
        and request.n == 1
        and not request.stop
    )


def _put_rare(body: dict[str, Any], request: ChatRequest, *, own: bool) -> None:
    for name, value in (
        ("top_p", request.top_p),
        ("seed", request.seed),
        ("parallel_tool_calls", request.parallel_tool_calls),
    ):
        if value != body.get(name):
            _put(body, name, value)
    if request.n != (body.get("n") or 1):
        body["n"] = request.n
    if request.stop != _stop(body):
        _put(body, "stop", list(request.stop) or None)
    if request.tools:
        body["tools"] = write_tools(request.tools, own=own)
    elif body.get("tools"):
        del body["tools"]
    if request.tool_choice != _tool_choice(body):
        _put(body, "tool_choice", _written_choice(request.tool_choice))
    if request.response_format != _response_format(body):
        _put(body, "response_format", _written_format(request.response_format))


def _put(body: dict[str, Any], name: str, value: object) -> None:
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


def _as_system(message: Any) -> Any:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _told_max_tokens(body: dict[str, Any]) -> Any:
    newer = body.get("max_completion_tokens")
    return body.get("max_tokens") if newer is None else newer


def _put_max_tokens(body: dict[str, Any], most: int | None, field: MaxTokensField | None) -> None:
    if field is None and most is not None and most == _told_max_tokens(body):
        return
    names: tuple[MaxTokensField, ...] = ("max_completion_tokens", "max_tokens")
    given = [name for name in names if body.get(name) is not None]
    if field is None:
        field = given[0] if given else "max_completion_tokens"
    if most is not None or given:
        for name in given:
            del body[name]
        _put(body, field, most)


def _put_stream(body: dict[str, Any], *, stream: bool, asks_usage: bool) -> None:
    if not stream:
        if body.get("stream"):
            del body["stream"]
        body.pop("stream_options", None)
        return
    body["stream"] = True
    if asks_usage:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    else:
        body.pop("stream_options", None)


def write_tools(tools: Iterable[Tool], *, own: bool) -> list[Any]:
    """Tools as they came, or functions; kinds of another dialect's own are left out."""
    written: list[Any] = []
    for tool in tools:
        if own and tool.raw is not None:
            written.append(tool.raw)
        elif own or is_function(tool):
            function: dict[str, Any] = {"name": tool.name}
            _put(function, "description", tool.description)
            _put(function, "parameters", tool.parameters)
            _put(function, "strict", tool.strict)
            written.append({"type": "function", "function": function})
    return written


def is_function(tool: Tool) -> bool:
    """Whether a tool is one that the caller runs, and not one of its vendor's own kinds."""
    if tool.raw is None:
        return True
    kind = tool.raw.get("type") or "custom"
    # At Anthropic "custom" is the usual kind; at OpenAI it is one that takes free text.
    return kind == "function" or (kind == "custom" and "custom" not in tool.raw)


def _written_choice(choice: ToolChoice | None) -> object:
    if choice is None:
        return None
    if choice.name is not None:
        return {"type": "function", "function": {"name": choice.name}}
    return str(choice.use)


def _written_format(form: ResponseFormat | None) -> dict[str, Any] | None:
    if form is None:
        return None
    if form.form is Format.TEXT:
        return {"type": "text"}
    if form.form is Format.JSON:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": form.name, "schema": form.schema or {}}
    _put(schema, "strict", form.strict)
    _put(schema, "description", form.description)
    return {"type": "json_schema", "json_schema": schema}
