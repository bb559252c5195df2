"""Whole replies of OpenAI, as providers give them and as its client takes them."""

import copy

import msgspec
import pytest
from bodies import OPENAI_REPLIES
from hypothesis import given
from openai.types.chat import ChatCompletion

from seatrial.gateway.chat.messages import Message, Other, Reasoning, Role, Text, ToolCall
from seatrial.gateway.chat.response import ChatResponse, Choice, FinishReason, Usage
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.openai_reply import read_response, write_response

replaced = msgspec.structs.replace
USAGE = Usage(input_tokens=9, output_tokens=4, cached_tokens=2, reasoning_tokens=1)


def answered(*parts, reason=FinishReason.STOP, **more):
    message = Message(role=Role.ASSISTANT, parts=parts)
    choice = Choice(index=0, message=message, finish_reason=reason)
    return ChatResponse(id="r1", model="m", choices=(choice,), **more)


@given(OPENAI_REPLIES)
def test_what_was_read_is_written_as_it_was(body):
    before = copy.deepcopy(body)
    assert write_response(read_response(body)) == before
    assert body == before


@given(OPENAI_REPLIES)
def test_the_vendors_client_takes_what_is_written_anew(body):
    response = read_response(body)
    bare = replaced(
        response,
        raw=None,
        dialect=None,
        choices=tuple(replaced(c, message=replaced(c.message, raw=None)) for c in response.choices),
    )
    taken = ChatCompletion.model_validate(write_response(bare))
    assert [c.message.content or "" for c in taken.choices] == [
        c.message.text for c in response.choices
    ]
    assert read_response(write_response(bare)).usage == response.usage


def test_what_was_changed_goes_out_changed():
    raw = {
        "id": "r",
        "model": "m-2026",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "my secret", "x": 1},
                "finish_reason": "stop",
                "x": 2,
            }
        ],
        "x": 3,
    }
    read = read_response(raw)
    choice = read.choices[0]
    masked = replaced(choice, message=replaced(choice.message, parts=(Text("***"),), raw=None))
    written = write_response(replaced(read, model="alias", usage=USAGE, choices=(masked,)))
    assert (written["model"], written["x"]) == ("alias", 3)
    assert written["usage"]["prompt_tokens"] == 9
    assert written["choices"][0]["message"]["content"] == "***"
    assert written["choices"][0]["x"] == 2
    cut = replaced(choice, finish_reason=FinishReason.CUT)
    written = write_response(replaced(read, choices=(cut,)))
    assert written["choices"][0]["finish_reason"] == "length"
    assert written["choices"][0]["message"] == raw["choices"][0]["message"]


def test_a_reply_made_here_is_one_to_the_vendors_client():
    response = answered(
        Reasoning(text="hm"),
        Text("so"),
        ToolCall(id="c", name="f", arguments="{}"),
        Other(kind="refusal", data={"refusal": "no"}),
        reason=FinishReason.TOOL_CALLS,
        usage=USAGE,
        created=5,
    )
    taken = ChatCompletion.model_validate(write_response(response), strict=True)
    message = taken.choices[0].message
    assert (message.content, message.refusal) == ("so", "no")
    assert message.reasoning_content == "hm"
    assert message.tool_calls[0].function.name == "f"
    assert taken.choices[0].finish_reason == "tool_calls"
    assert taken.usage.prompt_tokens_details.cached_tokens == 2
    assert taken.usage.total_tokens == 13
    assert read_response(write_response(response)).choices[0].message.parts[0] == Reasoning(
        text="hm"
    )


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.CUT),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.FILTERED),
        ("eos", FinishReason.OTHER),
        (None, FinishReason.OTHER),
        (3, FinishReason.OTHER),
    ],
)
def test_reasons(word, reason):
    choice = {"message": {"content": "x"}, "finish_reason": word}
    assert read_response({"choices": [choice]}).choices[0].finish_reason is reason


def test_servers_that_are_near_enough():
    function = {"name": "f", "arguments": {"x": 1}}
    choice = {
        "message": {"content": None, "reasoning": "hm", "tool_calls": [{"function": function}]}
    }
    read = read_response({"choices": [choice, {"message": {"content": "b"}}]})
    assert read.choices[0].message.parts == (
        Reasoning(text="hm"),
        ToolCall(id="", name="f", arguments='{"x":1}'),
    )
    assert (read.id, read.model, read.usage, read.created) == ("", "", None, 0)
    assert [choice.index for choice in read.choices] == [0, 1]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (None, ""),
        ({}, "choices"),
        ({"choices": []}, "choices"),
        ({"choices": [{}]}, "choices[0].message"),
        ({"choices": [{"message": {"content": 5}}]}, "choices[0].message.content"),
    ],
)
def test_what_is_no_reply(body, place):
    with pytest.raises(RequestInvalid) as failed:
        read_response(body)
    assert failed.value.facts["place"] == place
