"""Ledgers shared by processes: calls of several at once, and processes that are killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import seatrial
from seatrial.adapters.ledger.postgres import PostgresLedger
from seatrial.adapters.ledger.redis import RedisLedger
from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.gateway.chat.money import units
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.ledger.usage import UsageQuestion

SPENDERS = Path(__file__).parents[1].joinpath("spenders.py")
ALL = UsageQuestion(since_us=0, until_us=2**51)


@contextmanager
def started(
    kind: str, address: str, n: int, limit: str, mode: str
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, SPENDERS, kind, address, str(n), limit, mode],
        env={**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the spender ended with {process.wait()}"
    return json.loads(line)


def check_many_processes(kind: str, address: str, ledger: Ledger) -> None:
    """200 calls of four processes against money for 50: the ledger is what vendors billed."""
    limit = Decimal("0.1")
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(kind, address, 50, str(limit), "spend")) for _ in range(4)
        ]
        reports = [told(process) for process in processes]
        assert [process.wait() for process in processes] == [0] * 4
    assert sum(Decimal(one["billed"]) for one in reports) == limit
    assert sum(one["refused"] for one in reports) == 150
    (spent,) = ledger.usage(ALL)
    assert (spent.cost_usd, spent.n, spent.n_lapsed) == (limit, 50, 0)
    assert [(one.spent, one.reserved) for one in ledger.balances("")] == [(units(limit), 0)] * 2


def check_allowances(kind: str, address: str, ledger: Ledger) -> None:
    """1,600 calls of four processes against money for 1,000, most of them paid from allowances."""
    limit = Decimal(2)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(kind, address, 400, str(limit), "turns")) for _ in range(4)
        ]
        reports = [told(process) for process in processes]
        assert [process.wait() for process in processes] == [0] * 4
    billed = sum(Decimal(one["billed"]) for one in reports)
    assert Decimal("1.98") <= billed <= limit
    assert sum(one["refused"] for one in reports) == 1600 - billed / Decimal("0.002")
    (spent,) = ledger.usage(ALL)
    assert (spent.cost_usd, spent.n_lapsed) == (billed, 0)
    assert [(one.spent, one.reserved) for one in ledger.balances("")] == [(units(billed), 0)] * 2


def check_killed(kind: str, address: str, ledger: Ledger) -> None:
    """A process that dies with 10 calls under way: they count, and are shown."""
    with started(kind, address, 12, "0.02", "hang") as process:
        report = told(process)
        process.kill()
        process.wait()
    assert report == {"billed": "0.0200", "refused": 2}
    held = [(one.spent, one.reserved) for one in ledger.balances("ever/")]
    assert held == [(0, units(Decimal("0.02")))]
    with started(kind, address, 5, "0.02", "spend") as after:
        assert told(after) == {"billed": "0", "refused": 5}
        assert after.wait() == 0
    ledger.sweep(now_us=int(time.time() * 1e6), keep_since_us=0)
    (spent,) = ledger.usage(ALL)
    assert (spent.n, spent.n_lapsed, spent.cost_usd) == (10, 10, Decimal("0.02"))
    assert spent.unconfirmed_usd == Decimal("0.02")
    held = [(one.spent, one.reserved) for one in ledger.balances("ever/")]
    assert held == [(units(Decimal("0.02")), 0)]


class TestSqlite:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[tuple[str, str, Ledger]]:
        path = tmp_path / "ledger.db"
        ledger = SqliteLedger(path)
        yield "sqlite", str(path), ledger
        ledger.close()

    def test_many_processes_at_once(self, place: tuple[str, str, Ledger]) -> None:
        check_many_processes(*place)

    def test_many_processes_with_allowances(self, place: tuple[str, str, Ledger]) -> None:
        check_allowances(*place)

    def test_a_process_that_is_killed(self, place: tuple[str, str, Ledger]) -> None:
        check_killed(*place)


@pytest.mark.integration
class TestPostgres(TestSqlite):
    @pytest.fixture
    def place(self) -> Iterator[tuple[str, str, Ledger]]:
        import psycopg

        url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
        schema = f"t_{uuid4().hex}"
        ledger = PostgresLedger(url, schema=schema)
        yield "postgres", f"{url}?schema={schema}", ledger
        ledger.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.mark.integration
class TestRedis(TestSqlite):
    @pytest.fixture
    def place(self, redis_server: Any) -> Iterator[tuple[str, str, Ledger]]:
        prefix = uuid4().hex
        ledger = RedisLedger(redis_server.url, prefix=prefix)
        yield "redis", f"{redis_server.url}#{prefix}", ledger
        ledger.close()
