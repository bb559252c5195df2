"""SQLite: what can be followed, what is refused, and that nothing is ever written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.tables.sqlite import SqliteSource
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import (
    CursorInvalid,
    SourceMissing,
    SourceUnavailable,
    SourceUnreadable,
)
from seatrial.testing.table_source_suite import together


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE log (n INTEGER, city TEXT, x, b BLOB)")
        connection.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?)",
            [(1, "Ulm", 0.5, b"\x00"), (2, None, "high", None), (None, "", None, None)],
        )
        yield connection


def rows(folder: Path, columns: Columns | None = None, **options: Any) -> dict[str, list[Any]]:
    return together(list(SqliteSource(folder / "a.db", columns, **options).chunks()))


def test_values_go_by_the_declared_type_and_else_by_what_they_are(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    database.execute("INSERT INTO log (n) VALUES ('seven')")
    source = SqliteSource(tmp_path / "a.db", table="log")
    (chunk,) = source.chunks()
    assert together([chunk]) == {
        "n": [1, 2, None, None],
        "city": ["Ulm", None, "", None],
        "x": ["0.5", "high", None, None],
    }
    assert [(p.flaw, p.column) for p in chunk.problems] == [("value", "n"), ("type", "b")]


def test_a_query_and_a_view_can_be_read_and_not_followed(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    database.execute("CREATE VIEW some AS SELECT n FROM log WHERE n > 1")
    for options in ({"table": "some"}, {"query": "SELECT n FROM log WHERE n > 1;\n"}):
        source = SqliteSource(tmp_path / "a.db", **options)
        (chunk,) = source.chunks()
        assert together([chunk]) == {"n": [2]}
        with pytest.raises(CursorInvalid, match="cannot be followed"):
            list(source.chunks(after=chunk.cursor))


def test_a_table_without_rowids_cannot_be_followed(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    database.execute("CREATE TABLE k (n INTEGER PRIMARY KEY) WITHOUT ROWID")
    database.execute("INSERT INTO k VALUES (5)")
    source = SqliteSource(tmp_path / "a.db", table="k")
    (chunk,) = source.chunks()
    assert together([chunk]) == {"n": [5]}
    with pytest.raises(CursorInvalid):
        list(source.chunks(after=chunk.cursor))


def test_a_log_may_be_pruned_from_the_front(tmp_path: Path, database: sqlite3.Connection) -> None:
    source = SqliteSource(tmp_path / "a.db", Columns(features=("n",)), table="log")
    cursor = list(source.chunks())[-1].cursor
    database.execute("INSERT INTO log (n) VALUES (4)")
    database.execute("DELETE FROM log WHERE rowid <= 3")
    (new,) = source.chunks(after=cursor)
    assert together([new]) == {"n": [4]}
    assert new.problems == ()


def test_a_table_that_is_filled_anew_is_read_anew_and_said(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    source = SqliteSource(tmp_path / "a.db", Columns(features=("n",)), table="log")
    cursor = list(source.chunks())[-1].cursor
    database.execute("DELETE FROM log")
    assert list(source.chunks(after=cursor)) == []
    database.executemany("INSERT INTO log (n) VALUES (?)", [(i,) for i in (7, 8, 9, 10)])
    (new,) = source.chunks(after=cursor)
    assert together([new]) == {"n": [7, 8, 9, 10]}
    assert [p.flaw for p in new.problems] == ["replaced"]


def test_reading_sees_one_moment(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    reading = SqliteSource(tmp_path / "a.db", table="log", max_rows=1).chunks()
    next(iter(reading))
    database.execute("INSERT INTO log (n) VALUES (4)")
    assert sum(chunk.table.n for chunk in reading) == 2


def test_names_are_quoted(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute('CREATE TABLE "odd ""table" ("a ""b" REAL, "select" TEXT)')
    database.execute('INSERT INTO "odd ""table" VALUES (1, \'x\')')
    assert rows(tmp_path, table='odd "table') == {'a "b': [1], "select": ["x"]}


@pytest.mark.parametrize("query", ["DELETE FROM log", "SELECT 1) ; DELETE FROM log --", "selec"])
def test_nothing_can_be_written(tmp_path: Path, database: sqlite3.Connection, query: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"a query of .* cannot be read"):
        rows(tmp_path, query=query)
    assert database.execute("SELECT count(*) FROM log").fetchone() == (3,)


def test_a_table_that_is_not_there_is_named_with_the_nearest(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    with pytest.raises(SourceMissing, match=r"no table 'lgo'. Did you mean 'log'"):
        rows(tmp_path, table="lgo")
    with pytest.raises(SourceMissing, match="Name one of: log"):
        rows(tmp_path, table="quite another")


def test_files_that_are_no_database_say_so(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no file"):
        rows(tmp_path, table="log")
    assert not (tmp_path / "a.db").exists()
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(SourceUnreadable, match="not a database"):
        rows(tmp_path, table="log")


def test_a_database_that_is_held_is_unavailable(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.adapters.tables.sqlite._BUSY_S", 0.01)
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SourceUnavailable, match="does not answer") as caught:
        rows(tmp_path, table="log")
    assert caught.value.retryable
