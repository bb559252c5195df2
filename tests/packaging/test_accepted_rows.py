"""Rows that a signature accepts."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.packaging.accepted_rows import accepted_rows
from seatrial.packaging.sample import Sample, SampleMismatch
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

AGE = Feature(name="age", dtype=Dtype.FLOAT64)


def signed(*features: Feature, named: bool = True) -> Signature:
    return Signature(
        features=features,
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
        task=Task.REGRESSION,
        matrix=False,
        named=named,
    )


def test_rows_that_a_signature_refuses_are_marked_and_stay() -> None:
    sample = Sample(
        columns={"age": np.array([1.0, np.nan, 3.0]), "y": np.zeros(3)}, n_rows=3, n_total=3
    )
    batch, accepted = accepted_rows(signed(AGE), sample, label="y")
    assert accepted.tolist() == [True, False, True]
    assert isinstance(batch, dict)
    assert len(batch["age"]) == 3


def test_a_model_without_names_takes_columns_by_their_order() -> None:
    sample = Sample(
        columns={"y": np.zeros(1), "age": np.array([1.0]), "income": np.array([2.0])},
        n_rows=1,
        n_total=1,
    )
    inputs = [Feature(name=f"x{i}", dtype=Dtype.FLOAT64) for i in range(2)]
    batch, _ = accepted_rows(signed(*inputs, named=False), sample, label="y")
    assert isinstance(batch, dict)
    assert (batch["x0"].tolist(), batch["x1"].tolist()) == ([1.0], [2.0])
    with pytest.raises(SampleMismatch, match="lack the column 'x0'"):
        accepted_rows(signed(*inputs), sample, label="y")


def test_rows_that_a_narrow_type_cannot_hold_are_marked() -> None:
    levels = Feature(name="x", dtype=Dtype.INT8, shape=(2,))
    halves = Feature(name="y", dtype=Dtype.FLOAT16, shape=(2,))
    sample = Sample(
        columns={
            "x": np.array([[-128, 127], [0, 300], [0, 0.5], [0, np.nan], [0, 0]]),
            "y": np.array([[0, 1]] * 4 + [[1e6, 0]]),
        },
        n_rows=5,
        n_total=5,
    )
    batch, accepted = accepted_rows(signed(levels, halves), sample, label="z")
    assert accepted.tolist() == [True, False, False, False, False]
    assert isinstance(batch, dict)
    assert (batch["x"].dtype, batch["y"].dtype) == (np.int8, np.float16)


def test_words_in_place_of_numbers_are_refused_by_name() -> None:
    sample = Sample(
        columns={"age": np.array(["old"], object), "y": np.zeros(1)}, n_rows=1, n_total=1
    )
    with pytest.raises(SampleMismatch, match="float64 for 'age'; the rows have strings such as"):
        accepted_rows(signed(AGE), sample, label="y")
