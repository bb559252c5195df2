"""Words as sparse vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.vectors.sparse import Sparse, asked_of, kept_of

WORDS = st.lists(st.text(max_size=5), min_size=1, max_size=40)


def dot(kept: Sparse, asked: Sparse) -> float:
    held = dict(zip(kept["indices"], kept["values"], strict=True))
    weighed = zip(asked["indices"], asked["values"], strict=True)
    return sum(held.get(index, 0.0) * value for index, value in weighed)


@given(WORDS, st.integers(1, 10))
def test_each_word_has_one_number_and_a_weight(words: list[str], most: int) -> None:
    for made in (kept_of(words, most), asked_of(words, 0.7, most, None)):
        assert 1 <= len(made["indices"]) <= most
        assert made["indices"] == sorted(set(made["indices"]))
        assert all(0 <= index < 2**32 for index in made["indices"])
        assert all(0 < value < 1 for value in made["values"])


@given(WORDS, WORDS)
def test_a_score_lies_between_none_and_the_weight(chunk: list[str], question: list[str]) -> None:
    score = dot(kept_of(chunk, 1_000), asked_of(question, 0.7, 1_000, None))
    assert 0 <= score < 0.7
    assert (score > 0) == bool(set(chunk) & set(question))


def test_weights_are_those_of_bm25() -> None:
    """With lengths against those of a usual chunk."""
    words = ["keel"] * 3 + ["hull"] * 297
    keel = 3 / (3 + 1.2 * (0.25 + 0.75 * 2))
    assert dot(kept_of(words, 9), asked_of(["keel"], 1.0, 9, None)) == pytest.approx(keel, abs=1e-6)
    halves = asked_of(["keel", "mast"], 0.8, 9, None)
    assert halves["values"] == pytest.approx([0.4, 0.4])


def test_what_each_word_of_a_question_tells_counts() -> None:
    """As often as it is asked for, and of more words than fit those stay that tell most."""
    told = {"keel": 3.0, "mast": 0.5, "deck": 1.0}
    idf = lambda words: np.array([told[word] for word in words])  # noqa: E731
    words = ["mast", "keel", "mast", "deck"]
    assert sorted(asked_of(words, 1.0, 9, idf)["values"]) == pytest.approx([0.2, 0.2, 0.6])
    one = asked_of(words, 1.0, 1, idf)
    assert one == {"indices": kept_of(["keel"], 1)["indices"], "values": [1.0]}


def test_of_more_words_than_fit_the_commonest_are_kept() -> None:
    many = [f"word{n}" for n in range(50)] + ["keel", "keel", "hull", "hull"]
    both = kept_of(["keel", "hull"], 2)["indices"]
    assert kept_of(many, 2)["indices"] == both
    assert asked_of(many, 1.0, 2, None)["indices"] == both


def test_numbers_of_words_are_the_same_in_every_process() -> None:
    assert [kept_of([word], 9)["indices"] for word in ("keel", "图书", "\ud800")] == [
        [795941092],
        [562432177],
        [1048053826],
    ]
