"""Arrays come back as they were, or not at all."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from seatrial.stats.packed_arrays import Packed, pack, unpack


def test_arrays_come_back_through_bytes_in_shape_and_value() -> None:
    floats, ints = np.linspace(-1, 1, 6).reshape(2, 3), np.arange(4, dtype=">i8")
    kept = msgspec.msgpack.encode(pack([floats, ints, np.empty((0, 5))]))
    found = unpack(msgspec.msgpack.decode(kept, type=Packed), ("<f8", "<i8", "<f8"))
    np.testing.assert_array_equal(found[0], floats)
    np.testing.assert_array_equal(found[1], ints)
    assert found[2].shape == (0, 5)


@pytest.mark.parametrize(
    ("arrays", "kinds"),
    [
        ([np.ones(2)], ("<f8", "<f8")),
        ([np.array([1.0, np.nan])], ("<f8",)),
        ([np.array([np.inf])], ("<f8",)),
        ([np.ones(3, np.float32)], ("<f8",)),
    ],
)
def test_what_is_not_as_it_was_is_refused(arrays, kinds) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(pack(arrays), kinds)
