"""A name that is in the table is never said to be lacking."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile
from seatrial.adapters.store.sqlite_names import Names

QUERY = "SELECT position, name FROM thing WHERE position > ? ORDER BY position LIMIT ?"
SCHEMA = Schema(
    application_id=0x5EA7_7E57,
    statements="CREATE TABLE IF NOT EXISTS thing (position INTEGER PRIMARY KEY AUTOINCREMENT, "
    "name TEXT NOT NULL UNIQUE)",
    holds="things",
)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(tmp_path / "things.db", SCHEMA, busy_timeout_s=1.0)
    yield file
    file.close()


def write(file: SqliteFile, *names: str) -> None:
    with file.changing() as connection:
        connection.executemany("INSERT INTO thing (name) VALUES (?)", [(name,) for name in names])


def test_what_is_written_elsewhere_is_known_a_moment_later(file: SqliteFile) -> None:
    moment = [0.0]
    names = Names(QUERY, most=100_000, now=lambda: moment[0])
    write(file, "a")
    assert not names.lacks("a", file)
    assert names.lacks("b", file)
    write(file, "b")
    assert names.lacks("b", file)
    moment[0] = 0.25
    assert not names.lacks("b", file)


def test_what_is_written_here_is_known_at_once(file: SqliteFile) -> None:
    names = Names(QUERY, most=100, now=lambda: 0.0)
    assert names.lacks("a", file)
    names.add("a")
    assert not names.lacks("a", file)


def test_until_all_names_are_read_none_is_lacking(file: SqliteFile) -> None:
    names = Names(QUERY, most=2000, now=lambda: 0.0)
    every = [f"{number}" for number in range(1200)]
    write(file, *every)
    absent = [f"absent {number}" for number in range(50)]
    assert [names.lacks(name, file) for name in absent[:2]] == [False, False]
    assert sum(names.lacks(name, file) for name in absent) > 25
    assert not any(names.lacks(name, file) for name in every)


def test_most_names_that_are_not_there_are_lacking(file: SqliteFile) -> None:
    names = Names(QUERY, most=1000, now=lambda: 0.0)
    write(file, *(f"{number}" for number in range(500)))
    n_lacking = sum(names.lacks(f"other {number}", file) for number in range(1000))
    assert n_lacking > 900


def test_names_that_are_gone_are_forgotten_in_time(file: SqliteFile) -> None:
    moment = [0.0]
    names = Names(QUERY, most=10, now=lambda: moment[0])
    for number in range(40):
        names.add(f"gone {number}")
    write(file, "here")
    assert sum(names.lacks(f"gone {number}", file) for number in range(40)) > 20
    assert not names.lacks("here", file)


def test_rows_of_this_process_are_not_read_and_those_behind_them_are(file: SqliteFile) -> None:
    moment = [0.0]
    names = Names(QUERY, most=100_000, now=lambda: moment[0])
    assert names.lacks("mine", file)
    write(file, "unread", "theirs")
    names.wrote(0, 1, era=names.era)
    moment[0] = 0.25
    assert not names.lacks("theirs", file)
    assert names.lacks("unread", file)


def test_rows_of_others_before_those_of_this_process_are_read(file: SqliteFile) -> None:
    moment = [0.0]
    names = Names(QUERY, most=100_000, now=lambda: moment[0])
    assert names.lacks("theirs", file)
    write(file, "theirs", "mine")
    names.wrote(1, 2, era=names.era)
    moment[0] = 0.25
    assert not names.lacks("theirs", file)


def test_names_that_were_forgotten_before_they_were_written_are_read(file: SqliteFile) -> None:
    moment = [0.0]
    names = Names(QUERY, most=10, now=lambda: moment[0])
    era = names.era
    for name in ("mine", *(f"{number}" for number in range(20))):
        names.add(name)
    assert names.lacks("mine", file)  # all were forgotten, for there were too many
    write(file, "mine")
    names.wrote(0, 1, era=era)
    moment[0] = 0.25
    assert not names.lacks("mine", file)
