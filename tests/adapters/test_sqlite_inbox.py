"""An inbox in a file: what outlives a process, several writers, and files that are none."""

import sqlite3
import threading
from pathlib import Path

import pytest

from seatrial.adapters.sqlite_inbox import SqliteInbox
from seatrial.kernel.store import StoreDamaged, StoreMissing
from seatrial.monitoring.performance.inbox import Entry


def test_entries_outlive_the_process(tmp_path: Path) -> None:
    first = SqliteInbox(tmp_path / "inbox.db")
    first.put([Entry(id="a", value="yes")], at_us=1)
    first.close()
    second = SqliteInbox(tmp_path / "inbox.db")
    assert [e.value for _, e in second.read()] == ["yes"]
    second.close()


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    def write(name: str) -> None:
        inbox = SqliteInbox(tmp_path / "inbox.db")
        for i in range(10):
            inbox.put([Entry(id=f"{name}{i}", value="1")], at_us=1)
        inbox.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox = SqliteInbox(tmp_path / "inbox.db")
    found = inbox.read()
    assert sorted(e.id for _, e in found) == sorted(f"{n}{i}" for n in "abc" for i in range(10))
    assert [place for place, _ in found] == sorted({place for place, _ in found})
    inbox.close()


def test_another_programs_database_is_not_taken_for_an_inbox(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(StoreDamaged, match="another program"):
        SqliteInbox(tmp_path / "other.db")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="nowhere"):
        SqliteInbox(tmp_path / "nowhere" / "inbox.db")
