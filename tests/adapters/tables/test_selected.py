"""Names in SQL, whatever signs are in them, and a query in its brackets."""

import sqlite3
from contextlib import closing

import pytest

from seatrial.adapters.tables.selected import Selected, quoted


@pytest.mark.parametrize("name", ["log", "a b", 'a"b', "s.log", "select", "日志", '"', "';--"])
def test_a_database_finds_a_column_by_its_quoted_name(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({quoted(name)} INTEGER)")
    assert [row[1] for row in connection.execute("PRAGMA table_info(t)")] == [name]
    connection.close()


@pytest.mark.parametrize(
    ("table", "schemas", "sql"),
    [
        ("log", True, '"log"'),
        ("s.log", True, '"s"."log"'),
        ('s."x', True, '"s"."""x"'),
        ("s.log", False, '"s.log"'),
    ],
)
def test_a_dot_parts_schema_and_table_where_there_are_schemas(
    table: str, schemas: bool, sql: str
) -> None:
    assert Selected(table=table, query=None, where="a.db", schemas=schemas).sql == sql


@pytest.mark.parametrize("query", ["SELECT 1", " SELECT 1 ;", "SELECT 1;;"])
def test_a_query_is_taken_with_or_without_its_semicolon(query: str) -> None:
    selected = Selected(table=None, query=query, where="a.db", schemas=True)
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(f"SELECT * FROM {selected.sql}").fetchone() == (1,)
    assert selected.name == "a query of a.db"
