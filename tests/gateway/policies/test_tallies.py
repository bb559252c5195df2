"""Calls that made no attempt, counted in memory and handed over every few seconds."""

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.ledger import Count
from seatrial.gateway.ledger.usage import By
from seatrial.gateway.policies import tallies as module
from seatrial.gateway.policies.tallies import EVERY_S, Preferred, Tallies
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.ledger_model import ALL
from seatrial.testing.memory_ledger import MemoryLedger

START_S = 20_000 * 86_400 + 30.0
USAGE = Usage(input_tokens=10, output_tokens=5)


@dataclass
class Box:
    """Takes what is handed over."""

    posted: list[Count] = field(default_factory=list)
    began: float = field(default_factory=now)

    def tallies(self, owner: str = "w/1") -> Tallies:
        return Tallies(self.posted.append, owner=owner, wall=lambda: START_S + now() - self.began)

    def sums(self, *by: By):
        ledger = MemoryLedger()
        ledger.apply(self.posted)
        found = ledger.usage(replace(ALL, by=by))
        return {one.group: (one.n_hits, one.saved, one.n_refused) for one in found}


PREFERRED = Preferred(
    provider="openai", model="gpt", cost=lambda usage: usage.input_tokens + usage.output_tokens
)


@in_fake_time
async def test_hits_wait_in_memory_and_are_handed_over_together(called):
    box = Box()
    tallies = box.tallies()
    for key in ("k1", "k1", "k2"):
        tallies.add(PREFERRED, called(key=key), usage=USAGE, failure=None)
    assert box.posted == []
    await asyncio.sleep(EVERY_S)
    assert len(box.posted) == 2
    assert box.sums(By.KEY) == {("k1",): (2, 30, 0), ("k2",): (1, 15, 0)}
    assert {one.record.cache for one in box.posted} == {CacheUse.HIT}
    await asyncio.sleep(2 * EVERY_S)
    assert len(box.posted) == 2


@in_fake_time
async def test_a_count_is_told_again_in_full_and_counts_once(called):
    box = Box()
    tallies = box.tallies()
    for _ in range(3):
        tallies.add(PREFERRED, called(), usage=USAGE, failure=None)
        tallies.flush()
    assert [one.record.n for one in box.posted] == [1, 2, 3]
    assert box.sums() == {(): (3, 45, 0)}


@in_fake_time
async def test_minutes_workers_and_refusals_are_kept_apart(called):
    box = Box()
    one, other = box.tallies(), box.tallies("w/2")
    one.add(PREFERRED, called(), usage=USAGE, failure=None)
    await asyncio.sleep(60)
    one.add(PREFERRED, called(), usage=None, failure=None)
    other.add(PREFERRED, called(), usage=None, failure="gateway.budget_exceeded")
    one.flush()
    other.flush()
    assert box.sums(By.MINUTE, By.FAILURE) == {
        ("2024-10-04T00:00", None): (1, 15, 0),
        ("2024-10-04T00:01", None): (1, 0, 0),
        ("2024-10-04T00:01", "gateway.budget_exceeded"): (0, 0, 1),
    }


@in_fake_time
async def test_users_without_end_are_counted_together(called, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MOST_GROUPS", 3)
    box = Box()
    tallies = box.tallies()
    for n in range(9):
        call = called(key="k1", user=f"u{n}", tags={"team": "a"})
        tallies.add(PREFERRED, call, usage=USAGE, failure=None)
    tallies.flush()
    assert box.sums(By.KEY) == {("k1",): (9, 135, 0)}
    assert box.sums(By.USER)[(None,)] == (6, 90, 0)


@in_fake_time
async def test_names_of_callers_are_masked_and_no_price_saves_nothing_known(called):
    box = Box()
    tallies = box.tallies()
    unpriced = Preferred(provider="openai", model="gpt", cost=lambda _: None)
    call = called(user="ana@example.com", tags={"mail": "bob@example.com"})
    tallies.add(unpriced, call, usage=USAGE, failure=None)
    tallies.flush()
    (count,) = box.posted
    assert "example" not in repr(count)
    assert count.record.cost == 0
