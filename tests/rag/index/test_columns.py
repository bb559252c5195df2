"""Columns find the documents that satisfy a condition, whatever the condition and the documents."""

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from seatrial.rag.index.columns import Column, columns_of, documents_holding, readable
from seatrial.rag.index.conditions import (
    And,
    Condition,
    Equals,
    In,
    Not,
    Or,
    Range,
    satisfies,
)

_numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(-3, 3),
    st.sampled_from([2**53, 2**53 + 1, float(2**53), 1.0, 0.0, -0.0, float("inf"), float("nan")]),
)
_texts = st.text("ab~é\U0001f6a2", max_size=2)
_scalars = st.one_of(_texts, _numbers, st.booleans())
_fields = st.sampled_from(["a", "b", "c"])
_bounds = st.one_of(st.none(), _numbers, _texts)
_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Equals, _fields, _scalars),
    st.builds(In, _fields, st.lists(_scalars, max_size=3).map(tuple)),
    st.builds(Range, field=_fields, gt=_bounds, gte=_bounds, lt=_bounds, lte=_bounds),
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
_documents = st.lists(
    st.dictionaries(
        st.sampled_from(["a", "b"]),
        st.one_of(_scalars, st.lists(_texts, max_size=3).map(tuple)),
        max_size=2,
    ),
    max_size=8,
)


@given(documents=_documents, condition=_conditions)
@example(documents=[{"a": 2**53 + 1}], condition=Equals("a", float(2**53)))
@example(documents=[{"a": float("nan")}], condition=Range(field="a"))
@example(documents=[{"a": True}, {"a": 1}], condition=Equals("a", 1.0))
def test_columns_mean_what_the_definition_says(
    documents: list[dict[str, Any]], condition: Condition
) -> None:
    columns = columns_of(documents)
    found = documents_holding(condition, columns.get, len(documents))
    assert found.tolist() == [n for n, one in enumerate(documents) if satisfies(one, condition)]


@given(
    lists=st.lists(st.one_of(st.none(), st.frozensets(st.sampled_from("abc"))), max_size=8),
    readers=st.frozensets(st.sampled_from("abcd")),
)
def test_a_document_is_read_by_who_is_on_its_list(
    lists: list[frozenset[str] | None], readers: frozenset[str]
) -> None:
    groups = Column.of([(one, n) for n, held in enumerate(lists) for one in held or ()])
    restricted = np.array([held is not None for held in lists], np.bool_)
    found = readable(groups, restricted, readers)
    assert found.tolist() == [held is None or bool(held & readers) for held in lists]
