"""Words that are counted by pieces are those that are counted one by one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index import numbering
from seatrial.rag.index.numbering import Numbered, numbered
from seatrial.rag.index.pieces import pieces
from seatrial.rag.index.postings import Postings
from seatrial.rag.index.words import WORDS

_WORDS = st.sampled_from(
    [
        "the",
        "The",
        "3.5",
        "don't",
        "café",
        "图书馆",
        "x" * 24,
        "x" * 25,
        "y" * 60,
        "—",
        "(b)",
        "\ud800",
    ]
)
_TEXTS = st.lists(
    st.one_of(st.text(max_size=30), st.lists(_WORDS, max_size=12).map(" ".join)), max_size=6
)


def counted(texts: Sequence[str], found: Numbered) -> list[Counter[str]]:
    """The words of each text."""
    assert found.numbers.dtype == found.lengths.dtype == np.int32
    words = [found.words[number] for number in found.numbers.tolist()]
    ends = np.cumsum(found.lengths).tolist()
    assert len(ends) == len(texts)
    assert len(words) == (ends[-1] if ends else 0)
    return [Counter(words[end - n : end]) for end, n in zip(ends, found.lengths, strict=True)]


@given(_TEXTS)
def test_pieces_give_the_words_of_whole_texts(texts: list[str]) -> None:
    by_pieces = numbered(texts, WORDS.split, pieces)
    assert counted(texts, by_pieces) == [Counter(WORDS.split(text)) for text in texts]
    whole = numbered(texts, WORDS.split, None)
    assert counted(texts, whole) == counted(texts, by_pieces)
    assert sorted(whole.words) == sorted(by_pieces.words)


@given(_TEXTS)
def test_an_index_is_the_same_by_pieces_and_without(texts: list[str]) -> None:
    whole = Postings.of(texts, replace(WORDS, pieces=None))
    by_pieces = Postings.of(texts, WORDS)
    for name in ("hashes", "bounds", "rows", "counts", "lengths"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(by_pieces, name))


def test_texts_of_several_blocks_are_counted_as_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"word{number % 7} and {number}" for number in range(100)]
    monkeypatch.setattr(numbering, "_BLOCK", 64)
    assert counted(texts, numbered(texts, str.split, pieces)) == [Counter(t.split()) for t in texts]


def test_each_different_piece_is_split_once_but_for_long_ones_and_not_where_it_is_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(numbering, "_BLOCK", 8)
    asked: list[str] = []

    def split(piece: str) -> list[str]:
        asked.append(piece)
        return piece.split("_")

    long = "z_" * 20
    found = numbered(["a_b c a_b", f"b a_b c_ {long}", long], split, pieces)
    assert sorted(asked) == ["a_b", "c_", long, long]
    assert found.lengths.tolist() == [5, 26, 21]


def test_pieces_whose_mixtures_are_equal_are_still_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(numbering, "_FACTORS", (0, 0, 0))
    texts = ["a b a b", "b c", "c c a"]
    assert counted(texts, numbered(texts, str.split, pieces)) == [Counter(t.split()) for t in texts]


def test_a_piece_may_have_no_word_or_several() -> None:
    def split(piece: str) -> list[str]:
        return list(piece.removeprefix("_"))

    found = numbered(["_ _abc _", "", "_"], split, pieces)
    assert [sorted(one.elements()) for one in counted(["", "", ""], found)] == [list("abc"), [], []]
