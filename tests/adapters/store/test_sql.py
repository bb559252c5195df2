"""What both databases share beyond the suite: the schema's versions."""

import sqlite3
from collections.abc import Sequence

import pytest

from seatrial.adapters.store.database import Row, migrate, schema_version
from seatrial.kernel.store import StoreNewer

FIRST = ("CREATE TABLE things (name TEXT)", "INSERT INTO things VALUES ('old')")
SECOND = ("ALTER TABLE things ADD COLUMN size BIGINT DEFAULT 7",)


class Session:
    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        return self._connection.execute(statement, values).rowcount

    def change_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(statement, rows)

    def wall_us(self) -> int:
        return 5

    def steady_us(self) -> int:
        return 5


def test_an_empty_database_goes_through_every_step():
    session = Session()
    migrate(session, [FIRST, SECOND])
    assert session.rows("SELECT * FROM things") == [("old", 7)]
    assert session.rows("SELECT * FROM migrations") == [(1, 5), (2, 5)]


def test_an_older_database_goes_on_from_its_version_and_keeps_its_data():
    session = Session()
    migrate(session, [FIRST])
    session.change("INSERT INTO things VALUES ('mine')")
    migrate(session, [FIRST, SECOND])
    assert session.rows("SELECT * FROM things") == [("old", 7), ("mine", 7)]


def test_a_database_of_this_version_is_left_alone():
    session = Session()
    migrate(session, [FIRST])
    migrate(session, [FIRST])
    assert session.rows("SELECT * FROM things") == [("old",)]


def test_a_newer_database_is_refused():
    session = Session()
    migrate(session, [FIRST, SECOND])
    with pytest.raises(StoreNewer, match="version 2; this seatrial knows up to 1") as caught:
        schema_version(session, [FIRST])
    assert "Upgrade" in caught.value.remedy
