"""An inbox in a file: what outlives a process, and several writers."""

import threading
from pathlib import Path

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
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
