"""A ledger in Redis: what the suite cannot see."""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from seatrial.adapters.ledger.redis import RedisLedger
from seatrial.gateway.ledger.ledger import Granted, Repeated
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.store import (
    StoreAddressInvalid,
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
)
from seatrial.testing.ledger_entries import DAY, reservation
from seatrial.testing.ledger_model import balance


def test_an_address_that_cannot_be_read_is_refused_without_showing_it():
    with pytest.raises(StoreAddressInvalid) as caught:
        RedisLedger("http://u:hunter2@h/0")
    assert "hunter2" not in str(caught.value)
    assert "redis://user:password@host" in caught.value.remedy


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(StoreUnavailable, match="does not answer"):
        RedisLedger("redis://127.0.0.1:1/0")


def test_without_redis_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[redis\]"):
        RedisLedger("redis://127.0.0.1:1/0")


@pytest.fixture
def client(redis_server: Any) -> Iterator[Any]:
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.mark.integration
def test_what_was_done_is_there_after_the_server_was_killed(redis_server):
    with closing(RedisLedger(redis_server.url, prefix=uuid4().hex)) as ledger:
        assert ledger.apply([reservation("a", 300)]) == [Granted(300)]
        redis_server.kill()
        with pytest.raises(StoreUnavailable) as caught:
            ledger.apply([reservation("b", 1)])
        assert caught.value.facts["outcome"] == "unknown"
        redis_server.start()
        assert ledger.apply([reservation("a", 300), reservation("b", 1)]) == [
            Repeated(),
            Granted(1),
        ]
        assert balance(ledger, DAY.account) == (0, 301)


@pytest.mark.integration
def test_scripts_that_the_server_forgot_are_sent_again(redis_server, client):
    with closing(RedisLedger(redis_server.url, prefix=uuid4().hex)) as ledger:
        ledger.apply([reservation("a", 1)])
        client.script_flush()
        assert ledger.apply([reservation("b", 1)]) == [Granted(1)]


@pytest.mark.integration
def test_ledgers_of_two_prefixes_do_not_see_each_other(redis_server):
    with (
        closing(RedisLedger(redis_server.url, prefix=uuid4().hex)) as first,
        closing(RedisLedger(redis_server.url, prefix=uuid4().hex)) as second,
    ):
        first.apply([reservation("a", 1)])
        assert second.balances("") == []


@pytest.mark.integration
def test_a_full_server_says_so_and_keeps_nothing(redis_server, client):
    with closing(RedisLedger(redis_server.url, prefix=uuid4().hex)) as ledger:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreFull):
                ledger.apply([reservation("a", 1)])
        finally:
            client.config_set("maxmemory", "0")
        assert ledger.balances("") == []


@pytest.mark.integration
def test_a_user_without_rights_is_denied(redis_server, client):
    client.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], categories=["+@read"])
    url = redis_server.url.replace("redis://", "redis://reader:x@")
    try:
        with pytest.raises(StoreDenied):
            RedisLedger(url)
    finally:
        client.acl_deluser("reader")


@pytest.mark.integration
def test_keys_of_another_kind_are_damage(redis_server, client):
    prefix = uuid4().hex
    client.set(f"{{{prefix}}}:account:{DAY.account}", "text")
    with (
        closing(RedisLedger(redis_server.url, prefix=prefix)) as ledger,
        pytest.raises(StoreDamaged),
    ):
        ledger.apply([reservation("a", 1)])
