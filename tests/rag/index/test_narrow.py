"""Numbers stay the same, in fewer bytes where these hold them."""

import numpy as np
import pytest

from seatrial.rag.index.narrow import narrowed


@pytest.mark.parametrize(
    ("name", "numbers", "wide", "bits"),
    [
        ("spans", [[0, 2**31 - 1]], np.int64, 32),
        ("spans", [[0, 2**31]], np.int64, 64),
        ("pages", [-1, 4], np.int64, 32),
        ("word_rows", [0, 65_535], np.int32, 16),
        ("word_rows", [0, 65_536], np.int32, 32),
        ("word_counts", [1, 255], np.uint16, 8),
        ("word_counts", [1, 256], np.uint16, 16),
        ("word_counts", [], np.uint16, 8),
        ("text_bounds", [0, 1], np.int64, 64),
    ],
)
def test_numbers_are_kept(name: str, numbers: list[int], wide: type, bits: int) -> None:
    kept = narrowed({name: np.array(numbers, wide)})[name]
    assert kept.dtype.itemsize * 8 == bits
    assert kept.tolist() == numbers
