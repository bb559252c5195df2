"""Requests of OpenAI: whole in both directions, and wrong ones named."""

import copy

import msgspec
import pytest
from bodies import OPENAI_REQUESTS
from hypothesis import given

from seatrial.gateway.chat.messages import Image, Message, Other, Role, Text, ToolCall, said
from seatrial.gateway.chat.request import (
    ChatRequest,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.openai import read_request, write_request

HELLO = {"role": "user", "content": "hi"}
replaced = msgspec.structs.replace


def body(**more):
    return {"model": "m", "messages": [HELLO], **more}


@given(OPENAI_REQUESTS)
def test_what_was_read_is_written_as_it_was(given_body):
    before = copy.deepcopy(given_body)
    request = read_request(given_body)
    assert write_request(request, stream=request.stream) == before
    assert given_body == before


@given(OPENAI_REQUESTS)
def test_without_its_raw_form_a_request_reads_as_the_same(given_body):
    request = read_request(given_body)
    bare = replaced(
        request,
        raw=None,
        messages=tuple(replaced(m, raw=None) for m in request.messages),
        tools=tuple(replaced(t, raw=None) for t in request.tools),
    )
    again = read_request(write_request(bare, stream=bare.stream))
    for name in ("model", "temperature", "top_p", "seed", "stop", "n", "tool_choice", "user"):
        assert getattr(again, name) == getattr(request, name)
    assert again.max_tokens == request.max_tokens
    assert again.response_format == request.response_format
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert [m.text for m in again.messages] == [m.text for m in request.messages]
    assert [m.role for m in again.messages] == [m.role for m in request.messages]
    assert [m.tool_calls for m in again.messages] == [m.tool_calls for m in request.messages]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"model": "other"}, "model", "other"),
        ({"max_tokens": 5}, "max_completion_tokens", 5),
        ({"temperature": None}, "temperature", None),
        ({"stop": ("a",)}, "stop", ["a"]),
        ({"stop": ()}, "stop", None),
        ({"n": 2}, "n", 2),
        ({"tools": ()}, "tools", None),
        ({"tool_choice": ToolChoice(use=ToolUse.NONE)}, "tool_choice", "none"),
        (
            {"response_format": ResponseFormat(form=Format.JSON)},
            "response_format",
            {"type": "json_object"},
        ),
        ({"response_format": None}, "response_format", None),
        ({"user": "you"}, "user", "you"),
    ],
)
def test_what_was_changed_goes_out_changed_and_the_rest_as_it_was(change, field, value):
    given_body = body(
        max_completion_tokens=9,
        temperature=1,
        stop="end",
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="auto",
        response_format={"type": "text"},
        user="me",
        x_unknown=[1],
    )
    written = write_request(replaced(read_request(given_body), **change), stream=False)
    assert written.pop(field, None) == value
    given_body.pop(field, None)
    assert written == given_body


def test_a_changed_message_goes_out_changed_and_the_others_as_they_came():
    odd = {**HELLO, "x_odd": True}
    request = read_request(body(messages=[odd, {"role": "user", "content": "secret", "x": 1}]))
    masked = replaced(request.messages[1], parts=(Text("***"),), raw=None)
    written = write_request(replaced(request, messages=(request.messages[0], masked)), stream=False)
    assert written["messages"] == [odd, {"role": "user", "content": "***"}]


def test_a_stream_asks_for_its_usage():
    request = read_request(body(stream_options={"x": 1}))
    asked = write_request(request, stream=True)
    assert asked["stream"] is True
    assert asked["stream_options"] == {"x": 1, "include_usage": True}
    unasked = write_request(request, stream=True, asks_usage=False)
    assert "stream_options" not in unasked
    whole = write_request(read_request(body(stream=True)), stream=False)
    assert whole == body()


def test_the_bound_goes_by_the_name_the_server_knows():
    made = ChatRequest(model="m", messages=(said(Role.USER, "hi"),), max_tokens=7)
    assert write_request(made, stream=False)["max_completion_tokens"] == 7
    old = write_request(made, stream=False, max_tokens_field="max_tokens")
    assert (old["max_tokens"], "max_completion_tokens" in old) == (7, False)
    came = read_request(body(max_tokens=7))
    assert write_request(came, stream=False) == body(max_tokens=7)
    renamed = write_request(came, stream=False, max_tokens_field="max_completion_tokens")
    assert renamed == body(max_completion_tokens=7)
    less = write_request(replaced(came, max_tokens=3), stream=False)
    assert less == body(max_tokens=3)


