"""A segment searched in one go: what its legs find by themselves is there, with true scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.bm25 import Bm25, Searched
from seatrial.rag.index.codes import CodedQuery, Codes
from seatrial.rag.index.postings import Analysis, Postings
from seatrial.rag.index.ranking import best, cosines
from seatrial.rag.index.whole import Whole
from tests.rag.index.vectors_made import KINDS, by_chance, products

SPLIT = Analysis("spaces", str.split)
_kinds = st.sampled_from(KINDS)


def of(vectors: np.ndarray, texts: list[str]) -> tuple[Whole, Bm25]:
    bm25 = Bm25([Searched(Postings.of(texts, SPLIT), None)])
    return Whole(vectors, Codes.of(vectors), products, bm25, first_key=7), bm25


@given(
    kind=_kinds,
    asked=_kinds,
    d=st.sampled_from([1, 8, 384]),
    n=st.integers(2, 400),
    k=st.sampled_from([1, 3, 50]),
    words=st.lists(st.sampled_from("abcdz"), max_size=4),
    seed=st.integers(0, 2**32),
)
def test_the_best_of_each_leg_are_there(kind, asked, d, n, k, words, seed) -> None:
    random = np.random.default_rng(seed)
    vectors, k = kind(random, n, d), min(k, n - 1)
    texts = [" ".join(random.choice(list("aaaabbcd"), 3)) for _ in range(n)]
    whole, bm25 = of(vectors, texts)
    keys, every = np.arange(n) + 7, np.zeros(n, np.float32)
    scores = bm25.scores(words)[0]
    scores = every if scores is None else scores
    for query in (asked(random, 1, d)[0], vectors[-1]):
        found = whole.both(query, words, k)
        near = cosines(vectors, query)
        assert set(best(keys, near, k).keys.tolist()) <= set(found.keys.tolist())
        by_words = best(keys[scores > 0], scores[scores > 0], k)
        assert set(by_words.keys.tolist()) <= set(found.keys.tolist())
        assert found.keys.tolist() == sorted(found.keys.tolist())
        assert found.scores[0].tolist() == near[found.keys - 7].tolist()
        assert found.scores[1].tolist() == scores[found.keys - 7].tolist()


@pytest.mark.parametrize("guessed", [0.9, 1.0, -1.0])
def test_a_guess_that_is_wrong_is_made_good(monkeypatch, guessed: float) -> None:
    vectors = by_chance(np.random.default_rng(1), 300, 64)
    whole, _ = of(vectors, ["a"] * 300)
    monkeypatch.setattr(CodedQuery, "likely", lambda self, about, k: guessed)
    found = whole.both(vectors[3], [], 20)
    nearest = best(np.arange(300) + 7, cosines(vectors, vectors[3]), 20)
    assert set(nearest.keys.tolist()) <= set(found.keys.tolist())


def test_few_are_multiplied() -> None:
    """Or nothing would be saved."""
    vectors = by_chance(np.random.default_rng(2), 2_000, 384)
    whole, _ = of(vectors, ["a"] * 2_000)
    assert len(whole.both(by_chance(np.random.default_rng(3), 1, 384)[0], [], 50).keys) < 130


def test_a_damaged_vector_ends_no_question_late() -> None:
    """Vectors of a file are not compared with their checksum until an audit."""
    vectors = by_chance(np.random.default_rng(4), 300, 64)
    whole, _ = of(vectors, ["a"] * 300)
    whole.both(vectors[3], [], 20)
    vectors[:290] = np.nan
    assert len(whole.both(vectors[295], ["a"], 20).keys)
