from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.registry.signature import n_rows
from seatrial.serving.merging import join, merge, pieces, split

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def matrix(n: int, start: int) -> np.ndarray:
    return (np.arange(n * 3, dtype=np.float32) + start * 1000).reshape(n, 3)


def columns(n: int, start: int) -> dict[str, np.ndarray]:
    return {
        "age": np.arange(n, dtype=np.int64) + start * 1000,
        "city": np.array([f"c{start}-{i}" if i % 2 else None for i in range(n)], dtype=object),
    }


@given(sizes=SIZES)
def test_merging_and_splitting_gives_every_request_its_own_rows(sizes: list[int]) -> None:
    batches = [matrix(n, i) for i, n in enumerate(sizes)]
    merged = merge(batches)
    assert isinstance(merged, np.ndarray)
    assert merged.dtype == np.float32
    back = split({"label": merged[:, 0], "probabilities": merged}, sizes)
    for batch, prediction in zip(batches, back, strict=True):
        np.testing.assert_array_equal(prediction["probabilities"], batch)
        np.testing.assert_array_equal(prediction["label"], batch[:, 0])


@given(sizes=SIZES)
def test_columns_of_strings_and_missing_values_survive_merging(sizes: list[int]) -> None:
    batches = [columns(n, i) for i, n in enumerate(sizes)]
    merged = merge(batches)
    assert isinstance(merged, dict)
    assert n_rows(merged) == sum(sizes)
    back = split(merged, sizes)
    for batch, prediction in zip(batches, back, strict=True):
        assert prediction["city"].tolist() == batch["city"].tolist()
        assert prediction["age"].tolist() == batch["age"].tolist()


def test_a_lone_batch_is_not_copied() -> None:
    batch = matrix(3, 0)
    assert merge([batch]) is batch
    prediction = {"label": batch[:, 0]}
    assert split(prediction, [3]) == [prediction]


@given(n=st.integers(1, 50), rows=st.none() | st.integers(1, 60))
def test_pieces_joined_are_the_whole_again(n: int, rows: int | None) -> None:
    batch = matrix(n, 0)
    cut = pieces(batch, rows)
    assert all(n_rows(piece) <= (rows or n) for piece in cut)
    whole = join([{"x": piece} for piece in cut if isinstance(piece, np.ndarray)])
    np.testing.assert_array_equal(whole["x"], batch)
