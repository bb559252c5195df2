"""Values of the wrong type: read where there is one reading, and otherwise left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.structured.coerce import Coercion, coerce


def alone(value: object, schema: dict[str, object]) -> object:
    made = coerce(value, schema)
    assert bool(made.coercions) == (type(made.value) is not type(value) or made.value != value)
    return made.value


@pytest.mark.parametrize(
    ("value", "schema", "read"),
    [
        ("3", {"type": "integer"}, 3),
        (" -12 ", {"type": "integer"}, -12),
        ("3.5", {"type": "number"}, 3.5),
        ("3", {"type": "number"}, 3),
        (3.0, {"type": "integer"}, 3),
        (3.0, {"type": ["integer", "null"]}, 3),
        ("True", {"type": "boolean"}, True),
        ("false", {"anyOf": [{"type": "boolean"}, {"type": "null"}]}, False),
        ("null", {"type": ["integer", "null"]}, None),
        ("None", {"anyOf": [{"type": "number"}, {"type": "null"}]}, None),
        ('{"a": "1"}', {"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 1}),
        ("[1]", {"type": "array"}, [1]),
        ("HIGH ", {"enum": ["low", "high"]}, "high"),
        ("High", {"anyOf": [{"enum": ["low", "high"]}, {"type": "null"}]}, "high"),
        ("Yes", {"const": "yes"}, "yes"),
        ("2", {"enum": [1, 2]}, 2),
        ("2", {"type": "integer", "enum": [1, 2]}, 2),
        (["1"], {"items": {"$ref": "#/$defs/N"}, "$defs": {"N": {"type": "integer"}}}, [1]),
        ({"x": "1"}, {"additionalProperties": {"type": "integer"}}, {"x": 1}),
        ("3", {"allOf": [{"type": "integer"}]}, 3),
        ("3", {"oneOf": [{"type": "integer"}, {"type": "null"}]}, 3),
    ],
)
def test_one_reading_is_taken(value, schema, read):
    found = alone(value, schema)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (3, {"type": "string"}),
        (True, {"type": "string"}),
        (True, {"type": "integer"}),
        (1, {"type": "boolean"}),
        ("yes", {"type": "boolean"}),
        ("3", {"type": ["string", "integer"]}),
        ("3", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("true", {"type": ["string", "boolean"]}),
        ("3.5", {"type": "integer"}),
        (3.5, {"type": "integer"}),
        (1e300, {"type": "integer"}),
        ("03", {"type": "integer"}),
        ("1,000", {"type": "number"}),
        ("three", {"type": "integer"}),
        ("3", {}),
        ("3", {"type": "array"}),
        ("a, b", {"type": "array"}),
        ("{'a': 1}", {"type": "object"}),
        ("HIGH", {"enum": ["high", "High"]}),
        ("hi", {"enum": ["low", "high"]}),
        ("high", {"enum": ["low", "high"]}),
        ("2", {"enum": ["2", 2]}),
        ("true", {"enum": [1]}),
        ("3", {"$ref": "http://elsewhere/x"}),
        ("3", {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
        ("3", {"allOf": [{"type": "integer"}, {"minimum": 3}]}),
        ({"x": "1"}, {"properties": {"x": True}}),
    ],
)
def test_everything_else_is_left(value, schema):
    assert alone(value, schema) is value


def test_every_coercion_is_said_by_its_path():
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "rows": {"type": "array", "items": {"properties": {"ok": {"type": "boolean"}}}},
            "name": {"type": "string"},
        },
    }
    value = {"id": "7", "rows": [{"ok": True}, {"ok": "True"}], "name": "7"}
    made = coerce(value, schema)
    assert made.value == {"id": 7, "rows": [{"ok": True}, {"ok": True}], "name": "7"}
    assert made.coercions == (Coercion("$.id", "integer"), Coercion("$.rows[1].ok", "boolean"))
    assert value["id"] == "7"


def test_within_a_union_of_objects_nothing_is_coerced():
    one = {"properties": {"n": {"type": "integer"}}}
    other = {"properties": {"n": {"type": "boolean"}}}
    assert alone({"n": "1"}, {"anyOf": [one, other]}) == {"n": "1"}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
words = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "anyOf",
        "enum",
        "const",
        "$ref",
        "additionalProperties",
        "integer",
    ]
)
wild = st.recursive(
    words | st.none() | st.booleans() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(plain, st.dictionaries(words, wild, max_size=4))
def test_no_schema_however_wrong_raises(value, schema):
    coerce(value, schema)


def test_a_schema_that_holds_itself_ends_with_the_value():
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "properties": {
                    "n": {"type": "integer"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                }
            }
        },
    }
    value = {"n": "1", "next": {"n": "2", "next": None}}
    assert coerce(value, schema).value == {"n": 1, "next": {"n": 2, "next": None}}
