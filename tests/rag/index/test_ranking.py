"""The best are the best, in one order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.rag.index.ranking import among_best, best, best_and, cosines

_scores = st.builds(
    lambda values, n, seed: np.random.default_rng(seed).choice(np.array(values, np.float32), n),
    st.lists(
        st.floats(-1, 1, width=32) | st.sampled_from([-0.0, 0.0, 1e-40, -1e-40, 30.0, np.inf]),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 900),
    st.integers(0, 9),
)
_k = st.integers(1, 30) | st.integers(200, 900)


@given(scores=_scores, k=_k | st.integers(-1, 0))
def test_the_best_come_first_and_equal_ones_by_key(scores: NDArray[np.float32], k: int) -> None:
    keys = 3 * np.arange(len(scores))
    hits = best(keys, scores, k)
    pairs = sorted(
        zip(keys.tolist(), scores.tolist(), strict=True), key=lambda one: (-one[1], one[0])
    )
    expected = pairs[: max(k, 0)]
    assert list(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True)) == expected


@given(scores=_scores, k=_k, deeper=st.integers(0, 40), seed=st.integers(0, 9))
def test_others_are_kept_as_far_down_as_is_asked(
    scores: NDArray[np.float32], k: int, deeper: int, seed: int
) -> None:
    keys = 3 * np.arange(len(scores))
    also = np.random.default_rng(seed).permutation(3 * len(scores) + 1)[: len(scores)]
    found = best_and(keys, scores, k, also, k + deeper)
    deep = best(keys, scores, k + deeper)
    asked = set(also.tolist())
    at = [n for n, key in enumerate(deep.keys.tolist()) if n < k or key in asked]
    assert found.keys.tolist() == deep.keys[at].tolist()
    assert found.scores.tolist() == deep.scores[at].tolist()


@given(scores=_scores, k=_k, above=st.sampled_from([-2.0, 0.0, 0.5]))
def test_what_is_among_the_best_lies_above_the_bound(
    scores: NDArray[np.float32], k: int, above: float
) -> None:
    held = sorted(score for score in scores.tolist() if score > above)
    floor = held[max(len(held) - k, 0)] if held else np.inf
    expected = [n for n, score in enumerate(scores.tolist()) if score > above and score >= floor]
    assert among_best(scores, k, above=above).tolist() == expected


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
