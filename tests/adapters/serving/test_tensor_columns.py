"""Tensors as TensorFlow Serving's REST has them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.adapters.serving.tensor_columns import answered, asked
from seatrial.serving.oip import Tensor


def test_columns_go_as_they_are_and_numbers_lose_nothing() -> None:
    rows = np.array([[0.1, np.nan], [-np.inf, 3]], np.float32)
    whole = np.array([2**63 - 1, -1])
    texts = np.array(["å", ""], object)
    tensors = [
        Tensor(name="x", datatype="FP32", values=rows),
        Tensor(name="n", datatype="INT64", values=whole),
        Tensor(name="t", datatype="BYTES", values=texts),
    ]
    read = json.loads(asked(tensors))["inputs"]
    np.testing.assert_array_equal(np.array(read["x"], np.float32), rows)
    assert read["n"] == whole.tolist()
    assert read["t"] == ["å", ""]


def test_one_answer_stands_alone_and_several_by_name() -> None:
    alone = answered(b'{"outputs": [1.5, NaN]}', ["total"], ["total"])
    np.testing.assert_array_equal(alone["total"], [1.5, np.nan])
    both = b'{"outputs": {"a": [true], "b": ["x"]}}'
    found = answered(both, ["a", "b"], ["b", "a", "c"])
    assert [values.tolist() for values in found.values()] == [["x"], [True]]
    assert [str(values.dtype) for values in found.values()] == ["object", "bool"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b'{"error": "x"}',
        b'{"outputs": [1]}',
        b'{"outputs": {"a": [1, [2]], "b": [1]}}',
        b'{"outputs": {"a": 5, "b": [1]}}',
        b'{"outputs": {"a": [null], "b": [1]}}',
        b'{"outputs": {"a": {"x": 1}, "b": [1]}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        answered(body, ["a", "b"], ["a", "b"])
