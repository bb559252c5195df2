"""Vectors in whole numbers: the same for a row whatever rows stand beside it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.stats.whole_vectors import BLOCK, MOST, MOST_SPREAD, STEP, WholeVectors


def made(width: int, n_axes: int = 2) -> WholeVectors:
    rng = np.random.default_rng(width)
    axes = np.linalg.qr(rng.normal(size=(width, width)))[0][:n_axes].astype(np.float32)
    middle = rng.normal(size=width).astype(np.float32)
    return WholeVectors(middle, np.full(width, 0.5, np.float32), axes)


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 40), st.integers(0, 10_000))
def test_a_row_is_the_same_alone_and_among_others(width: int, n: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    whole = made(width, min(2, width))
    together = whole.block(rows)
    for i in range(n):
        alone = whole.block(rows[i : i + 1])
        np.testing.assert_array_equal(alone.level[0], together.level[i])
        np.testing.assert_array_equal(alone.places[0], together.places[i])
        assert alone.distance[0] == together.distance[i]
        assert alone.hashes[0] == together.hashes[i]


def test_places_and_distances_are_those_of_the_vectors() -> None:
    rng = np.random.default_rng(0)
    whole, rows = made(16), rng.normal(0, 0.3, size=(100, 16)).astype(np.float32)
    found = whole.block(rows)
    units = (rows - whole.middle) / whole.unit
    axes = np.linalg.qr(np.random.default_rng(16).normal(size=(16, 16)))[0][:2]
    np.testing.assert_allclose(found.places, units @ axes.T, atol=0.01)
    np.testing.assert_allclose(found.distance, np.linalg.norm(units, axis=1), atol=0.01)
    np.testing.assert_allclose(found.spread, np.minimum(np.abs(units), 4) * STEP, atol=0.51)


def test_an_outlier_counts_as_eight_units_and_a_block_sums_exactly() -> None:
    whole = WholeVectors(
        np.zeros(1, np.float32), np.ones(1, np.float32), np.ones((1, 1), np.float32)
    )
    rows = np.array([[1e30], [-3e38], [0.5]], np.float32)
    assert whole.block(rows).level.ravel().tolist() == [MOST * STEP, -MOST * STEP, 128]
    assert whole.block(rows).spread.ravel().tolist() == [MOST_SPREAD * STEP] * 2 + [128]
    assert BLOCK * MOST * STEP < 2**24, "float32 counts by ones so far"


def test_equal_rows_have_equal_hashes_and_others_spread_evenly() -> None:
    rng = np.random.default_rng(0)
    whole = made(8)
    rows = rng.normal(size=(20_000, 8)).astype(np.float32)
    hashes = whole.block(rows).hashes
    assert len(np.unique(hashes)) == len(rows)
    np.testing.assert_array_equal(whole.block(rows[::-1]).hashes[::-1], hashes)
    for bit in range(64):
        share = float(((hashes >> np.uint64(bit)) & np.uint64(1)).mean())
        assert abs(share - 0.5) < 0.02, bit  # over 5 standard deviations
    minus = WholeVectors(
        np.zeros(2, np.float32), np.ones(2, np.float32), np.zeros((0, 2), np.float32)
    )
    zeros = np.array([[0.0, -0.0], [-0.0, 0.0], [1e-9, -1e-9]])
    assert len(np.unique(minus.block(zeros).hashes)) == 1
