"""Signs of vectors count what they say, and lead to the nearest."""

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.rag.index.signs import distances, nearest, planes_of


def unit(n: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((n, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("dimensions", [1, 8, 63, 64, 65, 384])
def test_differing_signs_of_coordinates_that_are_not_small_are_counted(dimensions: int) -> None:
    vectors, query = unit(50, dimensions, 1), unit(1, dimensions, 2)[0]
    telling = np.abs(query) > np.quantile(np.abs(query), 0.3)
    expected = (((vectors > 0) != (query > 0)) & telling).sum(axis=1)
    assert distances(planes_of(vectors), query).tolist() == expected.tolist()


@pytest.mark.parametrize("n", [0, 1, 10, 99, 100, 1000])
def test_the_nearest_are_taken_with_all_that_equal_the_last(n: int) -> None:
    total = np.random.default_rng(3).integers(0, 20, 100).astype(np.uint16)
    at = nearest(total, n)
    assert len(at) >= min(n, 100)
    left = np.setdiff1d(np.arange(100), at)
    if len(left) and len(at):
        assert total[left].min() > total[at].max()
        assert len(at) - np.count_nonzero(total[at] == total[at].max()) < max(n, 1)
