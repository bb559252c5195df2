"""What MLflow's signatures say, and rows in the form and the types that MLflow asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from seatrial.adapters.native.pyfunc_inputs import taken_by
from seatrial.packaging.model_facts import Kind
from seatrial.registry.signature import Dtype
from seatrial.serving.failures import EngineFailed, UnsupportedModel


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    spec = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}
    return spec if name is None else {**spec, "name": name}


COLUMNS = [
    {"type": "integer", "name": "n", "required": True},
    {"type": "float", "name": "age", "required": True},
    {"type": "boolean", "name": "new", "required": True},
    {"type": "string", "name": "city", "required": False},
]


def test_columns_become_a_data_frame_of_their_types() -> None:
    taken = taken_by(COLUMNS)
    assert [fact.kind for fact in taken.facts()] == [
        Kind.NUMBER,
        Kind.NUMBER,
        Kind.BOOLEAN,
        Kind.STRING,
    ]
    assert [fact.nullable for fact in taken.facts()] == [False, False, False, True]
    assert taken.facts()[0].dtype is Dtype.INT64
    assert taken.number is Dtype.FLOAT32
    batch = {
        "n": np.array([1, 2]),
        "age": np.array([1.5, 2.5], np.float32),
        "new": np.array([True, False]),
        "city": np.array(["Bonn", None], dtype=object),
    }
    frame = taken.given(batch, ("n", "age", "new", "city"))
    assert isinstance(frame, pd.DataFrame)
    assert [str(kind) for kind in frame.dtypes][:3] == ["int32", "float32", "bool"]
    assert frame["city"].isna().tolist() == [False, True]


def test_columns_without_names_keep_their_order() -> None:
    taken = taken_by([{"type": "double"}, {"type": "double"}])
    frame = taken.given(np.array([[1.0, 2.0]]), ("left", "right"))
    assert frame.to_dict("list") == {0: [1.0], 1: [2.0]}
    assert not taken.named


def test_a_matrix_without_a_name_is_features_side_by_side() -> None:
    taken = taken_by([tensor("float32", -1, 3)])
    assert [fact.name for fact in taken.facts()] == ["x0", "x1", "x2"]
    given = taken.given(np.arange(6.0).reshape(2, 3), ("a", "b", "c"))
    assert (given.dtype, given.tolist()) == (np.float32, [[0, 1, 2], [3, 4, 5]])


def test_named_tensors_are_given_by_name() -> None:
    taken = taken_by([tensor("float64", -1, 2, name="x"), tensor("str", -1, name="y")])
    batch = {"x": np.ones((2, 2)), "y": np.array(["a", "b"], dtype=object)}
    given = taken.given(batch, ("x", "y"))
    assert given["x"].shape == (2, 2)
    assert given["y"].tolist() == ["a", "b"]


def test_an_image_of_bytes_is_whole_numbers_within_their_range() -> None:
    taken = taken_by([tensor("uint8", -1, 2, 2)])
    (fact,) = taken.facts()
    assert (fact.shape, fact.dtype, fact.low, fact.high) == ((2, 2), Dtype.INT64, 0, 255)
    given = taken.given({"x0": np.full((3, 2, 2), 255)}, ("x0",))
    assert given.dtype == np.uint8


@pytest.mark.parametrize("wrong", [-1, 256])
def test_a_number_that_would_become_another_is_refused(wrong: int) -> None:
    taken = taken_by([tensor("uint8", -1, 2, 2)])
    with pytest.raises(EngineFailed, match="from 0 to 255"):
        taken.given({"x0": np.full((3, 2, 2), wrong)}, ("x0",))


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ([], "names no inputs"),
        ([{"type": "datetime", "name": "when"}], "'when' is datetime"),
        ([{"type": "binary", "name": "raw"}], "'raw' is binary"),
        ([{"type": "array", "items": {"type": "double"}, "name": "a"}], "'a' is array"),
        ([{"name": "a"}], "'a' is None"),
        ([tensor("float32", -1, -1)], r"shape \[-1, -1\]"),
        ([tensor("float32", 4, 3)], r"shape \[4, 3\]"),
        ([tensor("complex64", -1, 3)], "complex64"),
        ([tensor("float32", *(-1, *range(1, 10)))], "shape"),
        ([{"type": "tensor"}], "None of shape"),
        ([tensor("float32", -1, 3), tensor("float32", -1, 3)], "without names"),
        ([tensor("float32", -1, 3, name="a"), {"type": "double", "name": "b"}], "mixes"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_has_no_one_value_a_row_is_refused(specs: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(UnsupportedModel, match=words) as told:
        taken_by(specs)
    assert told.value.remedy
