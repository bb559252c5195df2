"""The work a schema can make, against one that is counted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.structured.schema_cost import Unbounded, depth_of, schema_cost
from seatrial.gateway.structured.shape import referred


@pytest.mark.parametrize(
    ("schema", "by_depth"),
    [
        ({"type": "integer"}, (1, 1)),
        ({"anyOf": [{}, {}, True]}, (3, 3)),
        ({"items": {"items": {}}}, (1, 2, 3, 3)),
        ({"properties": {"a": {}, "b": {"anyOf": [{}, {}]}}}, (1, 4, 4)),
        ({"properties": {"a": {}}, "patternProperties": {"x": {}, "y": {}}}, (1, 4, 4)),
        ({"not": {}, "if": {}, "then": {}, "dependentSchemas": {"a": {}}}, (5, 5)),
        ({"prefixItems": [{}, {}], "contains": {}}, (1, 3, 3)),
        ({"$ref": "#/$defs/A", "$defs": {"A": {}, "B": {"items": {}}}}, (2, 2)),
    ],
)
def test_costs_by_the_depth_of_the_value(schema, by_depth):
    cost = schema_cost(schema)
    assert cost.by_depth == by_depth
    assert cost.settled
    assert cost.allows(99, by_depth[-1])
    assert not cost.allows(99, by_depth[-1] - 1)


def test_a_schema_that_holds_itself_costs_more_with_the_depth():
    line = schema_cost({"properties": {"next": {"$ref": "#"}}})
    assert line.by_depth[:3] == (1, 3, 5)
    assert not line.settled
    assert line.allows(31, 100)
    assert not line.allows(32, 10**9)
    tree = schema_cost({"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]})
    assert tree.by_depth[10] > 2**10


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"allOf": [{"$ref": "#"}]}}},
        {"$ref": "#/$defs/None"},
        {"$ref": "item.json"},
        {"items": {"$id": "x", "$ref": "#"}},
        {"items": {"$anchor": "x"}},
        {"properties": {"a": {"$dynamicRef": "#x"}}},
    ],
)
def test_what_cannot_be_bounded_is_refused(schema):
    with pytest.raises(Unbounded):
        schema_cost(schema)


plain = st.recursive(
    st.just(1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
)


@given(plain)
def test_depth_is_that_of_brackets(value):
    def deep(v: object) -> int:
        if isinstance(v, dict | list):
            return 1 + max(map(deep, v.values() if isinstance(v, dict) else v), default=0)
        return 0

    assert depth_of(value) == deep(value)


schemas = st.recursive(
    st.sampled_from([{}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]),
    lambda inner: (
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("ab"), inner)})
        | st.fixed_dictionaries({"items": inner})
    ),
    max_leaves=6,
)


def checks(schema: object, value: object, root: Mapping[str, object]) -> int:
    """Checks that a validator without short cuts makes, the most at any one place."""
    at: dict[tuple[object, ...], int] = {}

    def visit(node: object, v: object, place: tuple[object, ...]) -> None:
        if not isinstance(node, Mapping):
            return
        at[place] = at.get(place, 0) + 1
        if "$ref" in node:
            visit(referred(node["$ref"], root), v, place)
        for branch in node.get("anyOf", []):
            visit(branch, v, place)
        if isinstance(v, dict):
            for key, inner in node.get("properties", {}).items():
                if key in v:
                    visit(inner, v[key], (*place, key))
        if isinstance(v, list):
            for i, item in enumerate(v):
                visit(node.get("items"), item, (*place, i))

    visit(schema, value, ())
    return max(at.values())


@given(schemas, schemas, schemas, plain)
def test_no_place_takes_more_checks_than_the_cost_says(root, a, b, value):
    schema = {**root, "$defs": {"A": a, "B": b}}
    try:
        cost = schema_cost(schema)
    except Unbounded:
        return
    depth = min(depth_of(value), len(cost.by_depth) - 1)
    assert checks(schema, value, schema) <= cost.by_depth[depth]
