"""Answers against what was expected: numbers in [0, 1]."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.prompts.score import compared
from seatrial.gateway.prompts.variant import Compare

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("how", "answer", "expected", "score"),
    [
        (Compare.EXACT, " refund\n", "refund", 1),
        (Compare.EXACT, "Refund", "refund", 0),
        (Compare.CONTAINS, "It is a REFUND.", "refund", 1),
        (Compare.CONTAINS, "It is a refund.", ["refund", "urgent"], 0.5),
        (Compare.CONTAINS, "nothing", [], 1),
        (Compare.JSON, '{"topic": "refund", "urgent": true}', {"topic": "refund"}, 1),
        (
            Compare.JSON,
            '{"topic": "refund", "urgent": 1}',
            {"topic": "refund", "urgent": True},
            0.5,
        ),
        (Compare.JSON, "refund", {"topic": "refund"}, 0),
        (Compare.JSON, "[1, 2]", [1, 2], 1),
        (Compare.JSON, "{}", {}, 1),
        (Compare.JSON, "null", {"topic": None}, 0),
    ],
)
def test_scores(how: Compare, answer: str, expected: object, score: float):
    assert compared(how, answer, expected) == score


@given(st.sampled_from(Compare), st.text(), JSON)
def test_a_score_is_in_0_to_1_whatever_is_answered(how: Compare, answer: str, expected: object):
    assert 0 <= compared(how, answer, expected) <= 1


@given(JSON)
def test_what_was_expected_scores_1(expected: object):
    assert compared(Compare.JSON, orjson.dumps(expected).decode(), expected) == 1
