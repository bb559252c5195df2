"""Variables are checked before anything is rendered, every problem at once."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.prompts.failures import VariablesInvalid
from seatrial.gateway.prompts.variables import Variable, VariableType, checked, wrongs


def of(type_: str, **options: object) -> Variable:
    return Variable(type=VariableType(type_), **options)


class Sly(str):
    __slots__ = ()


GOOD = {
    "text": ["", "é", "{{ x }}"],
    "integer": [0, -5, 2**70],
    "number": [0.0, 1.5],
    "boolean": [True, False],
    "list": [[], [1, "a", None, {"k": [True]}]],
    "object": [{}, {"a": {"b": 1}}],
}


@pytest.mark.parametrize("type_", VariableType)
def test_values_fit_their_type_and_no_other(type_):
    for name, values in GOOD.items():
        for value in values:
            fits = name == type_ or (name == "integer" and type_ == "number")
            assert (wrongs(of(type_), value) == []) == fits, value


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", Sly("x")),
        ("text", "\ud800"),
        ("number", math.nan),
        ("number", math.inf),
        ("list", [math.nan]),
        ("list", [object()]),
        ("list", [Sly("x")]),
        ("list", (1,)),
        ("object", {1: 2}),
        ("object", {"a": {1}}),
        ("object", {"\ud800": 1}),
        ("integer", None),
    ],
)
def test_what_is_not_plain_json_is_refused(type_, value):
    assert len(wrongs(of(type_), value)) == 1


def test_depth_is_bounded():
    value: list[object] = []
    for _ in range(20):
        value = [value]
    assert "nested" in wrongs(of("list"), value)[0]


def test_every_problem_is_named_at_once_and_no_value():
    variables = {
        "letter": of("text", max_chars=5),
        "tone": of("text", enum=("plain", "formal")),
        "n": of("integer"),
        "name": of("text"),
    }
    with pytest.raises(VariablesInvalid) as caught:
        checked(variables, {"letter": "secret", "tone": "secret", "n": "3", "leter": 1}, prompt="p")
    assert caught.value.facts["problems"] == [
        "'leter' is not known, did you mean letter?",
        "letter has 6 characters, more than 5",
        'tone is none of "plain", "formal"',
        "n is no integer",
        "name is missing",
    ]
    assert "secret" not in str(caught.value)
    assert "'p'" in caught.value.problem


def test_defaults_and_nulls_fill_what_is_not_given():
    variables = {
        "a": of("text", default="x"),
        "b": of("list", required=False),
        "c": of("integer", required=False, default=3),
    }
    assert checked(variables, {}, prompt="p") == {"a": "x", "b": None, "c": 3}
    assert checked(variables, {"b": None, "c": None}, prompt="p") == {
        "a": "x",
        "b": None,
        "c": None,
    }
    with pytest.raises(VariablesInvalid):
        checked(variables, {"a": None}, prompt="p")


def test_sizes_of_data_are_those_of_its_json():
    assert wrongs(of("list", max_chars=9), ["é", 1, 2]) == ["has 11 characters, more than 9"]
    assert wrongs(of("list", max_chars=11), ["é", 1, 2]) == []


def test_a_member_of_an_enum_has_its_type():
    assert wrongs(of("number", enum=(1,)), 1.0) != []
    assert wrongs(of("number", enum=(1, 1.0)), 1.0) == []


@given(
    st.dictionaries(
        st.text(max_size=8), st.none() | st.text() | st.integers() | st.lists(st.floats())
    )
)
def test_whatever_is_given_is_checked_or_refused(values):
    variables = {"a": of("text"), "b": of("list", required=False)}
    with suppress(VariablesInvalid):
        found = checked(variables, values, prompt="p")
        assert set(found) == {"a", "b"}
        assert type(found["a"]) is str
