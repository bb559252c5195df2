"""Equal requests have one key; whatever can change an answer makes another."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Reasoning, Role, Text, said
from seatrial.gateway.chat.request import (
    ChatRequest,
    DialectName,
    EmbeddingRequest,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.policies.answer_key import chat_key, embedding_key

BODY: dict[str, Any] = {
    "model": "small",
    "temperature": 0,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?", "cache_control": {"type": "ephemeral"}},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "x": {"a": 1, "b": 2}}}],
    "stream_options": {"include_usage": True},
    "stream": True,
    "user": "ana",
    "num_ctx": 4096,
}


def request(body: dict[str, Any] = BODY, **changes: Any) -> ChatRequest:
    """As a dialect reads a body."""
    read = ChatRequest(
        model=body["model"],
        temperature=body["temperature"],
        messages=tuple(
            Message(role=Role(one["role"]), parts=(Text(one["content"]),), raw=one)
            for one in body["messages"]
        ),
        tools=tuple(Tool(name=one["function"]["name"], raw=one) for one in body["tools"]),
        stream=body.get("stream", False),
        user=body.get("user"),
        dialect=DialectName.OPENAI,
        raw=body,
    )
    return msgspec.structs.replace(read, **changes)


def key(asked: ChatRequest, tenant: str = "", route: str = "r") -> str:
    found = chat_key(asked, tenant=tenant, route=route)
    assert found is not None
    return found


def changed(path: list[str | int], value: object) -> dict[str, Any]:
    """The body with one value set."""
    body = json.loads(json.dumps(BODY))
    *way, last = path
    place: Any = body
    for step in way:
        place = place[step]
    place[last] = value
    return body


def shuffled(value: object, draw: Any) -> object:
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(value[name], draw) for name in names}
    if isinstance(value, list):
        return [shuffled(one, draw) for one in value]
    return value


@given(st.data())
def test_the_order_of_keys_changes_nothing(data):
    body = shuffled(BODY, data.draw)
    assert isinstance(body, dict)
    assert key(request(body)) == key(request())


@pytest.mark.parametrize(
    "body",
    [
        {name: value for name, value in BODY.items() if name != "stream"},
        {name: value for name, value in BODY.items() if name != "stream_options"},
        {name: value for name, value in BODY.items() if name != "user"},
        changed(["stream"], False),
        changed(["stream_options", "include_usage"], False),
        changed(["user"], "bob"),
    ],
)
def test_how_it_is_given_and_to_whom_changes_nothing(body):
    assert key(request(body)) == key(request())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["model"], "large"),
        (["num_ctx"], 8192),
        (["unheard_of"], None),
        (["stream_options", "more"], 1),
        (["metadata"], {"user_id": "in OpenAI's form it is no name of a user"}),
        (["messages", 1, "content"], "Why not?"),
        (["messages", 1, "cache_control", "type"], "none"),
        (["messages", 0, "name"], "x"),
        (["tools", 0, "function", "x", "a"], 2),
        (["tools", 0, "function", "strict"], True),
    ],
)
def test_what_is_in_the_body_changes_it_whether_it_is_read_here_or_not(path, value):
    assert key(request(changed(path, value))) != key(request())


CHANGES: list[dict[str, Any]] = [
    {"model": "large"},
    {"messages": (said(Role.USER, "Why?"),)},
    {"messages": (*request().messages, said(Role.USER, "?"))},
    {"max_tokens": 5},
    {"temperature": 0.5},
    {"top_p": 0.5},
    {"seed": 1},
    {"stop": ("x",)},
    {"n": 2},
    {"tools": ()},
    {"tool_choice": ToolChoice(use=ToolUse.NONE)},
    {"tool_choice": ToolChoice(use=ToolUse.REQUIRED, name="look")},
    {"parallel_tool_calls": False},
    {"response_format": ResponseFormat(form=Format.JSON)},
    {"response_format": ResponseFormat(form=Format.SCHEMA, schema={"type": "object"})},
    {"dialect": DialectName.ANTHROPIC},
    {"raw": None},
]


def test_no_two_requests_that_differ_in_a_field_share_a_key():
    keys = [key(request()), *(key(request(**change)) for change in CHANGES)]
    assert len(set(keys)) == len(keys)


def test_every_field_of_a_request_is_tried():
    silent = {"stream", "include_usage", "user"}
    tried = {name for change in CHANGES for name in change}
    assert tried | silent == set(ChatRequest.__struct_fields__)


def test_a_message_that_a_policy_changed_is_another():
    whispered = (request().messages[0], said(Role.USER, "Why?"))
    assert key(request(messages=whispered)) != key(request())


def test_a_thought_is_not_a_text():
    def spoken(part: Text | Reasoning) -> ChatRequest:
        return request(messages=(Message(role=Role.USER, parts=(part,)),))

    assert key(spoken(Text("a"))) != key(spoken(Reasoning(text="a")))


def test_tenants_and_routes_share_nothing():
    keys = {key(request(), tenant, route) for tenant in ("", "a", "b") for route in ("a", "b")}
    assert len(keys) == 6
    assert key(request(), "ab", "c") != key(request(), "a", "bc")


def test_anthropic_names_the_user_in_its_metadata():
    def asked(user: str, **more: str) -> ChatRequest:
        body = changed(["metadata"], {"user_id": user, **more})
        return request(body, dialect=DialectName.ANTHROPIC)

    assert key(asked("ana")) == key(asked("bob"))
    assert key(asked("ana")) != key(asked("ana", trace="1"))


@pytest.mark.parametrize("value", ["\ud800", 2**70, object()])
def test_what_has_no_canonical_form_has_no_key(value):
    assert chat_key(request({**BODY, "odd": value}), tenant="", route="") is None
    odd = EmbeddingRequest(model="m", inputs=("a",), raw={"odd": value})
    assert embedding_key(odd, tenant="", route="") is None


def test_the_key_of_an_embedding_is_of_its_inputs_and_model():
    asked = EmbeddingRequest(model="m", inputs=("a", "b"), user="ana", raw={"user": "ana"})
    others = [
        EmbeddingRequest(model="m", inputs=("b", "a"), raw={}),
        EmbeddingRequest(model="m", inputs=("ab",), raw={}),
        EmbeddingRequest(model="n", inputs=("a", "b"), raw={}),
        EmbeddingRequest(model="m", inputs=("a", "b"), dimensions=2, raw={}),
        EmbeddingRequest(model="m", inputs=("a", "b"), raw={"encoding_format": "base64"}),
    ]
    same = EmbeddingRequest(model="m", inputs=("a", "b"), user="bob", raw={})
    keys = [embedding_key(one, tenant="", route="") for one in [asked, *others]]
    assert len(set(keys)) == 6
    assert embedding_key(same, tenant="", route="") == keys[0]
