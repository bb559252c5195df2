"""Shapes that are here: any object, boxes for what is none, references."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.shape import (
    AnyObject,
    Boxed,
    Fits,
    Plain,
    referred,
    rooted,
    written,
)


class Node(BaseModel):
    n: int
    next: Node | None = None


def test_any_object_fits_and_nothing_else():
    assert AnyObject().check(Plain({"a": [1]})) == Fits({"a": [1]})
    assert AnyObject().check(Plain([1])) != Fits([1])


@pytest.mark.parametrize("kept", [Node, dict[str, int]])
def test_a_shape_of_objects_is_left_alone(kept):
    shape = ModelShape(kept)
    assert rooted(shape) is shape


@pytest.mark.parametrize(
    ("of", "value"),
    [(int, 3), (list[Node], [Node(n=1)]), (Literal["a", "b"], "a"), (Node | None, None)],
)
def test_what_is_no_object_is_boxed(of, value):
    shape = rooted(ModelShape(of))
    assert isinstance(shape, Boxed)
    plain = [{"n": 1}] if value == [Node(n=1)] else value
    assert shape.check(Plain({"value": plain})) == Fits(value)


def test_a_box_keeps_definitions_where_references_find_them():
    shape = rooted(ModelShape(list[Node]))
    assert shape.schema["properties"] == {
        "value": {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    }
    assert referred("#/$defs/Node", shape.schema) is not None


def test_problems_in_a_box_are_named_from_the_root():
    found = rooted(ModelShape(list[Node])).check(Plain({"value": [{"n": 1}, {"n": "x"}]}))
    assert isinstance(found, tuple)
    assert [p.path for p in found] == ["$.value[1].n"]


@pytest.mark.parametrize("value", [3, {"value": 3, "more": 1}, {}])
def test_a_box_has_one_key(value):
    assert isinstance(rooted(ModelShape(int)).check(Plain(value)), tuple)


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("#/a~1b/c~0d", 1),
        ("#", {"a/b": {"c~d": 1}}),
        ("#/x/y", None),
        ("http://elsewhere/x", None),
        ("#/a~1b/c~0d/e", None),
    ],
)
def test_references_are_followed_within_the_schema_only(pointer, found):
    assert referred(pointer, {"a/b": {"c~d": 1}}) == found


def test_integers_of_any_size_are_written():
    assert written({"a": 2**70, "é": [None]}) == f'{{"a":{2**70},"é":[null]}}'
