"""Requests of Anthropic: whole in both directions, and wrong ones named."""

import copy

import msgspec
import pytest
from bodies import ANTHROPIC_REQUESTS
from hypothesis import given

from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Other,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    said,
)
from seatrial.gateway.chat.request import (
    ChatRequest,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.dialects.anthropic import DEFAULT_MAX_TOKENS, read_request, write_request
from seatrial.gateway.dialects.fields import RequestInvalid

HELLO = {"role": "user", "content": "hi"}
replaced = msgspec.structs.replace


def body(**more):
    return {"model": "m", "max_tokens": 9, "messages": [HELLO], **more}


@given(ANTHROPIC_REQUESTS)
def test_what_was_read_is_written_as_it_was(given_body):
    before = copy.deepcopy(given_body)
    request = read_request(given_body)
    written = write_request(request, stream=request.stream)
    if before.get("stream") is False:
        assert written.pop("stream", False) is False
        del before["stream"]
    assert written == before


@given(ANTHROPIC_REQUESTS)
def test_without_its_raw_form_a_request_reads_as_the_same(given_body):
    request = read_request(given_body)
    bare = replaced(
        request,
        raw=None,
        temperature=None,
        messages=tuple(replaced(m, raw=None) for m in request.messages),
        tools=tuple(replaced(t, raw=None) for t in request.tools),
    )
    again = read_request({**write_request(bare, stream=False), "messages": [HELLO]})
    for name in ("model", "max_tokens", "top_p", "stop", "tool_choice", "user"):
        assert getattr(again, name) == getattr(request, name)
    assert again.response_format == request.response_format
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"model": "other"}, "model", "other"),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"temperature": None}, "temperature", None),
        ({"stop": ("a",)}, "stop_sequences", ["a"]),
        ({"tools": ()}, "tools", None),
        ({"tool_choice": ToolChoice(use=ToolUse.NONE)}, "tool_choice", {"type": "none"}),
        (
            {"parallel_tool_calls": False},
            "tool_choice",
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
        ({"response_format": None}, "output_config", {"effort": "low"}),
        ({"user": "you"}, "metadata", {"x": 1, "user_id": "you"}),
        ({"user": None}, "metadata", {"x": 1}),
    ],
)
def test_what_was_changed_goes_out_changed_and_the_rest_as_it_was(change, field, value):
    given_body = body(
        system="be kind",
        temperature=1,
        stop_sequences=["end"],
        tools=[{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}}],
        tool_choice={"type": "auto"},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {}}},
        metadata={"user_id": "me", "x": 1},
        thinking={"type": "enabled", "budget_tokens": 2048},
    )
    written = write_request(replaced(read_request(given_body), **change), stream=False)
    assert written.pop(field, None) == value
    given_body.pop(field, None)
    assert written == given_body


def test_a_changed_system_goes_out_changed():
    request = read_request(body(system="the secret"))
    masked = replaced(request.messages[0], parts=(Text("the ***"),), raw=None)
    changed = replaced(request, messages=(masked, *request.messages[1:]))
    assert write_request(changed, stream=False) == body(
        system=[{"type": "text", "text": "the ***"}]
    )
    without = replaced(request, messages=request.messages[1:])
    assert write_request(without, stream=False) == body()


def test_blocks_are_read():
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
        {"type": "redacted_thinking", "data": "zzz"},
    ]
    result = [
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}],
            "is_error": True,
        },
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0"}},
        {"type": "image", "source": {"type": "url", "url": "https://h/i"}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
    ]
    messages = [{"role": "assistant", "content": blocks}, {"role": "user", "content": result}]
    read = read_request(body(messages=messages, system="kind")).messages
    assert [message.role for message in read] == [Role.SYSTEM, Role.ASSISTANT, Role.USER]
    assert read[1].parts == (
        Reasoning(text="hm", signature="s"),
        Text("so"),
        ToolCall(id="t1", name="f", arguments='{"x":1}'),
        Other(kind="redacted_thinking", data=blocks[3]),
    )
    assert read[2].parts == (
        ToolResult(call_id="t1", content="42", is_error=True),
        Image(data="R0", media_type="image/gif"),
        Image(url="https://h/i"),
        Other(kind="image", data=result[3]),
    )


