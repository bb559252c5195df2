"""A file with tables of ours: made once, known again, and left alone when it is another's."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile
from seatrial.kernel.store import StoreDamaged, StoreMissing, StoreUnavailable

SCHEMA = Schema(
    application_id=77, version=3, holds="things", statements="CREATE TABLE IF NOT EXISTS thing (n);"
)


def opened(path: Path, busy_timeout_s: float = 5.0) -> SqliteFile:
    return SqliteFile(path, SCHEMA, busy_timeout_s=busy_timeout_s)


def things(file: SqliteFile) -> list[int]:
    with file.reading() as connection:
        return [n for (n,) in connection.execute("SELECT n FROM thing ORDER BY n")]


def add(file: SqliteFile, n: int) -> None:
    with file.changing() as connection:
        connection.execute("INSERT INTO thing VALUES (?)", (n,))


def test_what_was_changed_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "a.db")) as file:
        add(file, 1)
    with closing(opened(tmp_path / "a.db")) as file:
        assert things(file) == [1]


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    barrier = Barrier(6)

    def one(n: int) -> None:
        barrier.wait()
        with closing(opened(tmp_path / "a.db")) as file:
            add(file, n)

    threads = [Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(opened(tmp_path / "a.db")) as file:
        assert things(file) == list(range(6))


def test_a_change_within_a_change_is_kept_or_lost_with_it(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "a.db")) as file:
        with suppress(ZeroDivisionError), file.changing():
            add(file, 1)
            raise ZeroDivisionError
        with file.changing():
            add(file, 2)
            add(file, 3)
        assert things(file) == [2, 3]


@pytest.mark.parametrize("prepared", ["CREATE TABLE other (x)", "PRAGMA application_id = 7"])
def test_another_programs_database_is_left_alone(tmp_path: Path, prepared: str) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(prepared)
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match="database of another program"):
        opened(path)
    assert path.read_bytes() == before


def test_a_file_of_another_version_says_so(tmp_path: Path) -> None:
    opened(tmp_path / "a.db").close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreDamaged, match="has the version 9 of things"):
        opened(tmp_path / "a.db")


def test_a_table_that_is_new_in_the_schema_is_made_in_an_old_file(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "a.db")) as file:
        add(file, 1)
    more = f"{SCHEMA.statements} CREATE TABLE IF NOT EXISTS other (n);"
    schema = replace(SCHEMA, statements=more)
    with closing(SqliteFile(tmp_path / "a.db", schema, busy_timeout_s=5.0)) as file:
        assert things(file) == [1]
        with file.changing() as connection:
            connection.execute("INSERT INTO other VALUES (1)")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="absent"):
        opened(tmp_path / "absent" / "a.db")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database at all, but long enough to look like one" * 20)
    with pytest.raises(StoreDamaged):
        opened(path)


def test_a_file_that_another_keeps_busy_is_unavailable(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "a.db")) as file, file.changing():
        with closing(opened(tmp_path / "b.db", 0.0)) as other:
            add(other, 1)  # another file is none of its business
        with pytest.raises(StoreUnavailable):
            opened(tmp_path / "a.db", 0.0)
