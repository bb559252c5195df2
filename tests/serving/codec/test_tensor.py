import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.codec.tensor import DATATYPES, dtype_of, flat, from_bytes, from_json, to_bytes
from seatrial.serving.exchange import BadInput


@given(
    st.sampled_from([name for name in DATATYPES if name not in ("BYTES", "FP16")]),
    st.data(),
)
def test_raw_tensors_come_back_as_they_were(datatype: str, data: st.DataObject) -> None:
    dtype = DATATYPES[datatype]
    values = data.draw(st.lists(st.integers(0, 1), max_size=5))
    array = np.array(values, dtype)
    raw = memoryview(to_bytes(array))
    np.testing.assert_array_equal(from_bytes(raw, dtype, len(values), "x"), array)


@given(st.lists(st.text(max_size=8), max_size=5))
def test_strings_come_back_as_they_were(values: list[str]) -> None:
    array = np.empty(len(values), object)
    array[:] = values
    raw = memoryview(to_bytes(array))
    assert from_bytes(raw, np.dtype(object), len(values), "x").tolist() == values


@given(st.binary(max_size=40), st.integers(0, 5))
def test_any_bytes_are_strings_or_the_clients_fault(raw: bytes, size: int) -> None:
    try:
        strings = from_bytes(memoryview(raw), np.dtype(object), size, "x")
    except BadInput:
        return
    assert len(strings) == size
    assert to_bytes(strings) == raw


def test_a_boolean_byte_is_true_whatever_its_bits() -> None:
    array = from_bytes(memoryview(b"\x00\x01\x07"), np.dtype(bool), 3, "x")
    assert array.view(np.uint8).tolist() == [0, 1, 1]


def test_raw_data_must_be_as_long_as_its_shape_says() -> None:
    with pytest.raises(BadInput, match=r"is 9 bytes long.*need 8"):
        from_bytes(memoryview(bytes(9)), np.dtype("<f4"), 2, "x")


@pytest.mark.parametrize(
    ("data", "shape", "expected"),
    [
        ([1, 2, 3, 4], [2, 2], [1, 2, 3, 4]),
        ([[1, 2], [3, 4]], [2, 2], [1, 2, 3, 4]),
        ([1], [1], [1]),
        ([], [0, 3], []),
    ],
)
def test_data_is_flat_or_nested(data: object, shape: list[int], expected: list[int]) -> None:
    assert flat(data, shape, "x") == expected


@pytest.mark.parametrize(
    ("data", "shape", "why"),
    [
        ("no", [1], "not a list"),
        ([[1, 2], [3]], [2, 2], "Row 1 of 'x' does not hold 2 values"),
        ([[1, 2], 3], [2, 2], "Row 1"),
        ([1, 2, 3], [2, 2], "3 values but its shape .* holds 4"),
        ([[1, 2]], [2, 2], "1 values but"),
    ],
)
def test_data_that_does_not_fill_its_shape_is_refused(
    data: object, shape: list[int], why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        flat(data, shape, "x")


@pytest.mark.parametrize(
    ("datatype", "good", "bad"),
    [
        ("BOOL", [True], 1),
        ("INT8", [-128, 127], 128),
        ("UINT8", [0, 255], -1),
        ("INT64", [-(2**63)], 2**63),
        ("UINT64", [2**64 - 1], 2**64),
        ("INT32", [1, -2.0], 1.5),
        ("INT32", [1], math.nan),
        ("INT64", [1], 2.0**63),
        ("INT32", [1], True),
        ("FP32", [1, 2.5], "2.5"),
        ("FP64", [None], False),
        ("FP64", [1], 10**400),
        ("BYTES", ["a", None], 1),
    ],
)
def test_json_values_must_be_of_the_declared_datatype(
    datatype: str, good: list[object], bad: object
) -> None:
    dtype = dtype_of(datatype, "x")
    assert len(from_json(good, dtype, "x")) == len(good)
    with pytest.raises(BadInput) as refused:
        from_json([*good, *good, bad], dtype, "x", width=2)
    assert refused.value.facts == {"field": "x", "row": len(good)}
    assert datatype in str(refused.value)


def test_an_unknown_datatype_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"'FP8', which is not known.*FP32"):
        dtype_of("FP8", "x")