def test_what_was_made_here():
    request = ChatRequest(
        model="m",
        messages=(
            said(Role.SYSTEM, "be kind"),
            said(Role.USER, "hi"),
            Message(
                role=Role.ASSISTANT,
                parts=(
                    Reasoning(text="unsigned"),
                    Reasoning(text="hm", signature="s"),
                    ToolCall(id="a", name="f", arguments='{"x":1}'),
                    ToolCall(id="b", name="f", arguments=""),
                    ToolCall(id="c", name="f", arguments="{broken"),
                ),
            ),
            Message(role=Role.TOOL, parts=(ToolResult(call_id="a", content="1"),)),
            Message(role=Role.TOOL, parts=(ToolResult(call_id="b", content="2", is_error=True),)),
            said(Role.USER, "and?"),
            said(Role.SYSTEM, "be brief"),
        ),
        temperature=1.7,
        stop=("end",),
        tools=(Tool(name="f", parameters={"type": "object"}, strict=True), Tool(name="g")),
        tool_choice=ToolChoice(use=ToolUse.REQUIRED, name="f"),
        parallel_tool_calls=False,
        response_format=ResponseFormat(form=Format.SCHEMA, schema={"type": "object"}),
        user="me",
    )
    assert write_request(request, stream=True) == {
        "model": "m",
        "system": [{"type": "text", "text": "be kind"}, {"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                    {"type": "tool_use", "id": "b", "name": "f", "input": {}},
                    {
                        "type": "tool_use",
                        "id": "c",
                        "name": "f",
                        "input": {"arguments": "{broken"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                    {"type": "tool_result", "tool_use_id": "b", "content": "2", "is_error": True},
                    {"type": "text", "text": "and?"},
                ],
            },
        ],
        "max_tokens": DEFAULT_MAX_TOKENS,
        "temperature": 1.0,
        "stop_sequences": ["end"],
        "tools": [
            {"name": "f", "input_schema": {"type": "object"}, "strict": True},
            {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "metadata": {"user_id": "me"},
        "stream": True,
    }


@pytest.mark.parametrize(
    ("given_body", "place"),
    [
        ("hi", ""),
        ({"model": "m", "messages": [HELLO]}, "max_tokens"),
        (body(max_tokens=0), "max_tokens"),
        (body(model=None), "model"),
        (body(messages=None), "messages"),
        (body(messages=[3]), "messages[0]"),
        (body(messages=[{"role": "tool", "content": "hi"}]), "messages[0].role"),
        (body(messages=[{"role": "user"}]), "messages[0].content"),
        (body(messages=[{"role": "user", "content": 3}]), "messages[0].content"),
        (body(messages=[{"role": "user", "content": ["x"]}]), "messages[0].content[0]"),
        (
            body(messages=[{"role": "user", "content": [{"type": "tool_result"}]}]),
            "messages[0].content[0].tool_use_id",
        ),
        (
            body(messages=[{"role": "user", "content": [{"type": "image"}]}]),
            "messages[0].content[0].source",
        ),
        (
            body(messages=[{"role": "assistant", "content": [{"type": "tool_use", "id": "x"}]}]),
            "messages[0].content[0].name",
        ),
        (body(system=5), "system"),
        (body(system=[{"type": "text"}]), "system[0].text"),
        (body(stop_sequences="x"), "stop_sequences"),
        (body(tools=[5]), "tools[0]"),
        (body(tools=[{"input_schema": {}}]), "tools[0].type"),
        (body(tool_choice="auto"), "tool_choice"),
        (body(tool_choice={"type": "tool"}), "tool_choice.name"),
        (body(output_config={"format": "json"}), "output_config.format"),
        (body(metadata={"user_id": 7}), "metadata.user_id"),
        (body(stream=1), "stream"),
    ],
)
def test_what_is_wrong_is_named(given_body, place):
    with pytest.raises(RequestInvalid) as failed:
        read_request(given_body)
    assert failed.value.facts["place"] == place
