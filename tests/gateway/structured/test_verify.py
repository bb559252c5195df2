"""From a text to an answer, or to everything that is wrong with it."""

from __future__ import annotations

import json

import pytest
from orders import FENCED, GOOD, ORDER, Order
from pydantic import BaseModel

from seatrial.adapters.llm.jsonschema_shape import JsonSchemaShape
from seatrial.gateway.structured.coerce import Coercion
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.problem import Fault, Repair
from seatrial.gateway.structured.read import Ending
from seatrial.gateway.structured.shape import AnyObject
from seatrial.gateway.structured.verify import Accepted, verify

SHAPE = ModelShape(Order)


def faults(text: str, **options: object) -> list[tuple[str, Fault]]:
    found = verify(text, SHAPE, **options)  # type: ignore[arg-type]
    assert not isinstance(found, Accepted), found
    return [(p.path, p.fault) for p in found]


def test_a_good_answer_keeps_its_text():
    assert verify(f" {GOOD}\n", SHAPE) == Accepted(ORDER, GOOD)


def test_a_repaired_answer_has_strict_text_and_says_what_was_done():
    found = verify(FENCED, SHAPE)
    assert isinstance(found, Accepted)
    assert found.value == ORDER
    assert json.loads(found.text) == json.loads(GOOD)
    assert found.repairs == (Repair.FENCE,)


def test_a_coerced_answer_has_the_coerced_text_and_says_so():
    text = GOOD.replace("3", '"3"', 1).replace("low", "LOW")
    found = verify(text, SHAPE)
    assert isinstance(found, Accepted)
    assert found.value == ORDER
    assert json.loads(found.text) == json.loads(GOOD)
    assert set(found.coercions) == {Coercion("$.id", "integer"), Coercion("$.level", "enum")}


def test_of_several_values_the_one_that_fits_is_the_answer():
    found = verify(f'The schema {{"type": "object"}} gives {GOOD} [1]', SHAPE)
    assert isinstance(found, Accepted)
    assert found.value == ORDER


def test_several_different_values_that_fit_are_none():
    other = GOOD.replace("nut", "bolt")
    assert faults(f"{GOOD} or {other}") == [("$", Fault.AMBIGUOUS)]
    same = verify(f"{GOOD}\n\nSo: {GOOD}", SHAPE)
    assert isinstance(same, Accepted)
    assert same.value == ORDER


def test_every_problem_is_told():
    text = GOOD.replace("1.5", "true").replace('"name"', '"nam"').replace("low", "middle")
    assert set(faults(text)) == {
        ("$.level", Fault.SCHEMA),
        ("$.items[0].name", Fault.SCHEMA),
        ("$.items[0].price", Fault.SCHEMA),
    }


def test_what_cannot_be_mended_is_told_after_what_could():
    text = GOOD.replace("3", '"3"', 1).replace("low", "middle")
    assert faults(text) == [("$.level", Fault.SCHEMA)]


@pytest.mark.parametrize("text", [GOOD[:-1], GOOD[:40], FENCED[:-8]])
def test_a_cut_answer_is_never_mended(text):
    assert isinstance(verify(text, SHAPE, ending=Ending.CUT), tuple)


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-1],
        GOOD.replace('"note": null}', '"note": "x" \n'),
        f"```json\n{GOOD[:-1]}\n```",
    ],
)
def test_a_bracket_is_added_to_an_object_that_has_every_key(text):
    found = verify(text, SHAPE)
    assert isinstance(found, Accepted)
    assert found.value.items == ORDER.items
    assert Repair.CLOSED in found.repairs


def test_no_bracket_is_added_where_a_key_or_an_item_may_have_been_to_come():
    assert faults(GOOD.replace(', "note": null}', "")) == [("$", Fault.OPEN)]
    assert faults(GOOD.replace('], "note": null}', "")) == [("$.items[1]", Fault.OPEN)]
    assert faults(GOOD.replace('}], "note": null}', "")) == [("$.items[0].n", Fault.OPEN)]
    assert isinstance(verify('{"a": true', AnyObject()), tuple)
    assert isinstance(verify('{"a": true', ModelShape(dict[str, bool])), tuple)


@pytest.mark.parametrize("indent", [None, 1])
def test_no_beginning_of_an_answer_is_taken_for_another(indent):
    order = ORDER.model_copy(update={"note": "by {two}, [now]", "items": ORDER.items * 2})
    text = json.dumps(order.model_dump(), indent=indent)
    for end in range(len(text)):
        for whole in (text[:end], text[:end] + "\n```", "Here: " + text[:end] + " "):
            found = verify(whole, SHAPE)
            assert not isinstance(found, Accepted) or found.value == order


def test_brackets_of_objects_in_objects_are_added():
    class Inner(BaseModel):
        a: bool
        b: str | None = None

    class Outer(BaseModel):
        n: int
        inner: Inner | None = None

    shape = ModelShape(Outer)
    found = verify('{"n": 1, "inner": {"a": true, "b": "x"', shape)
    assert found == Accepted(
        Outer(n=1, inner=Inner(a=True, b="x")),
        '{"n":1,"inner":{"a":true,"b":"x"}}',
        (Repair.CLOSED,),
    )
    lacking = verify('{"n": 1, "inner": {"a": true', shape)
    assert isinstance(lacking, tuple)
    assert [p.path for p in lacking] == ["$.inner"]


def test_nulls_for_keys_left_out_count_only_where_they_were_asked_for():
    class Small(BaseModel):
        n: int = 7

    shape = ModelShape(Small)
    assert verify('{"n": null}', shape, fillers=True) == Accepted(Small(), "{}")
    assert isinstance(verify('{"n": null}', shape), tuple)


def test_a_json_schema_gives_plain_values():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    found = verify("Answer: {'n': '3'}", JsonSchemaShape(schema))
    assert found == Accepted(
        {"n": 3},
        '{"n":3}',
        (Repair.PROSE, Repair.SINGLE_QUOTES),
        (Coercion("$.n", "integer"),),
    )
