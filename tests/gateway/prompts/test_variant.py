"""Variants: known by what they say, whole in their record."""

from __future__ import annotations

import msgspec
import pytest

from seatrial.gateway.prompts.variant import (
    Example,
    Golden,
    Parameters,
    PromptVariant,
    VariantUnreadable,
    variant_of,
)

VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n{{ what }}?",
    model="small",
    parameters=Parameters(temperature=0.5, max_tokens=50, stop=("\n",)),
    golden=Golden(examples=(Example(variables={"what": "Why"}, expected="Because"),)),
)
SAVED = {
    "prompt": "---\nvariables: {what: {}}\n---\n{{ what }}?",
    "model": "small",
    "golden": {
        "examples": [{"variables": {"what": "Why"}, "expected": "Because"}],
        "compare": None,
        "least_parse_rate": 1.0,
        "least_score": 0.0,
    },
    "parameters": {
        "temperature": 0.5,
        "top_p": None,
        "max_tokens": 50,
        "seed": None,
        "stop": ["\n"],
    },
    "answer": None,
    "scorer": None,
}


def test_the_record_of_a_variant_is_all_of_it():
    assert VARIANT.record() == SAVED
    assert variant_of(SAVED) == VARIANT
    assert variant_of(SAVED).digest == VARIANT.digest


def test_a_digest_is_of_what_the_variant_says():
    others = [
        msgspec.structs.replace(VARIANT, model="large"),
        msgspec.structs.replace(VARIANT, prompt="{{ what }}"),
        msgspec.structs.replace(VARIANT, parameters=Parameters()),
        msgspec.structs.replace(VARIANT, answer={"type": "object"}),
        msgspec.structs.replace(VARIANT, scorer="a:b"),
        msgspec.structs.replace(VARIANT, golden=Golden(examples=(Example(),))),
    ]
    assert len({v.digest for v in [VARIANT, *others]}) == 7


def test_one_and_one_point_nought_are_one_temperature():
    one = msgspec.structs.replace(VARIANT, parameters=Parameters(temperature=1))
    other = msgspec.structs.replace(VARIANT, parameters=Parameters(temperature=1.0))
    assert one.digest == other.digest


def test_a_record_of_a_later_seatrial_is_refused():
    with pytest.raises(VariantUnreadable, match="unknown field `tools`"):
        variant_of(SAVED | {"tools": []})
