"""Sums and samples of vectors: exact, bounded, and the same for any partition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.stats.vector_counts import Moments, RowSample, capacity, well_formed
from seatrial.stats.vector_reference import blocks, counted
from seatrial.stats.whole_vectors import STEP, WholeVectors

WIDTH = 4


def whole() -> WholeVectors:
    return WholeVectors(
        np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32), np.zeros((0, WIDTH), np.float32)
    )


def of(rows: NDArray[np.floating]) -> tuple[Moments, RowSample]:
    return counted(WIDTH, blocks(whole(), rows))[:2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_000), st.lists(st.integers(0, 12_000), max_size=4))
def test_any_partition_of_many_rows_gives_the_identical_sums_and_sample(
    seed: int, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(12_000, WIDTH))
    rows[rng.integers(0, 12_000, 6_000)] = rows[rng.integers(0, 40, 6_000)]  # many copies
    moments, sample = of(rows)
    parts = [of(part) for part in np.split(rng.permutation(rows), sorted(cuts))]
    again, some = Moments.none(WIDTH), RowSample.none(WIDTH)
    for part_moments, part_sample in parts:
        again, some = again + part_moments, some + part_sample
    assert again == moments
    assert some == sample
    assert len(sample.hashes) == capacity(WIDTH)
    assert int(moments.n.sum()) == 12_000


def test_sums_are_those_of_the_rows_and_copies_are_counted() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(300, WIDTH)), np.full((50, WIDTH), 2.0)])
    moments, sample = of(rows)
    np.testing.assert_allclose(moments.sums.sum(axis=0)[0] / STEP, rows.sum(axis=0), atol=1)
    np.testing.assert_allclose(moments.sums.sum(axis=0)[1] / STEP, np.abs(rows).sum(axis=0), atol=1)
    assert sample.counts.sum() == 350
    kept = (sample.rows == 2 * STEP).all(axis=1)
    assert sample.counts[kept].tolist() == [50]
    assert sum(len(sample.half(h)[0]) for h in (0, 1)) == 301
    assert not sample.full


def test_room_is_bounded() -> None:
    assert capacity(384) * 384 * 2 <= 2**20
    assert (capacity(1), capacity(10_000)) == (4_096, 256)


@pytest.mark.parametrize("flaw", ["sums", "order", "counts", "width", "more"])
def test_what_does_not_belong_together_is_seen(flaw: str) -> None:
    moments, sample = of(np.random.default_rng(0).normal(size=(100, WIDTH)))
    assert well_formed(moments, sample, WIDTH)
    match flaw:
        case "sums":
            moments = replace(moments, sums=moments.sums + 10**9)
        case "order":
            sample = replace(sample, hashes=sample.hashes[::-1])
        case "counts":
            sample = replace(sample, counts=-sample.counts)
        case "width":
            sample = replace(sample, rows=sample.rows[:, :2])
        case "more":
            sample = replace(sample, counts=sample.counts * 2)
    assert not well_formed(moments, sample, WIDTH)
