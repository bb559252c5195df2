"""The best are the best, in one order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.ranking import best, cosines

_scores = st.lists(st.integers(-5, 5), max_size=400)


@given(scores=_scores, k=st.integers(-1, 30), seed=st.integers(0, 9))
def test_the_best_come_first_and_equal_ones_by_key(scores: list[int], k: int, seed: int) -> None:
    keys = np.random.default_rng(seed).permutation(len(scores))
    hits = best(keys, np.array(scores, np.float32), k)
    pairs = sorted(zip(keys.tolist(), scores, strict=True), key=lambda one: (-one[1], one[0]))
    expected = pairs[: max(k, 0)]
    assert list(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True)) == expected


def test_few_of_very_many_are_found() -> None:
    scores = np.random.default_rng(1).standard_normal(50_000).astype(np.float32)
    hits = best(np.arange(50_000), scores, 10)
    assert hits.keys.tolist() == np.argsort(-scores)[:10].tolist()


def test_equal_vectors_have_equal_products_wherever_they_lie() -> None:
    random = np.random.default_rng(2)
    vectors = random.standard_normal((1001, 77)).astype(np.float32)
    vectors[::7] = vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[500]
    assert len(set(cosines(vectors, query)[::7].tolist())) == 1
    assert len(set(cosines(vectors[3:], query)[4::7].tolist())) == 1
    assert cosines(vectors, query).max() <= 1
