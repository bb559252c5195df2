"""Parquet by column: what it reads as rows do, and what it leaves to reading by rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.parquet import ParquetSource
from seatrial.adapters.tables.parquet_columns import ParquetColumns
from seatrial.monitoring.rows.row_join import together
from seatrial.monitoring.rows.source import SourceUnreadable
from seatrial.monitoring.rows.table import BadTable
from seatrial.testing.table_source_suite import plain


def test_nested_and_odd_columns_are_read_as_rows_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 500
    table = pa.table(
        {
            "inputs": [{"age": float(i), "town": f"t{i % 7}"} for i in range(n)],
            "vector": list(rng.normal(size=(n, 3))),
            "count": pa.array([None if i % 9 == 0 else i for i in range(n)], pa.int32()),
            "price": pa.array([None if i == 3 else i for i in range(n)], pa.decimal128(10, 2)),
            "kind": pa.array([f"k{i % 5}" for i in range(n)]).dictionary_encode(),
            "small": pa.array(rng.normal(size=n).astype(np.float16)),
            "when": pa.array(range(n), pa.timestamp("ms")),
            "maybe": pa.array([None, True, False, True] * (n // 4)),
            "nothing": pa.nulls(n),
            "raw": [b"x"] * n,
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=130)
    rows = together([c.table for c in ParquetSource(tmp_path / "a.parquet").chunks()])
    whole = plain(rows)
    with ParquetColumns(tmp_path / "a.parquet") as columns:
        assert columns.n == n
        for name in columns.names:
            column = columns.column(name, None)
            if name == "raw":
                assert column is None
            else:
                assert column is not None
                one = plain(type(rows)(columns={name: column}, n=n))
                assert one[name] == whole[name], name
        assert [p.column for p in columns.problems] == ["raw"]


def test_files_of_other_columns_and_broken_ones_are_left_to_reading_by_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceUnreadable, match="other columns"):
        ParquetColumns(tmp_path)
    with pytest.raises(SourceUnreadable, match="0 files"):
        ParquetColumns(tmp_path / "*.pq")
    whole = tmp_path / "c.pq"
    pq.write_table(pa.table({"x": np.random.default_rng(0).normal(size=50_000)}), whole)
    text = bytearray(whole.read_bytes())
    text[40_000:90_000] = bytes(50_000)
    whole.write_bytes(text)
    with ParquetColumns(whole) as columns, pytest.raises(SourceUnreadable, match=r"c\.pq"):
        columns.column("x", None)


def test_vectors_of_several_lengths_are_no_column(tmp_path: Path) -> None:
    for name, vector in (("a", [1.0, 2.0]), ("b", [1.0])):
        pq.write_table(pa.table({"v": [vector] * 10}), tmp_path / f"{name}.parquet")
    with ParquetColumns(tmp_path) as columns, pytest.raises(BadTable, match="'v'"):
        columns.column("v", None)


def test_arrow_has_its_own_memory_again_afterwards(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "a.parquet")
    before = pa.default_memory_pool().backend_name
    with ParquetColumns(tmp_path / "a.parquet"), ParquetColumns(tmp_path / "a.parquet"):
        assert pa.default_memory_pool().backend_name == "system"
    assert pa.default_memory_pool().backend_name == before
    with pytest.raises(SourceUnreadable):
        ParquetColumns(tmp_path / "*.pq")
    assert pa.default_memory_pool().backend_name == before
