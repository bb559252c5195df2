"""From one dialect to the other, and what is lost on the way."""

from collections import Counter
from itertools import pairwise

import pytest
from bodies import ANTHROPIC_REQUESTS, OPENAI_REQUESTS
from hypothesis import assume, given

from seatrial.gateway.chat.messages import ToolResult
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.dialects import anthropic, openai
from seatrial.gateway.dialects.crossing import lost

THEIRS = {
    "model": "m",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Kyoto"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"},
                {"type": "text", "text": "well?"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "A"},
                },
            ],
        },
    ],
    "tools": [
        {"name": "weather", "description": "d", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "stop_sequences": ["end"],
    "metadata": {"user_id": "me"},
    "top_k": 5,
    "thinking": {"type": "adaptive"},
}
OURS = {
    "model": "m",
    "max_completion_tokens": 100,
    "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {
                    "id": "t1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Kyoto"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "well?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,A"}},
            ],
        },
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}},
        }
    ],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "stop": ["end"],
    "user": "me",
}


def test_a_request_of_anthropic_for_openai():
    assert openai.write_request(anthropic.read_request(THEIRS), stream=False) == OURS


def test_a_request_of_openai_for_anthropic():
    written = anthropic.write_request(openai.read_request(OURS), stream=False)
    messages = [dict(message) for message in THEIRS["messages"]]
    messages[0]["content"] = [{"type": "text", "text": "weather?"}]
    messages[1]["content"] = messages[1]["content"][1:]  # thoughts are no part of OpenAI's requests
    kept = {k: v for k, v in THEIRS.items() if k not in ("top_k", "thinking")}
    assert written == {
        **kept,
        "system": [{"type": "text", "text": "be kind"}],
        "messages": messages,
        "tools": THEIRS["tools"][:1],
    }


def test_what_is_lost_is_named():
    request = anthropic.read_request(THEIRS)
    assert lost(request, DialectName.OPENAI) == ("thinking", "tools.web_search", "top_k")
    assert lost(request, DialectName.ANTHROPIC) == ()
    odd = {**OURS, "seed": 1, "logit_bias": {}, "response_format": {"type": "json_object"}}
    odd["tools"] = [*OURS["tools"], {"type": "custom", "custom": {"name": "free"}}]
    request = openai.read_request(odd)
    assert lost(request, DialectName.ANTHROPIC) == (
        "logit_bias",
        "response_format",
        "seed",
        "tools.free",
    )
    assert lost(request, DialectName.OPENAI) == ()


def letters(request):
    return Counter("".join(message.text for message in request.messages))


def results(request):
    return [p.content for m in request.messages for p in m.parts if isinstance(p, ToolResult)]


def names_of_calls(request):
    return [call.name for m in request.messages for call in m.tool_calls]


@given(OPENAI_REQUESTS)
def test_nothing_said_is_lost_on_the_way_to_anthropic(body):
    request = openai.read_request(body)
    written = anthropic.write_request(request, stream=False)
    roles = [message["role"] for message in written["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    assert not any(name.startswith("x_") for name in written)
    assume(written["messages"])
    read = anthropic.read_request(written)
    assert letters(read) >= letters(request)  # more where a refusal becomes a text
    assert results(read) == results(request)
    assert names_of_calls(read) == names_of_calls(request)


@given(ANTHROPIC_REQUESTS)
def test_nothing_said_is_lost_on_the_way_to_openai(body):
    request = anthropic.read_request(body)
    written = openai.write_request(request, stream=False)
    assert not any(name.startswith("x_") for name in written)
    assume(written["messages"])
    read = openai.read_request(written)
    assert letters(read) == letters(request)
    assert results(read) == results(request)


@pytest.mark.parametrize("dialect", [openai, anthropic])
def test_the_fields_that_are_read_are_those_that_are_listed(dialect):
    body = {**(OURS if dialect is openai else THEIRS), "x_new": 1}
    away = anthropic if dialect is openai else openai
    written = away.write_request(dialect.read_request(body), stream=False)
    assert "x_new" not in written
    assert set(body) - dialect.READ - {"top_k", "thinking"} == {"x_new"}
