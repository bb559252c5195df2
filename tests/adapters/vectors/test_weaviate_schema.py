"""What collections in Weaviate hold, as far as no client is needed for it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.vectors.weaviate_schema import alpha_of, text_of

SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@given(st.lists(st.text(st.characters(codec=None), max_size=8), min_size=1, max_size=10))
def test_each_word_is_one_token_and_different_words_are_different_ones(words: list[str]) -> None:
    """Spaces as Weaviate's language has them."""
    tokens = SPACES.split(text_of(words))
    assert len(tokens) == len(words)
    assert len(set(tokens)) == len(set(words))


def test_usual_words_are_read_by_people() -> None:
    assert text_of(["keel", "图书", "1000"]) == "keel 图书 1000"
    assert text_of([]) == ""


def test_a_very_long_word_is_a_short_token() -> None:
    assert len(text_of(["x" * 1_000_000])) < 20


def test_the_share_of_vectors_is_all_or_nothing_where_it_was_and_less_between() -> None:
    shares = [alpha_of(tenth / 10) for tenth in range(11)]
    assert (shares[0], shares[10]) == (0, 1)
    assert shares == sorted(set(shares))
    assert shares[7] == pytest.approx(0.175 / 0.475)
