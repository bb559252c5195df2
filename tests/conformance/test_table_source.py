"""Every source of rows against the suite that defines one."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.csv import CsvSource
from seatrial.adapters.tables.duckdb import DuckdbSource
from seatrial.adapters.tables.frame import FrameSource
from seatrial.adapters.tables.parquet import ParquetSource
from seatrial.adapters.tables.postgres import PostgresSource
from seatrial.adapters.tables.sqlite import SqliteSource
from seatrial.monitoring.rows.columns import Columns
from seatrial.testing.memory_source import MemorySource
from seatrial.testing.table_source_suite import TYPES, Opened, Rows, TableSourceSuite

ARROW = {
    datetime: pa.timestamp("us", tz="UTC"),
    float: pa.float64(),
    int: pa.int64(),
    str: pa.string(),
    bool: pa.bool_(),
}
SCHEMA = pa.schema([(name, ARROW[kind]) for name, kind in TYPES.items()])
SQL = {datetime: "timestamptz", float: "float8", int: "bigint", str: "text", bool: "boolean"}

Grow = Callable[[Rows], None]


def listed(rows: Rows) -> list[tuple[object, ...]]:
    return list(zip(*rows.values(), strict=True))


class TestMemory(TableSourceSuite):
    @pytest.fixture
    def opened(self) -> Opened:
        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> MemorySource:
            self.source = MemorySource(rows, columns, **options)
            return self.source

        return open_it

    @pytest.fixture
    def grow(self) -> Grow:
        def add(rows: Rows) -> None:
            self.source.add(rows)  # the one that is open then

        return add


class TestParquetFolder(TableSourceSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> ParquetSource:
            self.n = 0
            self.write(tmp_path, rows)
            return ParquetSource(tmp_path, columns, **options)

        return open_it

    @pytest.fixture
    def grow(self, tmp_path: Path) -> Grow:
        return lambda rows: self.write(tmp_path, rows)

    def write(self, folder: Path, rows: Rows) -> None:
        table = pa.table(dict(rows), schema=SCHEMA)
        pq.write_table(table, folder / f"part-{self.n:03}.parquet", row_group_size=6)
        self.n += 1


class TestParquetFileThatIsWrittenAgainLonger(TableSourceSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> ParquetSource:
            self.rows = pa.table(dict(rows), schema=SCHEMA)
            pq.write_table(self.rows, tmp_path / "log.parquet")
            return ParquetSource(tmp_path / "log.parquet", columns, **options)

        return open_it

    @pytest.fixture
    def grow(self, tmp_path: Path) -> Grow:
        def add(rows: Rows) -> None:
            self.rows = pa.concat_tables([self.rows, pa.table(dict(rows), schema=SCHEMA)])
            pq.write_table(self.rows, tmp_path / "log.parquet")

        return add


class TestCsv(TableSourceSuite):
    encoding: ClassVar[str] = "utf-8"

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        path = tmp_path / "log.csv"

        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> CsvSource:
            with path.open("w", encoding=self.encoding, newline="") as file:
                csv.writer(file).writerow(rows)
            self.add(path, rows)
            encoding = None if self.encoding.startswith("utf") else self.encoding
            return CsvSource(path, columns, encoding=encoding, follow=True, **options)

        return open_it

    @pytest.fixture
    def grow(self, tmp_path: Path) -> Grow:
        return lambda rows: self.add(tmp_path / "log.csv", rows)

    def add(self, path: Path, rows: Rows) -> None:
        encoding = self.encoding.removesuffix("-sig")
        with path.open("a", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(listed(rows))


class TestCsvWithByteOrderMark(TestCsv):
    encoding = "utf-8-sig"


class TestCsvInGbk(TestCsv):
    encoding = "gbk"


class TestPandas(TableSourceSuite):
    @pytest.fixture
    def opened(self) -> Opened:
        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> FrameSource:
            self.rows = {name: list(values) for name, values in rows.items()}
            self.source = FrameSource(self.frame(), columns, **options)
            return self.source

        return open_it

    def frame(self) -> object:
        frame = pd.DataFrame(self.rows)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
        return frame

    @pytest.fixture
    def grow(self) -> Grow:
        def add(rows: Rows) -> None:
            for name, values in rows.items():
                self.rows[name] += values
            self.source.__init__(self.frame(), max_rows=4)  # type: ignore[misc]

        return add


class TestPandasOfObjects(TestPandas):
    def frame(self) -> object:
        return pd.DataFrame(self.rows, dtype=object)


class TestPandasOfArrow(TestPandas):
    def frame(self) -> object:
        frame = pa.table(self.rows, schema=SCHEMA)
        return frame.to_pandas(types_mapper=pd.ArrowDtype)


class TestPolars(TestPandas):
    def frame(self) -> object:
        return pl.from_arrow(pa.table(self.rows, schema=SCHEMA), rechunk=False)


class TestArrow(TestPandas):
    def frame(self) -> object:
        return pa.table(self.rows, schema=SCHEMA)


class TestDuckdb(TableSourceSuite):
    gaps = frozenset({"follow"})

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        import duckdb

        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> DuckdbSource:
            path = tmp_path / f"{uuid4().hex}.db"
            with duckdb.connect(str(path)) as connection:
                connection.register("given", pa.table(dict(rows), schema=SCHEMA))
                connection.execute("CREATE TABLE log AS SELECT * FROM given")
            return DuckdbSource(path, columns, table="log", **options)

        return open_it


class TestSqlite(TableSourceSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        path = tmp_path / "log.db"

        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> SqliteSource:
            declared = ", ".join(f'"{n}" {SQL[kind]}' for n, kind in TYPES.items())
            with sqlite3.connect(path) as connection:
                connection.execute("DROP TABLE IF EXISTS log")
                connection.execute(f"CREATE TABLE log ({declared})")
            connection.close()
            self.add(path, rows)
            return SqliteSource(path, columns, table="log", **options)

        return open_it

    @pytest.fixture
    def grow(self, tmp_path: Path) -> Grow:
        return lambda rows: self.add(tmp_path / "log.db", rows)

    def add(self, path: Path, rows: Rows) -> None:
        values = [
            [v.isoformat() if isinstance(v, datetime) else v for v in row] for row in listed(rows)
        ]
        with sqlite3.connect(path) as connection:
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", values)
        connection.close()


@pytest.mark.integration
class TestPostgres(TableSourceSuite):
    @pytest.fixture
    def table(self) -> Iterator[str]:
        import psycopg

        self.table_name = f"t_{uuid4().hex}"
        yield self.table_name
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {self.table_name}")

    @property
    def url(self) -> str:
        return os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres

    @pytest.fixture
    def opened(self, table: str) -> Opened:
        import psycopg

        def open_it(rows: Rows, columns: Columns | None = None, **options: int) -> PostgresSource:
            declared = ", ".join(f'"{n}" {SQL[kind]}' for n, kind in TYPES.items())
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"CREATE TABLE {table} ({declared})")
            self.add(rows)
            return PostgresSource(self.url, columns, table=table, follow=True, **options)

        return open_it

    @pytest.fixture
    def grow(self) -> Grow:
        return self.add

    def add(self, rows: Rows) -> None:
        import psycopg

        insert = f"INSERT INTO {self.table_name} VALUES (%s, %s, %s, %s, %s, %s)"
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(insert, listed(rows))
