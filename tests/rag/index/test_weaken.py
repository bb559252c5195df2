"""What a store is asked for never leaves out what is sought, and what is found is exact."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range, satisfies
from seatrial.rag.index.weaken import EVERYTHING, NOTHING, Leaf, ScopeTooNarrow, best, weakened

YEAR, TAG = Equals("year", 1), In("tag", ("a",))
TEXT = Range(field="name", gte="m")


def no_text_ranges(leaf: Leaf, negated: bool) -> bool:
    return not isinstance(leaf, Range)


@pytest.mark.parametrize(
    ("condition", "asked", "same"),
    [
        (And((YEAR, TAG)), And((YEAR, TAG)), True),
        (And((YEAR, TEXT)), YEAR, False),
        (Or((YEAR, TEXT)), EVERYTHING, False),
        (Not(Or((YEAR, Not(TAG)))), And((Not(YEAR), TAG)), True),
        (Not(And((YEAR, TEXT))), EVERYTHING, False),
        (Not(TEXT), EVERYTHING, False),
        (And((Or(()), TEXT)), NOTHING, False),
        (Not(And(())), NOTHING, True),
    ],
)
def test_what_a_store_cannot_judge_is_left_out(
    condition: Condition, asked: Condition, same: bool
) -> None:
    assert weakened(condition, no_text_ranges) == (asked, same)


_leaves = st.one_of(
    st.builds(Equals, st.sampled_from("ab"), st.integers(0, 2)),
    st.builds(lambda field, low: Range(field=field, gte=low), st.sampled_from("ab"), st.just(1)),
)
_conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
_documents = st.dictionaries(st.sampled_from("ab"), st.integers(0, 2))


@given(document=_documents, condition=_conditions, can=st.sets(st.booleans()))
def test_nothing_that_is_sought_is_left_out(
    document: dict[str, Any], condition: Condition, can: set[bool]
) -> None:
    asked, same = weakened(condition, lambda leaf, negated: isinstance(leaf, Equals) in can)
    sought, found = satisfies(document, condition), satisfies(document, asked)
    assert found or not sought
    assert found is sought or not same


@given(
    kept=st.sets(st.integers(0, 199)),
    k=st.integers(1, 20),
    n=st.integers(0, 200),
)
def test_the_best_of_those_kept_are_found_however_few_they_are(
    kept: set[int], k: int, n: int
) -> None:
    asked: list[int] = []

    def find(most: int) -> Sequence[int]:
        asked.append(most)
        return range(min(n, most))

    assert best(find, k, kept.__contains__, most=1000) == sorted(i for i in kept if i < n)[:k]
    assert asked == sorted(set(asked))


def test_a_store_that_gives_too_few_candidates_is_not_taken_at_its_word() -> None:
    with pytest.raises(ScopeTooNarrow, match="100 candidates"):
        best(range, 5, lambda one: one > 98, most=100)
