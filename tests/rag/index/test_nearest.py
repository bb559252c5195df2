"""What codes lead to is what all products lead to: keys, scores and order, to the last bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.codes import Codes
from seatrial.rag.index.nearest import Nearest
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.ranking import best, cosines
from tests.rag.index.vectors_made import KINDS, Vectors, products, unit

_kinds = st.sampled_from(KINDS)
_shares = st.sampled_from([0.0, 0.01, 0.4, 0.6, 0.99, None])
_parts = st.lists(st.tuples(_kinds, st.integers(0, 3_000), _shares), min_size=1, max_size=4)


def assert_same(found: Hits, expected: Hits) -> None:
    assert found.keys.tolist() == expected.keys.tolist()
    assert found.scores.tobytes() == expected.scores.tobytes()


@given(
    parts=_parts,
    asked=_kinds,
    d=st.sampled_from([1, 2, 8, 65, 384]),
    k=st.sampled_from([1, 2, 10, 100, 5_000]),
    seed=st.integers(0, 2**32),
)
def test_the_same_is_found_as_by_all_products(parts, asked, d: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    made: list[tuple[Vectors, np.ndarray | None]] = []
    for kind, n, share in parts:
        chosen = None if share is None else np.flatnonzero(random.random(n) < share)
        made.append((kind(random, n, d), chosen))
    rows = np.concatenate([vectors for vectors, _ in made])
    for query in (asked(random, 1, d)[0], *rows[:1], *-rows[-1:]):
        nearest = Nearest(query, k, products)
        keys, scores = [], []
        first = 7
        for vectors, chosen in made:
            nearest.look(vectors, Codes.of(vectors), first, chosen)
            inside = np.arange(len(vectors)) if chosen is None else chosen
            keys.append(inside + first)
            scores.append(cosines(vectors, query)[inside])
            first += len(vectors)
        assert_same(nearest.hits(), best(np.concatenate(keys), np.concatenate(scores), k))


def test_the_same_is_found_in_several_blocks_with_few_products_computed() -> None:
    random = np.random.default_rng(3)
    vectors = KINDS[0](random, 40_000, 32)
    codes = Codes.of(vectors)
    query = KINDS[0](random, 1, 32)[0]
    seen = CountedRows(vectors)
    for chosen in (None, np.arange(0, 40_000, 3), np.flatnonzero(np.arange(40_000) % 5)):
        seen.n = 0
        nearest = Nearest(query, 10, products)
        nearest.look(seen, codes, 0, chosen)  # type: ignore[arg-type]
        inside = np.arange(40_000) if chosen is None else chosen
        assert_same(nearest.hits(), best(inside, cosines(vectors, query)[inside], 10))
        assert seen.n < 600


class CountedRows:
    """Vectors, of which rows that are read are counted."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self.shape = vectors.shape
        self.n = 0

    def take(self, rows: np.ndarray, **how: object) -> Vectors:
        self.n += len(rows)
        return self._vectors.take(rows, **how)  # type: ignore[call-overload]


def test_a_worse_beginning_does_not_leave_too_much_for_later() -> None:
    """Rows that rise: each is nearer than all before it."""
    angles = np.linspace(1.5, 0.0, 30_000)
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    query = np.array([1, 0], np.float32)
    nearest = Nearest(query, 5, products)
    nearest.look(vectors, Codes.of(vectors), 0, None)
    assert_same(nearest.hits(), best(np.arange(30_000), cosines(vectors, query), 5))


def test_what_codes_promise_too_much_of_is_found_all_the_same() -> None:
    """All numbers but one are rounded up, towards the query: no product is as high as it seems."""
    rows = np.random.default_rng(4).integers(-126, 126, (300, 384)) - 0.4999
    rows[:, 0] = 127
    vectors = unit(rows)
    query = np.full(384, 384**-0.5, np.float32)
    codes = Codes.of(vectors)
    for k in (1, 10, 100):
        nearest = Nearest(query, k, products)
        nearest.look(vectors, codes, 0, None)
        assert_same(nearest.hits(), best(np.arange(300), cosines(vectors, query), k))
