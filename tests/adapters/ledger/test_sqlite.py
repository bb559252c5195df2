"""A ledger in a file: what the suite cannot see."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.ledger import Closed, Lapsed, Settle
from seatrial.gateway.ledger.usage import By, Record, UsageQuestion
from seatrial.kernel.store import (
    StoreAddressInvalid,
    StoreDamaged,
    StoreMissing,
    StoreUnavailable,
)
from seatrial.testing.ledger_model import ALL, balance, total

AT_US = 1_795_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_a_ledger_written_by_version_1_of_the_tables_is_read(path):
    dump = Path(__file__).parents[1].joinpath("ledger_v1.sql")
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(dump.read_text())
    with closing(SqliteLedger(path)) as ledger:
        assert balance(ledger, "ever/total/") == (270, 300)
        question = UsageQuestion(since_us=AT_US, until_us=AT_US + 10, by=(By.TAG,), tag="team")
        (found,) = ledger.usage(question)
        assert (found.group, found.n, found.n_lapsed, found.cost) == (("search",), 2, 1, 270)
        assert (found.cached_tokens, found.latency_us) == (4, 1500)
        late = Record(
            id="06608b015f3002/call/2",
            at_us=AT_US + 2,
            payer=Payer(provider="openai", model="gpt-4o"),
            cost=50,
        )
        assert ledger.apply([Settle(late)]) == [Closed(changed=True)]
        assert balance(ledger, "2026-11-18/key/k1") == (120, 300)
        assert ledger.sweep(now_us=AT_US * 2, keep_since_us=0) == [
            Lapsed(id="06608b015f3003/call/3", owner="vm/1/ab", amount=300)
        ]


def test_what_was_done_is_there_after_a_restart(path):
    record = Record(id="00000000000001/c/1", at_us=1, payer=Payer(provider="p", model="m"), cost=5)
    with closing(SqliteLedger(path)) as ledger:
        ledger.apply([Settle(record)])
    with closing(SqliteLedger.from_url(f"sqlite:///{path}")) as ledger:
        assert total(ledger).cost == 5
        assert ledger.apply([Settle(record)]) == [Closed(changed=False)]


def test_another_programs_file_is_left_alone(path):
    with closing(SqliteStore(path)):
        pass
    with pytest.raises(StoreDamaged, match="another program"):
        SqliteLedger(path)


def test_a_place_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(StoreMissing):
        SqliteLedger(tmp_path / "nowhere" / "ledger.db")
    with pytest.raises(StoreAddressInvalid):
        SqliteLedger.from_url("sqlite://ledger.db")


def test_a_writer_waits_for_another_one_and_no_longer_than_it_may(path):
    record = Record(id="00000000000001/c/1", at_us=1, payer=Payer(provider="p", model="m"), cost=5)
    with (
        closing(SqliteLedger(path, busy_timeout_s=0.05)) as hasty,
        closing(SqliteLedger(path, busy_timeout_s=60)) as patient,
        closing(sqlite3.connect(path, check_same_thread=False)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            hasty.apply([Settle(record)])
        waiting = threading.Thread(target=patient.apply, args=([Settle(record)],))
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        other.rollback()
        waiting.join()
        assert hasty.apply([Settle(record)]) == [Closed(changed=False)]


def test_sums_are_read_while_another_process_writes(path):
    with closing(SqliteLedger(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ledger.usage(ALL) == []
        assert ledger.balances("") == []
        other.rollback()
