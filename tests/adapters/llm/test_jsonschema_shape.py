"""JSON schemas: every problem, no reference fetched, no pattern that hangs."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.llm.jsonschema_shape import (
    MAX_BYTES,
    MAX_DEPTH,
    JsonSchemaShape,
    shape_maker,
)
from seatrial.gateway.structured.failures import SchemaInvalid
from seatrial.gateway.structured.problem import Fault, Problem
from seatrial.gateway.structured.shape import Fits, Plain
from seatrial.kernel.errors import MissingExtra

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "rows": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["n", "rows"],
    "additionalProperties": False,
}


def problems(value: object, schema: dict[str, object]) -> tuple[Problem, ...]:
    found = JsonSchemaShape(schema).check(Plain(value))
    assert isinstance(found, tuple)
    return found


def test_what_fits_is_given_as_it_is():
    value = {"n": 2**80, "rows": ["a"]}
    assert JsonSchemaShape(SCHEMA).check(Plain(value)) == Fits(value)


def test_every_problem_has_its_path_and_not_the_value():
    found = problems({"n": "secret", "rows": ["a", "secret"]}, SCHEMA)
    assert {p.path for p in found} == {"$.n", "$.rows[1]"}
    assert "secret" not in str(found)
    assert '"a" or "b"' in str(found)


def test_problems_are_bounded():
    assert len(problems(["x"] * 500, {"items": {"type": "integer"}})) == 100


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "nonsense"}, "anyOf"),
        ({"$ref": "http://127.0.0.1:1/x"}, "outside the schema"),
        ({"$ref": "file:///etc/hostname"}, "outside the schema"),
        ({"$ref": "#/$defs/Missing"}, "Missing"),
        ({"$ref": "#"}, "itself again"),
        ({"items": {"$dynamicRef": "#a", "$dynamicAnchor": "a"}}, "dynamic"),
        ({"$schema": "http://elsewhere/dialect"}, "meta-schema"),
        ({"pattern": "("}, "regex"),
        ({"pattern": "((((a{1,99}){1,99}){1,99}){1,99})"}, "regex"),
        ({"const": {1, 2}}, "no JSON"),
        ({"description": "x" * MAX_BYTES}, "bytes"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema, why):
    with pytest.raises(SchemaInvalid, match=why):
        JsonSchemaShape(schema)


def test_depth_is_bounded():
    schema: dict[str, object] = {"type": "integer"}
    for _ in range(MAX_DEPTH):
        schema = {"items": schema}
    with pytest.raises(SchemaInvalid, match="nested"):
        JsonSchemaShape(schema)
    JsonSchemaShape(schema["items"])


def test_patterns_that_look_around_are_taken_and_bounded():
    decimal = {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"}
    assert JsonSchemaShape(decimal).check(Plain("1.5")) == Fits("1.5")
    assert problems("x", decimal)
    assert problems("a" * 5_000 + "!", {"pattern": r"^(?=a)(a|aa)+$"})
    assert problems("a" * 5_000 + "!", {"pattern": r"^(a+)+$"})


SUM = {
    "$ref": "#/$defs/E",
    "$defs": {
        "E": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/M"}, {"type": "number"}]},
        "A": {
            "type": "object",
            "properties": {"op": {"const": "+"}, "left": {"$ref": "#/$defs/E"}},
        },
        "M": {
            "type": "object",
            "properties": {"op": {"const": "*"}, "left": {"$ref": "#/$defs/E"}},
        },
    },
}


def test_a_value_that_a_schema_would_check_for_hours_does_not_fit():
    value: object = "x"
    for _ in range(8):
        value = {"op": "+", "left": value}
    assert {p.fault for p in problems(value, SUM)} == {Fault.SCHEMA}
    for _ in range(50):
        value = {"op": "+", "left": value}
    assert problems(value, SUM) == (
        Problem("$", Fault.TOO_BIG, "nested 58 deep, too deep for this schema"),
    )


def test_a_schema_that_would_be_checked_for_hours_is_refused():
    steps: dict[str, object] = {
        f"s{i}": {"anyOf": [{"$ref": f"#/$defs/s{i + 1}"}] * 2} for i in range(40)
    }
    steps["s40"] = {"type": "integer"}
    with pytest.raises(SchemaInvalid, match="branches at one place"):
        JsonSchemaShape({"$ref": "#/$defs/s0", "$defs": steps})


def test_equal_schemas_are_compiled_once():
    make = shape_maker()
    one = make({"type": "object", "title": "once"}, "a")
    other = make({"title": "once", "type": "object"}, "b b")
    assert one._validator is other._validator
    assert (one.name, other.name) == ("a", "b_b")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[gateway\]"):
        shape_maker()


wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "items", "$ref", "anyOf", "pattern", "$id", "enum", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["type", "items", "$ref", "allOf", "not"]), wild, max_size=3),
    wild,
)
def test_any_schema_is_used_or_refused(schema, value):
    try:
        shape = JsonSchemaShape(schema)
    except SchemaInvalid:
        return
    assert shape.check(Plain(value)) is not None
