"""Requests for a shape, what is heard in replies, and what is said about a bad one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import GOOD, REQUEST, WRONG, Order

from seatrial.gateway.chat.messages import Message, Reasoning, Role, Text, ToolCall, ToolResult
from seatrial.gateway.chat.request import ChatRequest, Format, ToolUse
from seatrial.gateway.chat.response import Choice, FinishReason, Usage
from seatrial.gateway.structured.form import Said, asking, asking_again, heard, total
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.options import Mode
from seatrial.gateway.structured.problem import Fault, Problem
from seatrial.gateway.structured.read import Ending
from seatrial.gateway.structured.shape import AnyObject

SHAPE = ModelShape(Order)
PROBLEMS = (Problem("$.level", Fault.SCHEMA, "Input should be 'low' or 'high'"),)


def choice(*parts: object, reason: FinishReason = FinishReason.STOP) -> Choice:
    return Choice(
        index=0,
        message=Message(role=Role.ASSISTANT, parts=parts),  # type: ignore[arg-type]
        finish_reason=reason,
    )


def test_a_native_request_carries_the_strict_schema():
    form = asking(REQUEST, SHAPE, Mode.NATIVE).response_format
    assert form is not None
    assert (form.form, form.name, form.strict) == (Format.SCHEMA, "Order", True)
    assert form.schema is not None
    assert form.schema["required"] == ["id", "level", "items", "note"]


def test_a_schema_that_cannot_be_strict_is_not_called_so():
    form = asking(REQUEST, ModelShape(dict[str, int]), Mode.NATIVE).response_format
    assert form is not None
    assert form.strict is False
    assert form.schema == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_tool_request_must_call_the_one_tool():
    made = asking(REQUEST, SHAPE, Mode.TOOL)
    assert [tool.name for tool in made.tools] == ["Order"]
    assert made.tool_choice is not None
    assert (made.tool_choice.use, made.tool_choice.name) == (ToolUse.REQUIRED, "Order")
    assert made.parallel_tool_calls is False


def test_a_prompt_says_the_schema_behind_the_system_messages():
    made = asking(REQUEST, SHAPE, Mode.PROMPT)
    assert [m.role for m in made.messages] == [Role.SYSTEM, Role.SYSTEM, Role.USER]
    assert '"enum":["low","high"]' in made.messages[1].text
    assert made.response_format is None
    assert "schema" not in asking(REQUEST, AnyObject(), Mode.PROMPT).messages[1].text


@pytest.mark.parametrize("mode", Mode)
def test_one_whole_answer_is_asked_for(mode):
    asked = msgspec.structs.replace(REQUEST, n=3, stream=True, include_usage=True)
    made = asking(asked, SHAPE, mode)
    assert (made.n, made.stream, made.include_usage) == (1, False, False)


def test_an_answer_is_heard_where_it_was_asked_for():
    wanted = ToolCall(id="1", name="Order", arguments=GOOD)
    other = ToolCall(id="0", name="weather", arguments="{}")
    assert heard(choice(Text("Well"), other, wanted), "Order").text == GOOD
    assert heard(choice(Text(GOOD)), "Order").text == GOOD
    assert heard(choice(Text(GOOD), wanted)).tool_call is None


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (FinishReason.STOP, Ending.WHOLE),
        (FinishReason.TOOL_CALLS, Ending.WHOLE),
        (FinishReason.CUT, Ending.CUT),
        (FinishReason.OTHER, Ending.UNKNOWN),
    ],
)
def test_how_an_answer_ended(reason, ending):
    assert heard(choice(Text("x"), reason=reason)).ending is ending


def test_asking_again_shows_the_answer_and_what_is_wrong():
    first = asking(REQUEST, SHAPE, Mode.PROMPT)
    made = asking_again(first, heard(choice(Text(WRONG))), PROBLEMS)
    assert made.messages[:-2] == first.messages
    assert made.messages[-2] == Message(role=Role.ASSISTANT, parts=(Text(WRONG),))
    assert made.messages[-1].role is Role.USER
    assert "$.level: Input should be 'low' or 'high'." in made.messages[-1].text


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [(WRONG, WRONG), ("{'a': 1}", '{"not_json":"{\'a\': 1}"}'), ("3", '{"not_json":"3"}')],
)
def test_a_wrong_tool_call_is_answered_as_a_tool(arguments, shown):
    wrong = ToolCall(id="7", name="Order", arguments=arguments)
    signed = Reasoning(text="Hm.", signature="s")
    said = heard(choice(signed, Reasoning(text="x"), Text("So"), wrong), "Order")
    answer, turn = asking_again(asking(REQUEST, SHAPE, Mode.TOOL), said, PROBLEMS).messages[-2:]
    assert answer.parts == (signed, ToolCall(id="7", name="Order", arguments=shown))
    (result,) = turn.parts
    assert isinstance(result, ToolResult)
    assert (turn.role, result.call_id, result.is_error) == (Role.TOOL, "7", True)


@given(st.text(max_size=100), st.integers(1, 300))
def test_the_conversation_does_not_grow_with_the_answer_or_its_problems(text, n):
    first = asking(REQUEST, SHAPE, Mode.PROMPT)
    long = Said((text or "x") * 1_000, FinishReason.STOP, Message(role=Role.ASSISTANT))
    again: ChatRequest = first
    for _ in range(3):
        again = asking_again(first, long, PROBLEMS * n)
    assert len(again.messages) == len(first.messages) + 2
    assert sum(len(m.text) for m in again.messages[-2:]) < 23_000


def test_an_empty_answer_is_shown_as_one():
    said = Said(" ", FinishReason.STOP, Message(role=Role.ASSISTANT))
    assert asking_again(REQUEST, said, PROBLEMS).messages[-2].text == "(no text)"


def test_usages_add_up_where_all_are_known():
    one = Usage(input_tokens=1, output_tokens=2, cached_tokens=1)
    assert total((one, one)) == Usage(input_tokens=2, output_tokens=4, cached_tokens=2)
    assert total((one, None)) is None
    assert total(()) is None
