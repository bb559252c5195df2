"""What the suite cannot see of PostgreSQL: order of commits, partitions, rights, addresses."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from seatrial.adapters.tables.postgres import PostgresSource
from seatrial.kernel.errors import MissingExtra
from seatrial.monitoring.rows.columns import Columns, DuplicateColumn
from seatrial.monitoring.rows.source import (
    CursorInvalid,
    SourceDenied,
    SourceMissing,
    SourceUnavailable,
    SourceUnreadable,
)
from seatrial.testing.table_source_suite import together

# --- without a server


def test_a_server_that_is_not_there_is_unavailable_and_keeps_the_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        source = PostgresSource(f"postgresql://u:hunter2@127.0.0.1:{port}/db", table="log")
        with pytest.raises(SourceUnavailable, match=f"log of PostgreSQL at 127.0.0.1:{port}") as e:
            list(source.chunks())
    assert e.value.retryable
    assert "hunter2" not in str(e.value)
    assert "hunter2" not in source.name


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d?colour=red", "postgresql://[::1"])
def test_an_address_that_cannot_be_read_is_not_shown(url: str) -> None:
    with pytest.raises(SourceUnreadable, match="address") as caught:
        PostgresSource(url, table="log")
    assert "hunter2" not in str(caught.value)


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[postgres\]"):
        PostgresSource("postgresql://h/db", table="log")


# --- with a server


@pytest.fixture
def url() -> str:
    return os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres


@pytest.fixture
def admin(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(admin: psycopg.Connection) -> Iterator[str]:
    name = f"t_{uuid4().hex}"
    admin.execute(f"CREATE TABLE {name} (id bigserial, x float8)")
    yield name
    admin.execute(f"DROP TABLE IF EXISTS {name} CASCADE")


def insert(connection: psycopg.Connection, table: str, *values: float) -> None:
    for value in values:
        connection.execute(f"INSERT INTO {table} (x) VALUES ({value})")


class Follower:
    """Reads on from where it was, and keeps what it read."""

    def __init__(self, url: str, table: str, **options: Any) -> None:
        self.source = PostgresSource(
            url, Columns(features=("x",)), table=table, follow=True, **options
        )
        self.cursor: str | None = None

    def new(self) -> list[float]:
        found: list[float] = []
        for chunk in self.source.chunks(after=self.cursor):
            self.cursor = chunk.cursor
            found += together([chunk])["x"]
        return found


@pytest.mark.integration
def test_a_row_that_is_committed_late_is_neither_missed_nor_read_twice(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    """The trap of serial numbers: they are given out before the commit that shows them."""
    follower = Follower(url, table)
    insert(admin, table, 1)
    assert follower.new() == [1]
    with psycopg.connect(url) as slow:
        insert(slow, table, 2)  # takes its number now
        insert(admin, table, 3)
        assert follower.new() == []  # waits for the older one
        slow.commit()
    assert sorted(follower.new()) == [2, 3]
    assert follower.new() == []


@pytest.mark.integration
def test_savepoints_of_a_late_transaction_are_not_missed(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    follower = Follower(url, table)
    with psycopg.connect(url) as slow:
        insert(slow, table, 1)
        with slow.transaction():  # numbers of their own
            insert(slow, table, 2)
        insert(admin, table, 3)
        assert follower.new() == []
        with slow.transaction():
            insert(slow, table, 4)
        slow.commit()
    assert sorted(follower.new()) == [1, 2, 3, 4]
    assert follower.new() == []


@pytest.mark.integration
def test_whatever_the_writers_do_every_row_is_read_once(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    rng = np.random.default_rng(5)
    follower = Follower(url, table, max_rows=3)
    seen: list[float] = []
    writers = [psycopg.connect(url) for _ in range(4)]
    n = 0
    for _ in range(150):
        writer = writers[rng.integers(4)]
        match rng.integers(4):
            case 0:
                writer.commit()
            case 1:
                seen += follower.new()
            case _:
                insert(writer, table, n)
                n += 1
    for writer in writers:
        writer.commit()
        writer.close()
    seen += follower.new()
    assert sorted(seen) == list(range(n))


@pytest.mark.integration
def test_rows_that_came_while_a_pass_was_broken_off_are_read_after_it(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    insert(admin, table, *range(10))
    follower = Follower(url, table, max_rows=4)
    first = next(iter(follower.source.chunks()))
    follower.cursor = first.cursor
    admin.execute(f"DELETE FROM {table} WHERE x < 2")
    admin.execute(f"VACUUM {table}")  # what comes now takes their place, before the cursor
    insert(admin, table, *range(10, 16))
    assert sorted(follower.new()) == [float(x) for x in range(4, 16)]
    assert follower.new() == []


@pytest.mark.integration
def test_a_partitioned_table_is_followed_through_all_of_its_partitions(
    url: str, admin: psycopg.Connection
) -> None:
    name = f"p_{uuid4().hex}"
    admin.execute(f"CREATE TABLE {name} (x float8) PARTITION BY RANGE (x)")
    try:
        for i in range(2):
            admin.execute(
                f"CREATE TABLE {name}_{i} PARTITION OF {name} FOR VALUES "
                f"FROM ({10 * i}) TO ({10 * i + 10})"
            )
        follower = Follower(url, name, max_rows=2)
        insert(admin, name, 1, 11, 2, 12, 3)
        chunks = list(follower.source.chunks())
        assert sorted(together(chunks)["x"]) == [1, 2, 3, 11, 12]
        for i, chunk in enumerate(chunks):
            rest = list(follower.source.chunks(after=chunk.cursor))
            assert together(rest) == together(chunks[i + 1 :])
        follower.new()
        insert(admin, name, 13, 4)
        assert sorted(follower.new()) == [4, 13]
        admin.execute(f"CREATE TABLE {name}_2 PARTITION OF {name} FOR VALUES FROM (20) TO (30)")
        insert(admin, name, 21)
        assert follower.new() == [21]
    finally:
        admin.execute(f"DROP TABLE {name}")


@pytest.mark.integration
def test_types_of_postgresql_are_read(url: str) -> None:
    query = """SELECT 1.25::numeric AS m, 'NaN'::numeric AS nan, 'Infinity'::float8 AS inf,
        '{1,NULL,3}'::int[] AS v, '00000000-0000-0000-0000-000000000001'::uuid AS u,
        '{"a": 1}'::jsonb AS j, '1 day'::interval AS span, '2030-01-02'::date AS day,
        'infinity'::timestamptz AS never, '2030-01-01 00:00:00.000001+00'::timestamptz AS at,
        ''::text AS empty, NULL::text AS none, '\\x00'::bytea AS b, 9007199254740993 AS huge,
        '10.0.0.1'::inet AS ip, ARRAY['a'] AS texts, 'a,"b"' || chr(10) || 'c' AS odd"""
    (chunk,) = PostgresSource(url, query=query).chunks()
    vector = chunk.table.columns["v"]
    assert isinstance(vector, np.ndarray)
    np.testing.assert_array_equal(vector, [[1, np.nan, 3]])
    assert chunk.table.columns["huge"].tolist() == [2**53 + 1]  # type: ignore[union-attr]
    columns = dict(chunk.table.columns)
    del columns["v"], columns["huge"]
    found = {k: v for k, v in together([chunk]).items() if k in {*columns, "at"}}
    assert found == {
        "m": [1.25],
        "nan": [None],
        "inf": [float("inf")],
        "u": ["00000000-0000-0000-0000-000000000001"],
        "j": ['{"a": 1}'],
        "span": [86_400],
        "day": [1_893_542_400],
        "never": [None],
        "at": [np.datetime64("2030-01-01T00:00:00.000001").item()],
        "empty": [""],
        "none": [None],
        "ip": ["10.0.0.1/32"],
        "odd": ['a,"b"\nc'],
    }
    assert {(p.flaw, p.column) for p in chunk.problems} == {("type", "b"), ("type", "texts")}


@pytest.mark.integration
def test_a_query_is_read_and_not_followed(url: str, admin: psycopg.Connection, table: str) -> None:
    insert(admin, table, 1, 2)
    query = f"SELECT x FROM {table} WHERE x > 1;"
    (chunk,) = PostgresSource(url, query=query).chunks()
    assert together([chunk]) == {"x": [2]}
    with pytest.raises(CursorInvalid, match="cannot be followed"):
        list(PostgresSource(url, query=query).chunks(after=chunk.cursor))
    with pytest.raises(CursorInvalid, match="cannot be followed"):
        list(PostgresSource(url, query=query, follow=True).chunks())
    admin.execute(f"CREATE VIEW {table}_v AS SELECT * FROM {table}")
    (chunk,) = PostgresSource(url, table=f"{table}_v").chunks()
    assert together([chunk])["x"] == [1, 2]
    with pytest.raises(CursorInvalid, match="Name the table that the view reads"):
        list(PostgresSource(url, table=f"{table}_v", follow=True).chunks())


@pytest.mark.integration
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM {table} RETURNING x",
        "SELECT 1) AS q) TO STDOUT; DELETE FROM {table}; --",
        "WITH d AS (DELETE FROM {table} RETURNING x) SELECT * FROM d",
        "SELECT nextval('{table}_id_seq') AS x",
        "selec",
    ],
)
def test_nothing_can_be_written(
    url: str, admin: psycopg.Connection, table: str, query: str
) -> None:
    insert(admin, table, 1)
    with pytest.raises(SourceUnreadable, match=r"a query of PostgreSQL .* cannot be read"):
        list(PostgresSource(url, query=query.format(table=table)).chunks())
    assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


@pytest.mark.integration
def test_what_is_not_there_or_not_allowed_says_so(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    with pytest.raises(SourceMissing, match=r"nothing of PostgreSQL at .* is not there"):
        list(PostgresSource(url, table="nothing").chunks())
    with pytest.raises(DuplicateColumn, match="'x' twice"):
        list(PostgresSource(url, query="SELECT 1 AS x, 2 AS x").chunks())
    role = f"r_{uuid4().hex}"
    admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")
    try:
        address = f"postgresql://{role}:hunter2@{url.split('@')[1]}"
        with pytest.raises(SourceDenied, match="permission denied") as caught:
            list(PostgresSource(address, table=table).chunks())
        assert "GRANT" in str(caught.value).upper()
        address = address.replace("hunter2", "hunter3")
        with pytest.raises((SourceDenied, SourceUnavailable), match="password") as refused:
            list(PostgresSource(address, table=table).chunks())
        assert "hunter3" not in str(refused.value)
    finally:
        admin.execute(f"DROP ROLE {role}")


@pytest.mark.integration
def test_a_place_from_a_later_server_is_refused(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    source = PostgresSource(url, table=table, follow=True)
    for place in (
        '{"of":"postgresql","after":0,"before":9999999999999,"leaf":0,"row":null}',
        '{"of":"postgresql","after":0,"before":1,"leaf":0,"row":"(0,1)\' OR true --"}',
        '{"of":"postgresql"}',
        '{"of":"postgresql","after":"0 OR true","before":1}',
    ):
        with pytest.raises(CursorInvalid):
            list(source.chunks(after=place))
