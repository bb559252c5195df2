"""Rows at the ends of what numbers can be."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.packaging.parity import RowKind, compare
from seatrial.packaging.range_rows import MAGNITUDES, range_rows
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.testing.models import column_signature, matrix_signature


def test_every_number_is_tried_at_both_ends_of_float32_while_the_others_stay() -> None:
    signature = matrix_signature(("a", "b"), Dtype.FLOAT64)
    rows = range_rows(signature, np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert isinstance(rows, np.ndarray)
    assert np.isfinite(rows).all()
    for size in MAGNITUDES[Dtype.FLOAT64]:
        for row in ([size, 2.0], [-size, 2.0], [1.0, size], [1.0, -size]):
            assert (rows == row).all(axis=1).any()
    assert (rows == [3e6, 4e6]).all(axis=1).any()


@pytest.mark.filterwarnings("error")
def test_a_dtype_holds_each_of_its_numbers() -> None:
    for dtype, sizes in MAGNITUDES.items():
        for size in sizes:
            signs = (size,) if dtype.whole and dtype.bounds[0] == 0 else (-size, size)
            held = np.array(signs, dtype.numpy)
            assert np.isfinite(held.astype(np.float64)).all()
            assert (held != 0).all() == (size != 0)


@pytest.mark.filterwarnings("error")
def test_pixels_go_to_the_ends_of_a_byte_and_no_further() -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.UINT8, shape=(2, 2)),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
        task=Task.REGRESSION,
        matrix=False,
    )
    rows = range_rows(signature, {"image": np.full((1, 2, 2), 7, np.uint8)})
    assert isinstance(rows, dict)
    assert rows["image"].dtype == np.uint8
    assert set(rows["image"].ravel().tolist()) == {0, 7, 255}


def test_columns_change_only_where_they_hold_numbers() -> None:
    given = {
        "age": np.array([np.nan]),
        "visits": np.array([3]),
        "member": np.array([True]),
        "plan": np.array(["pro"], object),
        "note": np.array([None], object),
    }
    rows = range_rows(column_signature(), given)
    assert isinstance(rows, dict)
    assert set(rows["plan"]) == {"pro"}
    assert rows["member"].all()
    assert 1e300 in rows["age"]
    assert 2**62 in rows["visits"]


def test_a_model_of_words_has_no_such_rows() -> None:
    signature = Signature(
        features=(Feature(name="text", dtype=Dtype.STRING),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
        task=Task.REGRESSION,
        matrix=False,
    )
    assert range_rows(signature, {"text": np.array(["a"], object)}) is None


def test_only_a_number_that_is_lost_counts_there() -> None:
    truth = {"label": np.array([0, 1]), "prediction": np.array([1e300, 2e39])}
    other = {"label": np.array([1, 0]), "prediction": np.array([-1e300, 5.0])}
    lost = other | {"prediction": np.array([1e300, np.inf])}
    plain = {"label": np.array([0]), "prediction": np.array([1.0])}
    pairs = {RowKind.RANDOM: (plain, plain)}
    assert compare(pairs | {RowKind.RANGE: (truth, other)}).passed
    verdict = compare(pairs | {RowKind.RANGE: (truth, lost)})
    assert not verdict.passed
    assert "no number for values near the ends of float32" in verdict.reason
