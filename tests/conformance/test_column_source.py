"""Every source of columns against the suite that defines one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.parquet_columns import ParquetColumns
from seatrial.testing.column_source_suite import ColumnSourceSuite, OpenColumns, table_of
from seatrial.testing.memory_columns import MemoryColumns
from seatrial.testing.table_source_suite import Rows
from tests.conformance.test_table_source import SCHEMA


class TestMemory(ColumnSourceSuite):
    @pytest.fixture
    def opened(self) -> OpenColumns:
        return lambda rows: MemoryColumns(table_of(rows), part_rows=70)


class TestParquetFile(ColumnSourceSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Iterator[OpenColumns]:
        with ExitStack() as stack:

            def open_it(rows: Rows) -> ParquetColumns:
                table = pa.table(dict(rows), schema=SCHEMA)
                pq.write_table(table, tmp_path / "rows.parquet", row_group_size=60)
                return stack.enter_context(ParquetColumns(tmp_path / "rows.parquet"))

            yield open_it


class TestParquetFolder(ColumnSourceSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Iterator[OpenColumns]:
        with ExitStack() as stack:

            def open_it(rows: Rows) -> ParquetColumns:
                table = pa.table(dict(rows), schema=SCHEMA)
                for i, start in enumerate(range(0, max(1, len(table)), 90)):
                    pq.write_table(table.slice(start, 90), tmp_path / f"part-{i}.parquet")
                return stack.enter_context(ParquetColumns(tmp_path))

            yield open_it
