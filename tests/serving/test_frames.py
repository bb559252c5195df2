"""What is packed comes back equal; what is no frame is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.serving import frames
from seatrial.serving.frames import BadFrame, FrameTooLarge, pack, sizes, unpack

NUMBERS = st.sampled_from(["<f4", "<f8", "<i8", "<i4", "|b1", "|u1"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
TEXTS = st.lists(st.none() | st.text(max_size=5), max_size=5).map(
    lambda values: np.array([*values, None], dtype=object)[:-1]
)


def sent(message: dict[str, object], *, writable: bool = True) -> dict[str, object]:
    data = b"".join(bytes(b) for b in pack(message))
    header, payload = sizes(data[: frames.PREFIX.size])
    body = (bytearray if writable else bytes)(data[frames.PREFIX.size :])
    assert len(body) == header + payload
    return unpack(memoryview(body)[:header], memoryview(body)[header:])


@given(st.dictionaries(st.text(max_size=4), NUMBERS | TEXTS, max_size=5))
def test_arrays_come_back_equal(
    batch: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]],
) -> None:
    got = sent({"batch": batch})["batch"]
    assert isinstance(got, dict)
    for name, array in batch.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        np.testing.assert_array_equal(got[name], array)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.binary(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_plain_values_come_back_equal(value: object) -> None:
    assert sent({"value": value})["value"] == value


def test_numpy_scalars_come_back_plain() -> None:
    assert sent({"a": np.float64(1.5), "b": np.int64(2)}) == {"a": 1.5, "b": 2}


def test_arrays_are_read_in_place_and_aligned() -> None:
    batch = {"a": np.ones(3, np.int8), "b": np.arange(4.0), "f": np.asfortranarray(np.eye(3))}
    got = sent({"batch": batch})["batch"]
    assert isinstance(got, dict)
    assert not got["b"].flags.owndata
    assert got["b"].flags.writeable
    np.testing.assert_array_equal(got["f"], np.eye(3))


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2}.__iter__(),
        np.zeros(2, complex),
        1 << 70,
        np.zeros(2, "M8[s]"),
        np.array([object()], dtype=object),
    ],
)
def test_what_cannot_be_sent_is_refused(value: object) -> None:
    with pytest.raises(BadFrame, match="cannot be sent"):
        pack({"value": value})


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_noise_is_refused_or_a_message(header: bytes, payload: bytes) -> None:
    with contextlib.suppress(BadFrame):
        assert isinstance(unpack(header, payload), dict)


def test_an_array_that_reaches_outside_its_payload_is_refused() -> None:
    buffers = pack({"a": np.arange(10.0)})
    header = bytes(buffers[0])[frames.PREFIX.size :]
    with pytest.raises(BadFrame):
        unpack(header, bytes(79))


@pytest.mark.parametrize(
    "prefix", [b"\xff\xff\xff\xff\x00\x00\x00\x00", b"\x00\x00\x00\x01\xff\xff\xff\xff"]
)
def test_announced_lengths_are_bounded(prefix: bytes) -> None:
    with pytest.raises(FrameTooLarge):
        sizes(prefix)
