"""Words are found where they are, and scored by BM25."""

import weakref
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.bm25 import Bm25, Searched
from seatrial.rag.index.postings import Analysis, Postings, hashes_of
from seatrial.testing.memory_index import bm25

SPLIT = Analysis("by spaces, without s", str.split, lambda word: word.removesuffix("s"))
_texts = st.lists(
    st.lists(st.sampled_from(["a", "as", "b", "bs", "cs", "船"]), max_size=6).map(" ".join),
    max_size=8,
)


@given(texts=_texts)
def test_each_text_is_listed_under_each_of_its_words(texts: list[str]) -> None:
    postings = Postings.of(texts, SPLIT)
    assert postings.lengths.tolist() == [len(text.split()) for text in texts]
    for word in ("a", "b", "c", "船", "d"):
        ((start, end),) = postings.places(hashes_of([word]))
        listed = zip(
            postings.rows[start:end].tolist(), postings.counts[start:end].tolist(), strict=True
        )
        counted = [Counter(SPLIT.words(text))[word] for text in texts]
        assert list(listed) == [(row, n) for row, n in enumerate(counted) if n]


@given(
    parts=st.lists(st.tuples(_texts, st.integers(0, 255)), max_size=3),
    query=st.lists(st.sampled_from(["a", "b", "c", "船", "d"]), max_size=4),
)
def test_scores_over_parts_are_those_over_all_that_count(
    parts: list[tuple[list[str], int]], query: list[str]
) -> None:
    searched, alive = [], {}
    for number, (texts, bits) in enumerate(parts):
        mask = np.array([bits >> row & 1 for row in range(len(texts))], np.bool_)
        searched.append(Searched(Postings.of(texts, SPLIT), None if mask.all() else mask))
        alive |= {(number, row): SPLIT.words(texts[row]) for row in np.flatnonzero(mask).tolist()}
    keys = {place: key for key, place in enumerate(alive)}
    expected = bm25({keys[place]: words for place, words in alive.items()}, query)
    found = Bm25(searched).scores(query)
    for place, key in keys.items():
        scores = found[place[0]]
        score = 0.0 if scores is None else float(scores[place[1]])
        assert score == pytest.approx(expected[key], rel=1e-5)


def test_words_are_scored_alike_however_many_are_remembered(monkeypatch) -> None:
    postings = Postings.of(["a b", "b c c", "a"], SPLIT)
    asked = [["a", "b"], ["c"], ["b", "c"], ["a"]] * 2
    expected = [Bm25([Searched(postings, None)]).scores(words)[0] for words in asked]
    monkeypatch.setattr("seatrial.rag.index.bm25._KNOWN_WORDS", 2)
    few = Bm25([Searched(postings, None)])
    for words, scores in zip(asked, expected, strict=True):
        np.testing.assert_array_equal(few.scores(words)[0], scores)


def test_what_was_searched_is_let_go_at_once() -> None:
    bm25 = Bm25([Searched(Postings.of(["a b"], SPLIT), None)])
    bm25.scores(["a"])
    held = weakref.ref(bm25)
    del bm25
    assert held() is None


def test_more_words_than_sixteen_bits_count_are_kept_apart() -> None:
    words = [f"w{number}" for number in range(70_000)]
    postings = Postings.of([" ".join(words), "w69999 w3"], SPLIT)
    assert len(postings.hashes) == 70_000
    places = postings.places(hashes_of(["w69999", "w3", "w4"]))
    assert [end - start for start, end in places] == [2, 2, 1]


def test_a_word_that_never_ends_is_counted_up_to_a_bound() -> None:
    postings = Postings.of(["a " * 70_000], SPLIT)
    assert postings.counts.tolist() == [65_535]
    assert postings.lengths.tolist() == [70_000]
