"""Conditions read as they were written, and mean what the definition says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.conditions import (
    And,
    Condition,
    ConditionInvalid,
    Equals,
    In,
    Not,
    Or,
    Range,
    condition_of,
    satisfies,
)

DOCUMENT = {"year": 2021, "lang": "de", "tags": ("red", "blue"), "public": True, "score": 0.5}


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({}, True),
        ({"lang": "de"}, True),
        ({"lang": "de", "year": 2020}, False),
        ({"year": 2021.0}, True),
        ({"year": "2021"}, False),
        ({"public": True}, True),
        ({"public": 1}, False),
        ({"tags": "blue"}, True),
        ({"tags": {"in": ["green", "red"]}}, True),
        ({"tags": {"in": []}}, False),
        ({"year": {"gte": 2021, "lt": 2022}}, True),
        ({"year": {"gt": 2021}}, False),
        ({"year": {"lte": "3000"}}, False),
        ({"public": {"gte": 0}}, False),
        ({"none": {"lt": 1}}, False),
        ({"not": {"none": 1}}, True),
        ({"or": [{"lang": "fr"}, {"score": {"lte": 0.5}}]}, True),
        ({"or": []}, False),
        ({"and": []}, True),
    ],
)
def test_a_condition_means_what_it_says(written: dict[str, Any], holds: bool) -> None:
    assert satisfies(DOCUMENT, condition_of(written)) is holds


@pytest.mark.parametrize(
    "written",
    [
        [],
        "year",
        {"year": None},
        {"year": {}},
        {"year": {"gt": 1, "in": [1]}},
        {"year": {"above": 1}},
        {"year": {"gt": True}},
        {"year": {"gt": 1, "lt": "z"}},
        {"year": float("nan")},
        {"year": {"in": 3}},
        {"year": {"in": [[1]]}},
        {"and": {"year": 1}},
        {"or": [3]},
        {"year": {"in": list(range(2000))}},
        json.loads('{"not":' * 60 + "{}" + "}" * 60),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(written: object) -> None:
    with pytest.raises(ConditionInvalid, match="cannot be read") as told:
        condition_of(written)
    assert str(told.value.facts["field"]).startswith("filter")


_scalars = st.one_of(st.text(max_size=3), st.integers(-3, 3), st.booleans())
_fields = st.sampled_from(["a", "b"])
_bounds = st.one_of(st.integers(-3, 3), st.text(max_size=2))
_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Equals, _fields, _scalars),
    st.builds(In, _fields, st.lists(_scalars, max_size=3).map(tuple)),
    st.builds(lambda field, low: Range(field=field, gte=low), _fields, _bounds),
)
_conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
_documents = st.dictionaries(
    _fields, st.one_of(_scalars, st.lists(st.text(max_size=2), max_size=3).map(tuple)), max_size=2
)


@given(document=_documents, one=_conditions, other=_conditions)
def test_not_and_and_or_obey_de_morgan(
    document: dict[str, Any], one: Condition, other: Condition
) -> None:
    neither = satisfies(document, Not(Or((one, other))))
    assert neither is satisfies(document, And((Not(one), Not(other))))
    assert neither is not (satisfies(document, one) or satisfies(document, other))
