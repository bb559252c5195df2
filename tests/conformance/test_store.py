"""Every store against the suite that defines one."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from seatrial.adapters.store.postgres import PostgresStore
from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.store_suite import StoreSuite


class FakeTime:
    clock: FakeClock

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


class TestMemoryStore(FakeTime, StoreSuite):
    @pytest.fixture
    def store(self) -> MemoryStore:
        self.clock = FakeClock()
        return MemoryStore(self.clock)


class TestSqliteStore(FakeTime, StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        self.clock = FakeClock()
        store = SqliteStore(tmp_path / "store.db", clock=self.clock)
        yield store
        store.close()


@pytest.mark.integration
class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Iterator[PostgresStore]:
        import psycopg

        url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
        schema = f"t_{uuid4().hex}"
        store = PostgresStore(url, schema=schema)
        yield store
        store.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
