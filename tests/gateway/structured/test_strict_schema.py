"""Schemas for strict modes, and the nulls that come back for keys left out."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from seatrial.adapters.llm.jsonschema_shape import JsonSchemaShape
from seatrial.gateway.structured.shape import Fits, Plain
from seatrial.gateway.structured.strict_schema import strict_schema, without_fillers


class Item(BaseModel):
    name: str = Field(min_length=2, description="As printed.")
    n: int = 1


class Order(BaseModel):
    level: Literal["low", "high"]
    items: list[Item]
    first: Item | None = None
    note: str | None = None
    kind: Item = Field(default=Item(name="xx"), description="Main.")


def test_every_object_is_closed_and_every_key_required():
    made = strict_schema(TypeAdapter(Order).json_schema())
    assert made.strict
    assert made.schema == {
        "type": "object",
        "properties": {
            "level": {"type": "string", "enum": ["low", "high"]},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "first": {
                "anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}],
                "description": "(default: null)",
            },
            "note": {
                "anyOf": [{"type": "string"}, {"type": "null"}],
                "description": "(default: null)",
            },
            "kind": {
                "anyOf": [
                    {
                        "description": 'Main. (default: {"name":"xx","n":1})',
                        "anyOf": [{"$ref": "#/$defs/Item"}],
                    },
                    {"type": "null"},
                ]
            },
        },
        "required": ["level", "items", "first", "note", "kind"],
        "additionalProperties": False,
        "$defs": {
            "Item": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "As printed. (minLength: 2)"},
                    "n": {
                        "anyOf": [
                            {"type": "integer", "description": "(default: 1)"},
                            {"type": "null"},
                        ]
                    },
                },
                "required": ["name", "n"],
                "additionalProperties": False,
            }
        },
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "integer"}},
        {"allOf": [{"type": "object", "properties": {}}, {"type": "object", "properties": {}}]},
        {"type": "object", "properties": {"a": {"not": {"type": "integer"}}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {}}},
    ],
)
def test_what_no_strict_mode_can_say_goes_as_it_is(schema):
    made = strict_schema(schema)
    assert not made.strict
    assert made.schema is schema


def test_a_schema_that_is_nested_too_deep_goes_as_it_is():
    schema: dict[str, object] = {"type": "integer"}
    for _ in range(70):
        schema = {"type": "array", "items": schema}
    assert not strict_schema(schema).strict


def test_nulls_that_stand_for_keys_left_out_are_taken_out():
    schema = TypeAdapter(Order).json_schema()
    answer = {
        "level": "low",
        "items": [{"name": "ab", "n": None}],
        "first": {"name": "cd", "n": None},
        "note": None,
        "kind": None,
        "other": None,
    }
    assert without_fillers(answer, schema) == {
        "level": "low",
        "items": [{"name": "ab"}],
        "first": {"name": "cd"},
        "note": None,
        "other": None,
    }


def test_a_null_that_is_required_stays():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert without_fillers({"a": None}, schema) == {"a": None}


def test_a_key_of_any_type_may_be_null():
    schema = {"type": "object", "properties": {"a": {}, "b": {"enum": [1, None]}}}
    assert without_fillers({"a": None, "b": None}, schema) == {"a": None, "b": None}


@st.composite
def schemas(draw: st.DrawFn, depth: int = 0) -> dict[str, object]:
    kinds = ["integer", "string", "boolean"] + (["object", "array", "union"] if depth < 2 else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "array":
        return {"type": "array", "items": draw(schemas(depth + 1)), "maxItems": 3}
    if kind == "union":
        return {"anyOf": [draw(schemas(depth + 1)), {"type": "null"}]}
    if kind == "object":
        names = draw(st.lists(st.sampled_from("abc"), unique=True))
        required = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        members = {name: draw(schemas(depth + 1)) for name in names}
        return {"type": "object", "properties": members, "required": required}
    return {"type": kind}


def answers(schema: dict[str, object], draw: st.DrawFn) -> object:
    """An answer to a strict schema."""
    if "anyOf" in schema:
        return answers(draw(st.sampled_from(schema["anyOf"])), draw)  # type: ignore[arg-type]
    if schema["type"] == "object":
        return {k: answers(v, draw) for k, v in schema["properties"].items()}  # type: ignore[attr-defined]
    if schema["type"] == "array":
        return [answers(schema["items"], draw)] * draw(st.integers(0, 2))  # type: ignore[arg-type]
    return {"integer": 1, "string": "x", "boolean": True, "null": None}[str(schema["type"])]


@given(schemas(), st.data())
def test_an_answer_to_the_strict_schema_fits_the_callers_own(schema, data):
    strict = strict_schema(schema)
    assert strict.strict
    value = answers(dict(strict.schema), data.draw)
    assert isinstance(JsonSchemaShape(strict.schema).check(Plain(value)), Fits)
    own = without_fillers(value, schema)
    assert isinstance(JsonSchemaShape(schema).check(Plain(own)), Fits)
