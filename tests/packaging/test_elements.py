"""The single numbers of rows, as edges and ends of the range are made of them."""

from __future__ import annotations

import numpy as np

from seatrial.packaging.elements import elements, values_at, with_values
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.testing.models import matrix_signature

SIGNATURE = Signature(
    features=(
        Feature(name="note", dtype=Dtype.STRING),
        Feature(name="age", dtype=Dtype.INT64),
        Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 3)),
    ),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=False,
)


def test_each_number_of_a_tensor_has_a_place_of_its_own() -> None:
    found = elements(SIGNATURE, 100)
    assert [(one.feature, one.at) for one in found] == [(1, 0), *((2, k) for k in range(6))]
    assert [one.dtype for one in found] == [Dtype.INT64, *[Dtype.FLOAT32] * 6]


def test_of_many_numbers_some_are_taken_evenly_first_and_last_among_them() -> None:
    found = elements(SIGNATURE, 3)
    assert [(one.feature, one.at) for one in found] == [(1, 0), (2, 2), (2, 5)]


def test_one_number_of_each_row_is_read_and_set_and_the_given_rows_stay() -> None:
    rows = {
        "note": np.array(["a", "b"], object),
        "age": np.array([30, 40]),
        "image": np.arange(12, dtype=np.float32).reshape(2, 2, 3),
    }
    _, second, *_ = found = elements(SIGNATURE, 100)
    which = [second, found[-1]]
    assert values_at(rows, which, SIGNATURE).tolist() == [0.0, 11.0]
    changed = with_values(rows, which, np.array([7.0, 8.0]), SIGNATURE)
    assert isinstance(changed, dict)
    assert changed["image"][0, 0, 0] == 7.0
    assert changed["image"][1, 1, 2] == 8.0
    assert rows["image"].sum() == 66.0
    assert changed["age"].tolist() == [30, 40]


def test_in_a_matrix_the_number_is_the_feature() -> None:
    signature = matrix_signature(("a", "b"))
    which = elements(signature, 10)
    rows = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert values_at(rows, which, signature).tolist() == [1.0, 4.0]
    assert np.asarray(with_values(rows, which, np.zeros(2), signature)).tolist() == [[0, 2], [3, 0]]
