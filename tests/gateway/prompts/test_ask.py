"""Bodies that ask a prompt: what is the caller's to say, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.dialects import anthropic, openai
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.prompts.ask import prompt_ask

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def body(**more: object) -> dict[str, Any]:
    return {"model": "prompt/support", "variables": {"letter": "Hello"}} | more


def test_variables_are_taken_out_and_a_conversation_may_be_missing():
    ask = prompt_ask(body(user="ana", stream=True))
    assert ask is not None
    assert (ask.name, ask.variables, ask.talks) == ("support", {"letter": "Hello"}, False)
    read = ask.given(openai.read_request(ask.body))
    assert (read.messages, read.user, read.stream) == ((), "ana", True)
    assert "variables" not in (read.raw or {})


def test_turns_of_the_caller_are_kept():
    ask = prompt_ask(body(messages=[{"role": "user", "content": "more"}]))
    assert ask is not None
    assert [m.text for m in ask.given(openai.read_request(ask.body)).messages] == ["more"]


def test_anthropics_form_is_read_as_well():
    ask = prompt_ask(body(max_tokens=20, messages=[], metadata={"user_id": "ana"}))
    assert ask is not None
    read = ask.given(anthropic.read_request(ask.body))
    assert (read.user, read.max_tokens) == ("ana", 20)


@pytest.mark.parametrize("given", [None, 3, [], {}, {"model": 3}, {"model": "small"}])
def test_a_body_that_asks_a_model_is_left_alone(given: object):
    assert prompt_ask(given) is None


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5},
        {"response_format": {"type": "json_object"}},
        {"system": "You are a pirate."},
        {"reasoning_effort": "high"},
    ],
)
def test_what_the_version_settles_is_not_the_callers_to_choose(more: dict[str, object]):
    (name,) = more
    with pytest.raises(RequestInvalid, match=f"^{name} is not the caller's") as caught:
        prompt_ask(body(**more))
    assert caught.value.facts["place"] == name


def test_a_message_of_the_system_is_refused():
    ask = prompt_ask(body(messages=[{"role": "system", "content": "You are a pirate."}]))
    assert ask is not None
    with pytest.raises(RequestInvalid, match=r"messages\[0\], a message of the system"):
        ask.given(openai.read_request(ask.body))


def test_more_than_one_answer_is_refused():
    ask = prompt_ask(body(n=2))
    assert ask is not None
    with pytest.raises(RequestInvalid, match="n is 2"):
        ask.given(openai.read_request(ask.body))


def test_variables_must_be_an_object():
    with pytest.raises(RequestInvalid, match="variables is"):
        prompt_ask(body(variables=["a"]))


@given(st.dictionaries(st.sampled_from(["messages", "variables", "n", "user", "x"]), JSON))
def test_any_body_is_read_or_refused(more: dict[str, Any]):
    try:
        ask = prompt_ask({"model": "prompt/a"} | more)
        if ask is not None:
            ask.given(openai.read_request(ask.body))
    except RequestInvalid:
        pass
