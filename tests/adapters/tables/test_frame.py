"""Frames as they come from pandas, polars and Arrow; what the suite cannot see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from seatrial.adapters.tables.frame import FrameSource
from seatrial.monitoring.rows.columns import Columns, DuplicateColumn
from seatrial.monitoring.rows.source import SourceUnreadable
from seatrial.monitoring.rows.table import Coded
from seatrial.testing.table_source_suite import together


def rows(frame: object, columns: Columns | None = None, **options: Any) -> dict[str, list[Any]]:
    return together(list(FrameSource(frame, columns, **options).chunks()))


def test_numbers_of_pandas_are_not_copied() -> None:
    numbers = np.arange(3_000.0).reshape(1_000, 3)
    frame = pd.DataFrame(numbers, columns=list("abc"), copy=False)
    for chunk in FrameSource(frame, max_rows=300).chunks():
        for column in chunk.table.columns.values():
            assert isinstance(column, np.ndarray)
            assert np.shares_memory(column, numbers)


@pytest.mark.parametrize("library", [pl, pa], ids=lambda m: m.__name__)
def test_numbers_of_others_are_not_copied(library: Any) -> None:
    numbers = np.arange(1_000.0)
    frame = pl.DataFrame({"a": numbers}) if library is pl else pa.table({"a": numbers})
    where = pa.table(frame).column("a").chunk(0).to_numpy()
    (chunk,) = FrameSource(frame).chunks()
    column = chunk.table.columns["a"]
    assert isinstance(column, np.ndarray)
    assert np.shares_memory(column, where)


def test_types_of_pandas_are_read() -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["a", None, "b"], categories=["c", "b", "a"]),
            "codes": pd.Categorical([3, None, 1]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "texts": pd.array(["x", None, "y"], dtype="string"),
            "objects": np.array([1, "x", None], dtype=object),
            "numbers": np.array([1, None, 2.5], dtype=object),
            "sparse": pd.arrays.SparseArray([0.0, 0.0, 1.0]),
            "none": [None, None, None],
            7: [1, 2, 3],
        }
    )
    assert rows(frame, max_rows=2) == {
        "category": ["a", None, "b"],
        "codes": [3, None, 1],
        "nullable": [1, None, 3],
        "maybe": [1, None, 0],
        "texts": ["x", None, "y"],
        "objects": ["1", "x", None],
        "numbers": [1, None, 2.5],
        "sparse": [0, 0, 1],
        "none": [None, None, None],
        "7": [1, 2, 3],
    }


def test_types_of_polars_are_read() -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "enum": pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"])),
            "small": pl.Series([1, None, 3], dtype=pl.Int8),
            "vector": pl.Series([[1.0, 2.0]] * 3, dtype=pl.Array(pl.Float32, 2)),
            "struct": [{"x": 1}, {"x": None}, None],
        }
    )
    (chunk,) = FrameSource(pl.concat([frame[:2], frame[2:]], rechunk=False)).chunks()
    found = {name: c for name, c in chunk.table.columns.items() if name != "vector"}
    assert isinstance(found["category"], Coded)
    assert together([chunk])["category"] == together([chunk])["enum"] == ["a", None, "b"]
    assert together([chunk])["struct.x"] == [1, None, None]
    assert chunk.table.columns["vector"].shape == (3, 2)  # type: ignore[union-attr]


def test_the_kind_of_a_column_of_objects_does_not_hang_on_the_chunk() -> None:
    frame = pd.DataFrame({"c": np.array([None, None, "x"], dtype=object)})
    for chunk in FrameSource(frame, max_rows=1).chunks():
        assert isinstance(chunk.table.columns["c"], Coded)


def test_the_index_of_a_frame_does_not_matter() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=[5, 5, -1])
    assert rows(frame[::-1], max_rows=2) == {"a": [3, 2, 1]}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=["1", 1]),
        pa.table([[1], [2]], names=["a", "a"]),
    ],
    ids=["pandas", "numbers as names", "arrow"],
)
def test_two_columns_of_one_name_are_refused(frame: object) -> None:
    with pytest.raises(DuplicateColumn):
        rows(frame)


@pytest.mark.parametrize("frame", [{"a": [1]}, [1, 2], None, pl.LazyFrame({"a": [1]})])
def test_what_is_no_frame_is_refused(frame: object) -> None:
    with pytest.raises(SourceUnreadable, match="not a frame"):
        FrameSource(frame)


class _Damaged:
    """As polars 1.30 hands out a sliced struct: reading it would end the process."""

    def __arrow_c_stream__(self) -> None:
        """What makes it a frame."""

    def validate(self) -> None:
        raise pa.ArrowInvalid("Struct child array #0 has length smaller than expected")


def test_data_that_are_damaged_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pa, "table", lambda frame: frame)
    with pytest.raises(SourceUnreadable, match="the frame is damaged"):
        FrameSource(_Damaged())


def test_a_frame_without_columns_has_rows_of_nothing() -> None:
    (chunk,) = FrameSource(pd.DataFrame(index=range(3))).chunks()
    assert (chunk.table.n, chunk.table.columns) == (3, {})


def test_ten_thousand_columns_are_read() -> None:
    frame = pd.DataFrame(np.zeros((2, 10_000)))
    (chunk,) = FrameSource(frame).chunks()
    assert len(chunk.table.columns) == 10_000