def test_a_developer_is_a_system_to_servers_that_know_no_other():
    request = read_request(body(messages=[{"role": "developer", "content": "be kind"}]))
    assert request.messages[0].role is Role.SYSTEM
    written = write_request(request, stream=False, developer_role=False)
    assert written["messages"] == [{"role": "system", "content": "be kind"}]


def test_parts_are_read():
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://h/x.png"}},
        {"type": "input_audio", "input_audio": {"data": "A"}},
    ]
    message = read_request(body(messages=[{"role": "user", "content": parts}])).messages[0]
    assert message.parts == (
        Text("see"),
        Image(data="AAAA", media_type="image/png"),
        Image(url="https://h/x.png"),
        Other(kind="input_audio", data=parts[3]),
    )
    bare = ChatRequest(model="m", messages=(Message(role=Role.USER, parts=message.parts[:3]),))
    assert write_request(bare, stream=False)["messages"] == [{"role": "user", "content": parts[:3]}]


def test_a_function_of_the_old_kind_is_a_call_and_its_result():
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "1"}
    read = read_request(body(messages=[call, result])).messages
    assert read[0].parts == (ToolCall(id="f", name="f", arguments="{}"),)
    assert read[1].parts[0].call_id == "f"


def test_tools_made_here():
    tool = Tool(name="f", description="d", parameters={"type": "object"}, strict=True)
    choice = ToolChoice(use=ToolUse.REQUIRED, name="f")
    form = ResponseFormat(form=Format.SCHEMA, name="a", schema={"type": "object"}, strict=True)
    request = ChatRequest(
        model="m",
        messages=(said(Role.USER, "hi"),),
        tools=(tool,),
        tool_choice=choice,
        response_format=form,
    )
    written = write_request(request, stream=False)
    assert written == {
        "model": "m",
        "messages": [HELLO],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
        },
    }


@pytest.mark.parametrize(
    ("given_body", "place"),
    [
        ([], ""),
        ({"messages": [HELLO]}, "model"),
        (body(model=""), "model"),
        (body(model=5), "model"),
        (body(messages=[]), "messages"),
        (body(messages={}), "messages"),
        (body(messages=[HELLO, "hi"]), "messages[1]"),
        (body(messages=[{"content": "hi"}]), "messages[0].role"),
        (body(messages=[{"role": "robot", "content": "hi"}]), "messages[0].role"),
        (body(messages=[{"role": ["user"], "content": "hi"}]), "messages[0].role"),
        (body(messages=[{"role": "user"}]), "messages[0].content"),
        (body(messages=[{"role": "user", "content": 3}]), "messages[0].content"),
        (body(messages=[{"role": "user", "content": ["a"]}]), "messages[0].content[0]"),
        (body(messages=[{"role": "user", "content": [{}]}]), "messages[0].content[0].type"),
        (
            body(messages=[{"role": "user", "content": [{"type": "text", "text": 1}]}]),
            "messages[0].content[0].text",
        ),
        (
            body(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
            "messages[0].content[0].image_url",
        ),
        (body(messages=[{"role": "tool", "content": "x"}]), "messages[0].tool_call_id"),
        (
            body(messages=[{"role": "assistant", "tool_calls": [{"function": {}}]}]),
            "messages[0].tool_calls[0].function.name",
        ),
        (body(max_tokens=0), "max_tokens"),
        (body(max_completion_tokens="9"), "max_completion_tokens"),
        (body(temperature="hot"), "temperature"),
        (body(temperature=True), "temperature"),
        (body(seed=1.5), "seed"),
        (body(stop=3), "stop"),
        (body(stop=["a", 1]), "stop[1]"),
        (body(n=0), "n"),
        (body(n=True), "n"),
        (body(stream="yes"), "stream"),
        (body(stream_options={"include_usage": 1}), "stream_options.include_usage"),
        (body(tools={}), "tools"),
        (body(tools=[{"type": "function"}]), "tools[0].function"),
        (body(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
        (body(tool_choice="must"), "tool_choice"),
        (body(tool_choice={"type": "function"}), "tool_choice.function"),
        (body(response_format="json"), "response_format"),
        (body(response_format={"type": "json_schema"}), "response_format.json_schema"),
        (body(user=5), "user"),
    ],
)
def test_what_is_wrong_is_named(given_body, place):
    with pytest.raises(RequestInvalid) as failed:
        read_request(given_body)
    assert failed.value.facts["place"] == place
    assert (place or "The body") in failed.value.problem
    assert failed.value.code == "gateway.request_invalid"


def test_a_long_value_is_not_repeated_whole():
    with pytest.raises(RequestInvalid) as failed:
        read_request(body(user=["x" * 10_000]))
    assert len(failed.value.problem) < 200
