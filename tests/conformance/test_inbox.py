"""Every inbox of labels against the suite that defines one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
from seatrial.testing.inbox_suite import InboxSuite
from seatrial.testing.memory_inbox import MemoryInbox


class TestMemoryInbox(InboxSuite):
    @pytest.fixture
    def inbox(self) -> MemoryInbox:
        return MemoryInbox(most=5)


class TestSqliteInbox(InboxSuite):
    @pytest.fixture
    def inbox(self, tmp_path: Path) -> Iterator[SqliteInbox]:
        inbox = SqliteInbox(tmp_path / "inbox.db", most=5)
        yield inbox
        inbox.close()
