"""Whole replies of Anthropic, as providers give them and as its client takes them."""

import copy

import anthropic.types
import msgspec
import pytest
from bodies import ANTHROPIC_REPLIES
from hypothesis import given

from seatrial.gateway.chat.messages import Message, Other, Reasoning, Role, Text, ToolCall
from seatrial.gateway.chat.response import ChatResponse, Choice, FinishReason, Usage
from seatrial.gateway.dialects.anthropic_reply import read_response, write_response
from seatrial.gateway.dialects.fields import RequestInvalid

replaced = msgspec.structs.replace
USAGE = Usage(input_tokens=9, output_tokens=4, cached_tokens=2, cache_write_tokens=3)


@given(ANTHROPIC_REPLIES)
def test_what_was_read_is_written_as_it_was(body):
    before = copy.deepcopy(body)
    assert write_response(read_response(body)) == before
    assert body == before


@given(ANTHROPIC_REPLIES)
def test_the_vendors_client_takes_what_is_written_anew(body):
    response = read_response(body)
    choice = response.choices[0]
    bare = replaced(choice, message=replaced(choice.message, raw=None))
    written = write_response(replaced(response, raw=None, dialect=None, choices=(bare,)))
    taken = anthropic.types.Message.model_validate(written)
    assert "".join(b.text for b in taken.content if b.type == "text") == response.text
    assert read_response(written).usage == response.usage


def answered(*parts, reason=FinishReason.STOP):
    message = Message(role=Role.ASSISTANT, parts=parts)
    choice = Choice(index=0, message=message, finish_reason=reason)
    return ChatResponse(id="r1", model="m", choices=(choice,), usage=USAGE)


def test_a_reply_made_here_is_one_to_the_vendors_client():
    response = answered(
        Reasoning(text="hm"),
        Text("so"),
        ToolCall(id="c", name="f", arguments='{"x": 1}'),
        Other(kind="refusal", data={"refusal": "no"}),
    )
    taken = anthropic.types.Message.model_validate(write_response(response), strict=True)
    assert [block.type for block in taken.content] == ["thinking", "text", "tool_use", "text"]
    assert taken.content[2].input == {"x": 1}
    assert taken.stop_reason == "tool_use"  # though it ended with another word at OpenAI
    assert (taken.usage.input_tokens, taken.usage.cache_read_input_tokens) == (4, 2)
    without = anthropic.types.Message.model_validate(
        write_response(replaced(response, usage=None)), strict=True
    )
    assert without.usage.output_tokens == 0


def test_what_was_changed_goes_out_changed():
    raw = {
        "id": "r",
        "type": "message",
        "role": "assistant",
        "model": "m-2026",
        "content": [{"type": "text", "text": "my secret", "x": 1}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"},
        "x": 3,
    }
    read = read_response(raw)
    choice = read.choices[0]
    masked = replaced(
        choice,
        message=replaced(choice.message, parts=(Text("***"),), raw=None),
        finish_reason=FinishReason.CUT,
    )
    written = write_response(replaced(read, model="alias", usage=USAGE, choices=(masked,)))
    assert (written["model"], written["x"], written["stop_reason"]) == ("alias", 3, "max_tokens")
    assert written["content"] == [{"type": "text", "text": "***"}]
    assert written["usage"]["cache_creation_input_tokens"] == 3


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.CUT),
        ("model_context_window_exceeded", FinishReason.CUT),
        ("refusal", FinishReason.FILTERED),
        ("pause_turn", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
def test_reasons(word, reason):
    assert read_response({"content": [], "stop_reason": word}).choices[0].finish_reason is reason


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], ""),
        ({}, "content"),
        ({"content": "so"}, "content"),
        ({"content": [{"type": "text"}]}, "content[0].text"),
    ],
)
def test_what_is_no_reply(body, place):
    with pytest.raises(RequestInvalid) as failed:
        read_response(body)
    assert failed.value.facts["place"] == place
