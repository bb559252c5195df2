"""From a text to an answer, or to everything that is wrong with it."""

from __future__ import annotations

import json

import pytest
from orders import FENCED, GOOD, ORDER, Order
from pydantic import BaseModel

from seatrial.adapters.jsonschema_shape import JsonSchemaShape
from seatrial.gateway.structured.coerce import Coercion
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.problem import Fault, Repair
from seatrial.gateway.structured.read import Ending
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
