"""Lookups over a store in memory: batched, bounded in time and in number."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seatrial.features import batched
from seatrial.features.batched import BatchedReader
from seatrial.features.config import LookupConfig
from seatrial.features.failures import FeaturesLate, LookupsFull, OnlineStoreUnavailable
from seatrial.features.lookup import EndpointLookup, Lookups
from seatrial.features.plan import plan_of
from seatrial.features.view import Repository, View
from seatrial.kernel.errors import SeatrialError
from seatrial.testing.memory_features import MemoryOnlineStore

FOUND = {"purchase_count_30d": 4, "avg_order_value": 2.5}
DEFAULTS = {"purchase_count_30d": 0, "avg_order_value": 9.0}


class Setting:
    def __init__(self, repository: Repository, view: View) -> None:
        self.store = MemoryOnlineStore()
        for user in range(100):
            self.store.put(view, (user,), 0, {**FOUND, "purchase_count_30d": user})
        self.repository = repository
        self.failures: list[str] = []
        self.lookups: list[EndpointLookup] = []

    def lookup(self, **options: Any) -> EndpointLookup:
        plan = plan_of(LookupConfig(service="activity", **options), self.repository)
        lookup = EndpointLookup(
            BatchedReader(self.store, plan), plan, now_us=lambda: 0, failed=self.failed
        )
        self.lookups.append(lookup)
        return lookup

    def failed(self, problem: SeatrialError) -> None:
        self.failures.append(problem.code)


@pytest.fixture
async def setting(repository: Repository, users: View) -> AsyncIterator[Setting]:
    setting = Setting(repository, users)
    yield setting
    setting.store.gate.set()
    for lookup in setting.lookups:
        await lookup.close()
    assert setting.store.closed


async def rows_of(lookup: EndpointLookup, *users: int) -> list[Any]:
    rows: list[Any] = [{"entity": {"user_id": user}} for user in users]
    waiting = lookup.look_up(rows)
    assert waiting is not None
    (await waiting).fit(rows, FOUND)
    return rows


async def test_rows_are_completed(setting: Setting) -> None:
    found = await rows_of(setting.lookup(), 3, 8)
    assert found == [{**FOUND, "purchase_count_30d": 3}, {**FOUND, "purchase_count_30d": 8}]


async def test_the_rows_of_a_request_are_read_at_once_each_key_once(setting: Setting) -> None:
    await rows_of(setting.lookup(), 3, 8, 3)
    assert setting.store.reads == [("user_stats", ((3,), (8,)))]


async def test_requests_that_come_while_it_reads_are_read_together(setting: Setting) -> None:
    lookup = setting.lookup(deadline="10s")
    setting.store.gate.clear()
    first = asyncio.ensure_future(rows_of(lookup, 0))
    while not setting.store.reads:
        await asyncio.sleep(0.001)
    others = [asyncio.ensure_future(rows_of(lookup, user, 1)) for user in range(1, 21)]
    await asyncio.sleep(0)
    setting.store.gate.set()
    await first
    found = await asyncio.gather(*others)
    assert [rows[0]["purchase_count_30d"] for rows in found] == list(range(1, 21))
    assert len(setting.store.reads) == 2
    assert sorted(setting.store.reads[1][1]) == [(user,) for user in range(1, 21)]


async def test_a_store_that_hangs_is_not_waited_for(setting: Setting) -> None:
    setting.store.gate.clear()
    with pytest.raises(FeaturesLate, match="within 20 ms"):
        await rows_of(setting.lookup(deadline="20ms"), 1)
    assert setting.failures == ["features.late"]


async def test_defaults_stand_in_for_a_store_that_hangs_or_fails(setting: Setting) -> None:
    lookup = setting.lookup(deadline="20ms", defaults=DEFAULTS)
    setting.store.gate.clear()
    assert await rows_of(lookup, 1) == [DEFAULTS]
    setting.store.gate.set()
    setting.store.broken = True
    await asyncio.sleep(0.01)
    assert await rows_of(setting.lookup(deadline="10s", defaults=DEFAULTS), 1) == [DEFAULTS]
    assert setting.failures == ["features.late", "features.online_unavailable"]


async def test_a_store_that_fails_is_told_and_asked_again(setting: Setting) -> None:
    lookup = setting.lookup(deadline="10s")
    setting.store.broken = True
    with pytest.raises(OnlineStoreUnavailable):
        await rows_of(lookup, 1)
    setting.store.broken = False
    assert (await rows_of(lookup, 1))[0]["purchase_count_30d"] == 1


async def test_no_more_wait_than_may(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched, "MAX_WAITING", 2)
    lookup = setting.lookup(deadline="10s")
    setting.store.gate.clear()
    waiting = [asyncio.ensure_future(rows_of(lookup, user)) for user in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(LookupsFull, match="2 requests wait"):
        await rows_of(lookup, 3)
    setting.store.gate.set()
    await asyncio.gather(*waiting)
    assert (await rows_of(lookup, 3))[0]["purchase_count_30d"] == 3


async def test_endpoints_without_features_are_left_alone(setting: Setting) -> None:
    lookups = Lookups({"churn": setting.lookup()})
    rows: list[Any] = [{"entity": {"user_id": 1}}]
    assert lookups.look_up("other", rows) is None
    assert lookups.look_up("churn", [{"a": 1}]) is None
    waiting = lookups.look_up("churn", rows)
    assert waiting is not None
    await waiting
    assert rows == [{**FOUND, "purchase_count_30d": 1}]


async def test_what_is_under_way_ends_by_the_lookup_it_began_with(setting: Setting) -> None:
    lookups = Lookups({"churn": setting.lookup(deadline="10s")})
    setting.store.gate.clear()
    begun: list[Any] = [{"entity": {"user_id": 1}}]
    before = lookups.look_up("churn", begun)
    assert before is not None
    under_way = asyncio.ensure_future(before)
    await asyncio.sleep(0)
    newer = setting.lookup(deadline="10s", columns={"avg_order_value": "order_value"})
    swapped = asyncio.ensure_future(lookups.swap("churn", newer))
    await asyncio.sleep(0)
    later: list[Any] = [{"entity": {"user_id": 2}}]
    after = lookups.look_up("churn", later)
    assert after is not None
    setting.store.gate.set()
    await asyncio.gather(under_way, after, swapped)
    assert begun == [{"purchase_count_30d": 1, "avg_order_value": 2.5}]
    assert later == [{"purchase_count_30d": 2, "order_value": 2.5}]
