"""A variant that is asked: prompt, model and parameters of its own, turns of the caller."""

from __future__ import annotations

import msgspec
import pytest

from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, Format
from seatrial.gateway.prompts.failures import VariablesInvalid
from seatrial.gateway.prompts.live import LivePrompt
from seatrial.gateway.prompts.variant import Example, Golden, Parameters, PromptVariant

VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n[system]\nBe brief.\n[user]\n{{ what }}?",
    model="small",
    parameters=Parameters(temperature=0.5, max_tokens=50, stop=("\n",)),
    golden=Golden(examples=(Example(variables={"what": "Why"}),)),
)


def test_a_request_is_made_of_prompt_model_and_parameters():
    made = LivePrompt("ask", 3, VARIANT).request({"what": "Why"})
    assert made.model == "small"
    assert [m.text for m in made.messages] == ["Be brief.", "Why?"]
    assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.5, 50, ("\n",), None)
    assert made.response_format is None


def test_turns_of_the_caller_follow_and_their_smaller_bound_counts():
    live = LivePrompt("ask", 3, VARIANT)
    given = ChatRequest(
        model="prompt/ask", messages=(said(Role.USER, "And?"),), max_tokens=9, temperature=2.0
    )
    made = live.request({"what": "Why"}, given)
    assert [m.text for m in made.messages] == ["Be brief.", "Why?", "And?"]
    assert (made.max_tokens, made.temperature, made.model) == (9, 0.5, "small")
    wide = msgspec.structs.replace(given, max_tokens=900)
    assert live.request({"what": "Why"}, wide).max_tokens == 50


def test_the_schema_of_the_answer_is_asked_for():
    live = LivePrompt("ask", 3, msgspec.structs.replace(VARIANT, answer={"type": "object"}))
    form = live.request({"what": "Why"}).response_format
    assert form is not None
    assert (form.form, form.schema, live.is_parsed) == (Format.SCHEMA, {"type": "object"}, True)


def test_wrong_variables_are_refused_and_said_beforehand():
    live = LivePrompt("ask", 3, VARIANT)
    assert live.takes({"what": "Why"})
    assert not live.takes({"what": 3})
    with pytest.raises(VariablesInvalid, match="what is no text"):
        live.request({"what": 3})


def test_a_scorer_gets_variables_and_the_value_of_the_answer():
    met: list[object] = []

    def scorer(variables: object, answer: object) -> float:
        met.append((variables, answer))
        return 0.5

    assert LivePrompt("ask", 1, VARIANT, scorer=scorer).score({"what": "a"}, "[1]") == 0.5
    parsed = msgspec.structs.replace(VARIANT, answer={"type": "array"})
    assert LivePrompt("ask", 1, parsed, scorer=scorer).score({"what": "a"}, "[1]") == 0.5
    assert met == [({"what": "a"}, "[1]"), ({"what": "a"}, [1])]
    assert LivePrompt("ask", 1, VARIANT).score({}, "text") is None
