"""Products of bytes are whole numbers, and an index does without them."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.index.products_simsimd import byte_products


@given(
    n=st.integers(1, 70),
    d=st.sampled_from([1, 2, 15, 16, 31, 33, 63, 64, 65, 127, 384, 1000]),
    seed=st.integers(0, 2**32),
    most=st.sampled_from([1, 127]),
)
def test_products_are_exact(n: int, d: int, seed: int, most: int) -> None:
    products = byte_products()
    assert products is not None
    random = np.random.default_rng(seed)
    codes = random.integers(-most, most + 1, (n, d)).astype(np.int8)
    query = random.choice([-most, 0, most], d).astype(np.int8)
    codes[0] = np.where(query < 0, -127, 127)  # the largest sum there can be
    codes.flags.writeable = False
    found = products(codes, query)
    assert found.dtype == np.float32
    assert found.flags.writeable
    assert found.tolist() == (codes.astype(np.int64) @ query.astype(np.int64)).tolist()


def test_without_the_extra_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simsimd", None)
    assert byte_products() is None
