"""Every place where predictions wait against the suite that defines one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.testing.memory_pending import MemoryPending
from seatrial.testing.pending_suite import PendingSuite


class TestMemoryPending(PendingSuite):
    @pytest.fixture
    def pending(self) -> MemoryPending:
        return MemoryPending()


class TestSqlitePending(PendingSuite):
    @pytest.fixture
    def pending(self, tmp_path: Path) -> Iterator[SqlitePending]:
        pending = SqlitePending(tmp_path / "labels.db")
        yield pending
        pending.close()
