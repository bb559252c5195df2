"""A ledger in PostgreSQL: what the suite cannot see."""

import os
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest

from seatrial.adapters.ledger.postgres import PostgresLedger
from seatrial.adapters.store.postgres import PostgresStore
from seatrial.gateway.ledger.ledger import Granted
from seatrial.kernel.store import StoreAddressInvalid, StoreUnavailable
from seatrial.testing.ledger_entries import DAY, reservation
from seatrial.testing.ledger_model import balance


def test_an_address_that_cannot_be_read_is_refused_without_showing_it():
    with pytest.raises(StoreAddressInvalid) as caught:
        PostgresLedger.from_url("mysql://u:hunter2@h/db")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(StoreAddressInvalid, match="'Not Plain'"):
        PostgresLedger.from_url("postgresql://h/db?schema=Not%20Plain")


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(StoreUnavailable):
        PostgresLedger("postgresql://u:p@127.0.0.1:1/db")


@pytest.fixture
def address() -> Iterator[str]:
    url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
    schema = f"t_{uuid4().hex}"
    yield f"{url}?schema={schema}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.mark.integration
def test_what_was_done_is_there_after_the_server_was_killed(address):
    import subprocess

    ctl = os.environ["SEATRIAL_TEST_POSTGRES_CTL"]
    with closing(PostgresLedger.from_url(address)) as ledger:
        assert ledger.apply([reservation("a", 300)]) == [Granted(300)]
        subprocess.run([ctl, "kill"], check=True, capture_output=True)
        with pytest.raises(StoreUnavailable):
            ledger.apply([reservation("b", 1)])
        subprocess.run([ctl, "start"], check=True, stdout=subprocess.DEVNULL)
        assert ledger.apply([reservation("b", 1)]) == [Granted(1)]
        assert balance(ledger, DAY.account) == (0, 301)


@pytest.mark.integration
def test_a_store_and_a_ledger_share_a_database(address):
    url = address.partition("?")[0]
    schema = f"t_{uuid4().hex}"
    with closing(PostgresStore(url, schema=schema)) as store:
        with closing(PostgresLedger.from_url(address)) as ledger:
            ledger.apply([reservation("a", 1)])
        assert store.head() == 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
