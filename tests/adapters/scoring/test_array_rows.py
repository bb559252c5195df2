"""Rows of numpy's files to score: which array is which input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring import array_rows
from seatrial.adapters.scoring.input import open_rows
from seatrial.adapters.scoring.parse import parse
from seatrial.adapters.scoring.rows import Checked, checked
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.scoring import InputUnfit, InputUnreadable
from seatrial.testing.models import matrix_signature

IMAGE = Feature(name="image", dtype=Dtype.UINT8, shape=(2, 2))
NOTE = Feature(name="note", dtype=Dtype.STRING)
AGE = Feature(name="age", dtype=Dtype.FLOAT64, nullable=True)
MIXED = Signature(
    features=(IMAGE, NOTE, AGE),
    outputs=(Output(name="y", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=False,
)
PICTURES = replace(MIXED, features=(IMAGE,))
MATRIX = matrix_signature()


def saved(folder: Path, suffix: str = "npz", **arrays: Any) -> Path:
    path = folder / f"rows.{suffix}"
    if suffix == "npy":
        np.save(path, arrays["input"])
    else:
        np.savez(path, **arrays)
    return path


def mixed(n: int = 7) -> dict[str, Any]:
    return {
        "image": np.arange(4 * n, dtype=np.uint8).reshape(n, 2, 2),
        "note": np.array([f"å{i}" for i in range(n)]),
        "age": np.arange(n, dtype=">f4"),
        "id": np.arange(n, dtype=np.int32),
        "other": np.zeros((3, 3)),
    }


def batches(path: Path, signature: Signature, n: int, kept: tuple[str, ...] = ()) -> list[Checked]:
    file = open_rows(path, signature, kept=kept)
    found = [parse(p.content, file.reading, signature.features) for p in file.pieces(n)]
    for rows in found:
        assert all(len(rows.kept[name]) == rows.n for name in kept)
    return [checked(rows, signature) for rows in found]


@given(n=st.integers(1, 9))
def test_arrays_by_name_are_columns_however_many_rows_a_piece_has(
    tmp_path_factory: pytest.TempPathFactory, n: int
) -> None:
    path = saved(tmp_path_factory.mktemp("arrays"), **mixed())
    found = batches(path, MIXED, n, kept=("id",))
    assert all(not one.flaws for one in found)
    for name, array in mixed().items():
        if name in MIXED.names:
            made = np.concatenate([one.batch[name] for one in found])  # type: ignore[index]
            np.testing.assert_array_equal(made, array.astype(made.dtype))
            assert len(made) == 7


@pytest.mark.parametrize("form", ["rows", "columns"])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_one_matrix_has_all_features_side_by_side(tmp_path: Path, suffix: str, form: str) -> None:
    matrix = np.arange(21.0).reshape(7, 3)
    order = {"rows": matrix, "columns": np.asfortranarray(matrix)}
    found = batches(saved(tmp_path, suffix, input=order[form]), MATRIX, 4)
    np.testing.assert_array_equal(np.concatenate([one.batch for one in found]), matrix)  # type: ignore[misc]


def test_the_only_array_is_the_input_of_a_model_that_has_one(tmp_path: Path) -> None:
    pixels = mixed()["image"]
    for suffix in ("npy", "npz"):
        (found,) = batches(saved(tmp_path, suffix, input=pixels), PICTURES, 100)
        assert isinstance(found.batch, dict)
        np.testing.assert_array_equal(found.batch["image"], pixels)


def test_rows_that_a_server_would_refuse_are_refused_alone(tmp_path: Path) -> None:
    pixels = mixed()["image"].astype(np.int64)
    pixels[3, 1, 0] = 256
    (found,) = batches(saved(tmp_path, image=pixels), PICTURES, 100)
    assert found.rows.tolist() == [0, 1, 2, 4, 5, 6]
    assert "value 2 of the tensor" in found.flaws[3].problem


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image": None}, "no array 'image'"),
        ({"image": np.zeros((7, 4), np.uint8)}, r"the model takes \[n, 2, 2\]"),
        ({"image": np.zeros((7, 2, 2), "U3")}, "is <U3; the model takes uint8"),
        ({"image": np.zeros((6, 2, 2))}, "differ in their rows: image 6, note 7"),
        ({"age": np.zeros((7, 2))}, r"the model takes \[n\]"),
        ({"age": np.array(3.0)}, r"the shape \[\]"),
        ({"age": np.zeros(7, "M8[s]")}, "is datetime64"),
        ({"note": np.zeros(7)}, "the model takes string"),
        ({"note": np.array([b"x"] * 7)}, "the model takes string"),
        ({"id": None}, "no array 'id'"),
        ({"id": np.zeros((7, 2))}, "cannot be kept"),
        ({"id": np.zeros(6)}, "differ in their rows"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    arrays = {n: a for n, a in (mixed() | changed).items() if a is not None}
    with pytest.raises(InputUnfit, match=said) as refused:
        open_rows(saved(tmp_path, **arrays), MIXED, kept=("id",))
    assert refused.value.remedy


def test_a_row_of_one_is_one_value(tmp_path: Path) -> None:
    arrays = mixed() | {"age": np.arange(7.0).reshape(7, 1)}
    (found,) = batches(saved(tmp_path, **arrays), MIXED, 100)
    assert isinstance(found.batch, dict)
    assert found.batch["age"].tolist() == list(range(7))


def test_large_rows_make_small_pieces_and_none_makes_none(tmp_path: Path) -> None:
    path = saved(tmp_path, image=mixed()["image"])
    with patch.object(array_rows, "_PIECE_BYTES", 8):
        file = open_rows(path, PICTURES)
        assert file.n_pieces(100) == 4
        assert [p.position for p in file.pieces(100)] == [2, 4, 6, 7]
    none = saved(tmp_path, image=np.zeros((0, 2, 2), np.uint8))
    assert list(open_rows(none, PICTURES).pieces(10)) == []


def test_a_file_that_holds_no_arrays_says_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(InputUnreadable, match="not a zip file") as refused:
        open_rows(path, PICTURES)
    assert "numpy.savez" in refused.value.remedy
