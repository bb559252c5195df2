"""Requests as Anthropic's messages write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
from seatrial.gateway.dialects.anthropic_messages import read_messages, write_messages
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.openai import is_function

DEFAULT_MAX_TOKENS = 4096
"""The bound of an answer for which none was asked: Anthropic must have one, and every model of
theirs that is served takes this one."""

READ = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "temperature",
        "top_p",
        "stop_sequences",
        "tools",
        "tool_choice",
        "output_config",
        "output_format",
        "stream",
        "metadata",
    }
)
"""The fields of a request that are read; all others pass through."""

_USES = {"auto": ToolUse.AUTO, "any": ToolUse.REQUIRED, "none": ToolUse.NONE}
_WRITTEN_USES = {use: word for word, use in _USES.items()}


def read_request(body: object) -> ChatRequest:
    """A request as a client of Anthropic sends it.

    Args: body: as JSON gave it; it is kept, not copied, and must not be changed afterwards.
    Raises: RequestInvalid: a field that is read is missing or of the wrong kind.
    """
    given = fields.mapping(body, "")
    most = fields.optional_count(given, "max_tokens")
    if most is None:
        raise fields.missing("max_tokens", "a whole number of at least 1")
    metadata = fields.optional_mapping(given, "metadata")
    stream = bool(fields.optional_flag(given, "stream"))
    return ChatRequest(
        model=fields.named(given, "model"),
        messages=read_messages(given),
        max_tokens=most,
        temperature=fields.optional_number(given, "temperature"),
        top_p=fields.optional_number(given, "top_p"),
        stop=fields.texts(given, "stop_sequences"),
        tools=_tools(given),
        tool_choice=_tool_choice(given),
        parallel_tool_calls=_parallel(given),
        response_format=_response_format(given),
        stream=stream,
        include_usage=stream,
        user=fields.optional_text(metadata, "user_id", "metadata.") if metadata else None,
        dialect=DialectName.ANTHROPIC,
        raw=given,
    )


def _tools(body: Body) -> tuple[Tool, ...]:
    return tuple(
        _tool(fields.mapping(tool, f"tools[{n}]"), f"tools[{n}].")
        for n, tool in enumerate(fields.listed(body, "tools"))
    )


def _tool(body: Body, place: str) -> Tool:
    return Tool(
        name=fields.optional_text(body, "name", place) or fields.text(body, "type", place),
        description=fields.optional_text(body, "description", place),
        parameters=fields.optional_mapping(body, "input_schema", place),
        strict=fields.optional_flag(body, "strict", place),
        raw=body,
    )


def _tool_choice(body: Body) -> ToolChoice | None:
    """None for kinds that are not read, which pass through."""
    choice = fields.optional_mapping(body, "tool_choice")
    if choice is None:
        return None
    kind = fields.text(choice, "type", "tool_choice.")
    if kind == "tool":
        name = fields.named(choice, "name", "tool_choice.")
        return ToolChoice(use=ToolUse.REQUIRED, name=name)
    return ToolChoice(use=_USES[kind]) if kind in _USES else None


def _parallel(body: Body) -> bool | None:
    choice = fields.optional_mapping(body, "tool_choice")
    alone = choice and fields.optional_flag(choice, "disable_parallel_tool_use", "tool_choice.")
    return None if alone is None or choice is None else not alone


def _response_format(body: Body) -> ResponseFormat | None:
    """Under ``output_config``, or where it stood in the beta."""
    config = fields.optional_mapping(body, "output_config")
    place = "output_config.format."
    form = fields.optional_mapping(config, "format", "output_config.") if config else None
    if form is None:
        form, place = fields.optional_mapping(body, "output_format"), "output_format."
    if not form or form.get("type") != "json_schema":
        return None
    schema = fields.optional_mapping(form, "schema", place)
    return ResponseFormat(form=Format.SCHEMA, schema=schema or {}, strict=True)


def write_request(
    request: ChatRequest, *, stream: bool, default_max_tokens: int = DEFAULT_MAX_TOKENS
) -> dict[str, Any]:
    """The body for a provider.

    Without an equivalent, and left out: ``seed``, JSON without a schema; ``n`` must be 1. A
    temperature over 1, which OpenAI allows, becomes 1.

    Args:
        stream: whether the answer shall come in pieces, whatever the caller wants.
        default_max_tokens: the bound of the answer where the request has none, >= 1.
    """
    own = request.dialect is DialectName.ANTHROPIC and request.raw is not None
    body: dict[str, Any] = dict(request.raw) if own and request.raw is not None else {}
    system, messages = write_messages(request.messages, own=own)
    body["model"] = request.model
    if system is not None or body.get("system") is not None:
        _put(body, "system", system)
    body["messages"] = messages
    body["max_tokens"] = request.max_tokens or default_max_tokens
    heat = request.temperature
    if heat is not None and not own:
        heat = min(heat, 1.0)
    for name, value in (("temperature", heat), ("top_p", request.top_p)):
        if value != body.get(name):
            _put(body, name, value)
    if request.stop != fields.texts(body, "stop_sequences"):
        _put(body, "stop_sequences", list(request.stop) or None)
    if request.tools:
        body["tools"] = write_tools(request.tools, own=own)
    elif body.get("tools"):
        del body["tools"]
    _put_choice(body, request)
    _put_format(body, request.response_format)
    _put_user(body, request.user)
    if stream:
        body["stream"] = True
    elif body.get("stream"):
        del body["stream"]
    return body


def _put(body: dict[str, Any], name: str, value: object) -> None:
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


def write_tools(tools: Iterable[Tool], *, own: bool) -> list[Any]:
    """Tools as they came, or functions; kinds of another dialect's own are left out."""
    written: list[Any] = []
    for tool in tools:
        if own and tool.raw is not None:
            written.append(tool.raw)
        elif own or is_function(tool):
            schema = tool.parameters or {"type": "object", "properties": {}}
            body: dict[str, Any] = {"name": tool.name, "input_schema": schema}
            _put(body, "description", tool.description)
            _put(body, "strict", tool.strict)
            written.append(body)
    return written


def _put_choice(body: dict[str, Any], request: ChatRequest) -> None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice == _tool_choice(body) and parallel == _parallel(body):
        return
    if choice is None and parallel is not None and request.tools:
        choice = ToolChoice(use=ToolUse.AUTO)
    if choice is None:
        body.pop("tool_choice", None)
        return
    word = _WRITTEN_USES[choice.use] if choice.name is None else "tool"
    written: dict[str, Any] = {"type": word}
    _put(written, "name", choice.name)
    if parallel is not None and choice.use is not ToolUse.NONE:
        written["disable_parallel_tool_use"] = not parallel
    body["tool_choice"] = written


def _put_format(body: dict[str, Any], form: ResponseFormat | None) -> None:
    if form == _response_format(body):
        return
    config = dict(body.get("output_config") or {})
    config.pop("format", None)
    body.pop("output_format", None)
    if form is not None and form.form is Format.SCHEMA:
        config["format"] = {"type": "json_schema", "schema": form.schema or {}}
    _put(body, "output_config", config or None)


def _put_user(body: dict[str, Any], user: str | None) -> None:
    metadata = body.get("metadata") or {}
    if user != metadata.get("user_id"):
        metadata = {name: value for name, value in metadata.items() if name != "user_id"}
        _put(metadata, "user_id", user)
        _put(body, "metadata", metadata or None)
