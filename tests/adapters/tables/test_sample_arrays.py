"""Sample rows that are tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.tables.sample_file import read_sample
from seatrial.packaging.sample import BadSample


def test_arrays_of_an_archive_are_columns_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    images = np.random.default_rng(0).random((5, 3, 4, 4), dtype=np.float32)
    np.savez(
        path, image=images, label=np.array([0, 1, 0, 1, 1], np.uint8), text=np.array(list("abcde"))
    )
    found = read_sample(path, max_rows=4)
    assert found.n_rows == 4
    assert found.n_total == 5
    assert found.columns["image"].dtype == np.float32
    np.testing.assert_array_equal(found.columns["image"], images[:4])
    assert found.columns["label"].tolist() == [0, 1, 0, 1]
    assert found.columns["text"].tolist() == list("abcd")


def test_images_of_bytes_stay_bytes(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    np.savez(path, image=images, short=images.astype(np.int16))
    found = read_sample(path, max_rows=4).columns
    assert found["image"].dtype == np.uint8
    np.testing.assert_array_equal(found["image"], images[:4])
    assert found["short"].dtype == np.int64


def test_one_array_is_the_input(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((3, 2, 2)))
    assert read_sample(path).columns["input"].shape == (3, 2, 2)


def test_lists_of_one_length_in_a_table_are_a_tensor(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"v": [[1, 2], [3, 4]]}\n{"v": [[5, 6], [7, 8]]}\n')
    assert read_sample(path).columns["v"].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.ones((2, 2)), "b": np.ones(3)}, r"\[2, 3\] rows"),
        ({"a": np.array(1.0)}, r"\[0\] rows"),
        ({"a": np.array([1 + 2j])}, "holds complex128"),
        ({"a": np.array([1 << 63], np.uint64)}, "more than 63 bits"),
        ({}, "no rows"),
        ({"a": np.array([{"x": 1}], object)}, "cannot be read as arrays"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(BadSample, match=said):
        read_sample(path)


def test_a_damaged_or_huge_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, a=np.zeros((1000, 100)))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(BadSample, match="cannot be read as arrays"):
        read_sample(path)
    path.write_bytes(raw)
    monkeypatch.setattr("seatrial.adapters.tables.sample_arrays._MAX_BYTES", 10_000)
    with pytest.raises(BadSample, match="take more than 10,000 bytes"):
        read_sample(path)


def test_a_header_that_claims_more_than_there_is_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 99), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00\x76\x00" + head.ljust(117) + b"\n")
    with pytest.raises(BadSample, match="not as long as its shape"):
        read_sample(path)
