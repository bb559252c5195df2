"""Codes are near their vectors, and no product is higher than they tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.codes import _BLOCK, CodedQuery, Codes
from seatrial.rag.index.ranking import cosines
from tests.rag.index.vectors_made import KINDS, Vectors, products, unit

_kinds = st.sampled_from(KINDS)
_dimensions = st.sampled_from([1, 2, 3, 8, 63, 384, 1500])


@given(kind=_kinds, d=_dimensions, seed=st.integers(0, 2**32))
def test_a_code_is_within_half_a_step_of_its_number(kind, d: int, seed: int) -> None:
    vectors = kind(np.random.default_rng(seed), 40, d)
    codes = Codes.of(vectors)
    assert codes.values.dtype == np.int8
    assert np.abs(codes.values.astype(int)).max() <= 127
    scales = codes.scales.astype(np.float64)[:, None]
    assert (np.abs(vectors - scales * codes.values) <= 0.5001 * scales).all()


@given(kind=_kinds, asked=_kinds, d=_dimensions, seed=st.integers(0, 2**32))
def test_no_product_is_higher_than_its_codes_tell(kind, asked, d: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors: Vectors = kind(random, 60, d)
    queries = [*asked(random, 3, d), vectors[0], -vectors[1]]
    codes = Codes.of(vectors)
    for query in queries:
        coded = CodedQuery(query, products)
        heights = coded.heights(codes)
        for height, product in zip(heights, cosines(vectors, query).tolist(), strict=True):
            assert height >= coded.height(product)


@given(kind=_kinds, asked=_kinds, d=_dimensions, seed=st.integers(0, 2**32))
def test_it_is_known_how_far_codes_are_from_their_vectors(kind, asked, d: int, seed: int) -> None:
    """Which bounds products, too, and not as high."""
    random = np.random.default_rng(seed)
    vectors: Vectors = kind(random, 60, d)
    codes = Codes.of(vectors)
    errors = codes.errors(vectors)
    off = codes.values * codes.scales[:, None].astype(np.float64) - vectors
    lengths = np.linalg.norm(off, axis=1)
    assert (errors >= lengths - 1e-7).all()
    assert (errors <= 1.01 * lengths + 1e-6).all()
    for query in [*asked(random, 3, d), vectors[0], -vectors[1]]:
        coded = CodedQuery(query, products)
        about, heights = coded.bounded(codes, errors)
        for height, product in zip(heights, cosines(vectors, query).tolist(), strict=True):
            assert height >= coded.height(product)
        assert (about <= heights).all()


@pytest.mark.parametrize("d", [8, 384, 1500])
def test_the_bound_is_reached(d: int) -> None:
    """By rows that lie off by half a step, in all numbers but one, towards the query."""
    random = np.random.default_rng(4)
    rows = random.integers(-126, 126, (50, d)) + 0.4999
    rows[:, 0] = 127
    vectors = unit(rows)
    query = np.full(d, d**-0.5, np.float32)
    coded = CodedQuery(query, products)
    codes = Codes.of(vectors)
    product = np.array([coded.height(one) for one in cosines(vectors, query).tolist()])
    step = d**-0.5 / 127
    spare = (coded.heights(codes) - product) * step / (codes.scales * 0.5 * d**0.5)
    assert (spare >= 0).all()
    assert (spare < 1 / d + 0.04).all()


def test_codes_rule_out_what_is_far() -> None:
    """By .03, of 384 numbers: else too many products would be left to compute."""
    random = np.random.default_rng(1)
    vectors = KINDS[0](random, 5_000, 384)
    query = KINDS[0](random, 1, 384)[0]
    coded = CodedQuery(query, products)
    found = cosines(vectors, query)
    heights = coded.heights(Codes.of(vectors))
    left = found[heights >= coded.height(0.1)]
    assert np.isin(found[found >= 0.1], left).all()
    assert left.min() > 0.07


@pytest.mark.parametrize("shape", [(0, 8), (5, 0), (0, 0)])
def test_nothing_has_no_codes(shape: tuple[int, int]) -> None:
    codes = Codes.of(np.empty(shape, np.float32))
    assert codes.values.shape == shape
    assert codes.scales.shape == shape[:1]


@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-38, 1e-20, 1.0, 1e20, 3e38])
def test_vectors_of_any_length_have_codes(size: float) -> None:
    """An index refuses them; an audit has to look at them."""
    vectors = (KINDS[0](np.random.default_rng(2), 20, 16) * size).astype(np.float32)
    codes = Codes.of(vectors)
    scales = codes.scales.astype(np.float64)[:, None]
    assert (np.abs(vectors - scales * codes.values) <= 0.5001 * scales).all()


def test_codes_of_many_vectors_are_those_of_each():
    vectors = np.random.default_rng(0).normal(size=(_BLOCK + 3, 4)).astype(np.float32)
    codes = Codes.of(vectors)
    for some in (slice(0, 2), slice(_BLOCK - 1, _BLOCK + 3)):
        alone = Codes.of(vectors[some])
        assert np.array_equal(codes.values[some], alone.values)
        assert np.array_equal(codes.scales[some], alone.scales)
    assert len(Codes.of(np.empty((0, 4), np.float32)).scales) == 0
