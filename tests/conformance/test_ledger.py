"""Every ledger against the suite that defines one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from seatrial.adapters.ledger.postgres import PostgresLedger
from seatrial.adapters.ledger.redis import RedisLedger
from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.testing.ledger_suite import LedgerSuite
from seatrial.testing.memory_ledger import MemoryLedger


class TestMemoryLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TestSqliteLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[SqliteLedger]:
        ledger = SqliteLedger(tmp_path / "ledger.db")
        yield ledger
        ledger.close()


@pytest.mark.integration
class TestPostgresLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self) -> Iterator[PostgresLedger]:
        import psycopg

        url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
        schema = f"t_{uuid4().hex}"
        ledger = PostgresLedger(url, schema=schema)
        yield ledger
        ledger.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.mark.integration
class TestRedisLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self, redis_server: Any) -> Iterator[RedisLedger]:
        ledger = RedisLedger(redis_server.url, prefix=uuid4().hex)
        yield ledger
        ledger.close()
