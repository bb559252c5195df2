"""Operations of a loop on their way to the ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import (
    Granted,
    Operation,
    Outcome,
    Refused,
    Release,
    Reserve,
    Settle,
    attempt_id,
)
from seatrial.gateway.ledger.teller import (
    LedgerUnusable,
    Teller,
    TellerClosed,
    TellerOptions,
)
from seatrial.gateway.ledger.usage import Record, UsageQuestion
from seatrial.gateway.policies.course import goes_elsewhere
from seatrial.kernel.store import (
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreMissing,
    StoreUnavailable,
)
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.memory_ledger import MemoryLedger

PAYER = Payer(provider="openai", model="m")
ALL = UsageQuestion(since_us=0, until_us=2**51)
GIVEN_UP = "settlements are not kept"


def reserve(name: str, amount: int = 1, *, limit: int = 100, lasts_us: int = 10**15) -> Reserve:
    return Reserve(
        id=attempt_id(0, name, 1),
        payer=PAYER,
        charges=(Charge("ever/total/", limit),),
        most=amount,
        least=amount,
        at_us=0,
        expires_us=lasts_us,
        owner="test",
    )


def settle(name: str, cost: int = 1) -> Settle:
    return Settle(Record(id=attempt_id(0, name, 1), at_us=0, payer=PAYER, cost=cost))


class Watched(MemoryLedger):
    """Keeps the sizes of its batches; fails, or waits, when told."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.threads: set[str] = set()
        self.fail: Callable[[Sequence[Operation]], Exception | None] = lambda _: None
        self.may_go = threading.Event()
        self.may_go.set()

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        assert self.may_go.wait(30)
        self.sizes.append(len(operations))
        self.threads.add(threading.current_thread().name)
        failure = self.fail(operations)
        if failure is not None:
            raise failure
        return super().apply(operations)

    @property
    def held(self) -> tuple[int, int]:
        found = self.balances("")
        return (found[0].spent, found[0].reserved) if found else (0, 0)


def unavailable(*_: object) -> StoreUnavailable:
    return StoreUnavailable("It is away.", remedy="Wait.")


async def test_what_comes_in_one_turn_is_one_batch_in_a_thread():
    ledger = Watched()
    teller = Teller(ledger, wall=lambda: 0.0)
    answers = await asyncio.gather(*(teller.reserve(reserve(f"{i}")) for i in range(20)))
    assert answers == [Granted(1)] * 20
    assert ledger.sizes == [20]
    for i in range(20):
        teller.post(settle(f"{i}"))
    await teller.close()
    assert ledger.sizes == [20, 20]
    assert ledger.threads == {"seatrial-ledger"}


async def test_what_comes_while_a_batch_is_under_way_is_the_next_one():
    ledger = Watched()
    ledger.may_go.clear()
    teller = Teller(ledger, wall=lambda: 0.0)
    tasks = [asyncio.create_task(teller.reserve(reserve("first")))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for i in range(5):
        tasks.append(asyncio.create_task(teller.reserve(reserve(f"{i}"))))
        await asyncio.sleep(0)
    ledger.may_go.set()
    await asyncio.gather(*tasks)
    assert ledger.sizes == [1, 5]
    await teller.close()


@in_fake_time
async def test_a_settlement_waits_a_moment_for_company():
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False)
    await teller.reserve(reserve("a"))
    teller.post(settle("a"))
    await asyncio.sleep(0.049)
    assert (ledger.sizes, ledger.held) == ([1], (0, 1))
    await teller.reserve(reserve("b"))
    assert (ledger.sizes, ledger.held) == ([1, 2], (1, 1))
    teller.post(settle("b"))
    await asyncio.sleep(0.0501)
    assert (ledger.sizes, ledger.held) == ([1, 2, 1], (2, 0))


async def test_settlements_that_came_meanwhile_wait_for_company_too():
    ledger = Watched()
    ledger.may_go.clear()
    teller = Teller(ledger, wall=lambda: 0.0, options=TellerOptions(settle_within_s=3600.0))
    asked = asyncio.create_task(teller.reserve(reserve("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the batch is under way
    teller.post(settle("x"))
    teller.post(settle("y"))
    ledger.may_go.set()
    await asked
    for _ in range(5):
        await asyncio.sleep(0)
    await teller.reserve(reserve("b"))
    assert ledger.sizes == [1, 3]
    await teller.close()


@in_fake_time
async def test_refusals_are_answers_too():
    teller = Teller(MemoryLedger(), wall=now, blocking=False)
    asked = [reserve(f"{i}", 40) for i in range(3)]
    answers = await asyncio.gather(*(teller.reserve(one) for one in asked))
    assert answers == [Granted(40), Granted(40), Refused("ever/total/", 100, 0, 80)]


async def test_who_is_cancelled_while_waiting_gets_nothing():
    ledger = Watched()
    ledger.may_go.clear()
    teller = Teller(ledger, wall=lambda: 0.0)
    task = asyncio.create_task(teller.reserve(reserve("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the batch is under way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ledger.may_go.set()
    await teller.flush()
    assert ledger.held == (0, 0)
    await teller.close()


@in_fake_time
async def test_a_ledger_that_is_away_refuses_reservations_and_keeps_no_money(caplog):
    """What it kept of a commit that broke is released when it is back."""
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False)
    await teller.reserve(reserve("before"))
    kept = MemoryLedger.apply

    def broken(operations):
        kept(ledger, operations)  # it was kept, and nobody heard of it
        return unavailable()

    ledger.fail = broken
    with pytest.raises(StoreUnavailable):
        await teller.reserve(reserve("lost", 10))
    assert ledger.held == (0, 11)
    ledger.fail = unavailable
    teller.post(settle("before", 1))
    await asyncio.sleep(1.0)
    assert ledger.held == (0, 11)
    ledger.fail = lambda _: None
    await teller.reserve(reserve("after"))
    assert ledger.held == (1, 1)
    assert GIVEN_UP not in caplog.text


@in_fake_time
@pytest.mark.parametrize("kind", [StoreFull, StoreDamaged, StoreDenied, StoreMissing])
async def test_a_ledger_in_trouble_is_no_fault_of_who_calls_and_sends_nobody_elsewhere(kind):
    """A full disk was told as a rate limit, and dearer candidates were tried; a file that is gone,
    as a model that is not there."""
    ledger = Watched()
    ledger.fail = lambda _: kind("There is no room left.", remedy="Free some.")
    teller = Teller(ledger, wall=now, blocking=False)
    with pytest.raises(LedgerUnusable, match="There is no room left") as told:
        await teller.reserve(reserve("a"))
    assert told.value.facts["cause"] == kind.code
    assert not goes_elsewhere(told.value)


async def test_a_settlement_is_tried_again_without_being_asked():
    ledger = Watched()
    teller = Teller(ledger, wall=lambda: 0.0, options=TellerOptions(retry_s=0.001))
    await teller.reserve(reserve("a"))
    ledger.fail = lambda _: unavailable() if len(ledger.sizes) < 5 else None
    teller.post(settle("a"))
    await teller.flush()
    for _ in range(10_000):
        if ledger.held == (1, 0):
            break
        await asyncio.sleep(0.001)
    assert ledger.held == (1, 0)
    await teller.close()


@in_fake_time
async def test_what_a_ledger_cannot_take_does_not_hold_up_the_rest(caplog):
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False)
    await asyncio.gather(*(teller.reserve(reserve(name)) for name in "abc"))
    ledger.fail = lambda ops: (
        ValueError("not this one") if any(op == settle("b") for op in ops) else None
    )
    for name in "abc":
        teller.post(settle(name))
    await teller.flush()
    assert ledger.held == (2, 1)
    assert caplog.text.count(GIVEN_UP) == 1
    assert "cannot take" in caplog.text


@in_fake_time
async def test_what_waits_is_bounded(caplog):
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False, options=TellerOptions(most_waiting=3))
    ledger.fail = unavailable
    for i in range(10):
        teller.post(settle(f"{i}"))
        await teller.flush()
    assert caplog.text.count(f"1 {GIVEN_UP}") == 7


@in_fake_time
async def test_what_nobody_settles_is_swept_at_the_start_and_then_now_and_again(caplog):
    ledger = MemoryLedger()
    ledger.apply([reserve("left", 7, lasts_us=1)])
    teller = Teller(ledger, wall=now, blocking=False, options=TellerOptions(sweep_every_s=30))
    assert await teller.reserve(reserve("a", 93)) == Granted(93)
    assert "left/1 of test was never settled; it counts at its worst case, 7" in caplog.text
    ledger.apply([Release(reserve("a").id), reserve("b", 5, lasts_us=1)])
    await asyncio.sleep(29)
    await teller.reserve(reserve("c", 1))
    assert ledger.usage(ALL)[0].n_lapsed == 1
    await asyncio.sleep(2)
    await teller.reserve(reserve("d", 1))
    assert ledger.usage(ALL)[0].n_lapsed == 2
    assert ledger.usage(ALL)[0].cost_usd == 12 * Decimal("1e-12")


@in_fake_time
async def test_old_records_are_forgotten():
    ledger = MemoryLedger()
    ledger.apply([settle("old")])
    teller = Teller(ledger, wall=lambda: 33 * 86_400.0, blocking=False)
    await teller.reserve(reserve("a"))
    assert len(ledger.usage(ALL)) == 1
    short = Teller(
        ledger,
        wall=lambda: 33 * 86_400.0,
        blocking=False,
        options=replace(TellerOptions(), keep_days=32),
    )
    await short.reserve(reserve("b"))
    assert ledger.usage(ALL) == []


async def test_a_closed_teller_reserves_nothing_and_has_kept_all():
    ledger = Watched()
    teller = Teller(ledger, wall=lambda: 0.0)
    await teller.reserve(reserve("a"))
    teller.post(settle("a"))
    kept: list[tuple[int, int]] = []
    ledger.close = lambda: kept.append(ledger.held)  # type: ignore[method-assign]
    await teller.close()
    await teller.close()
    assert kept == [(1, 0)]
    with pytest.raises(TellerClosed):
        await teller.reserve(reserve("b"))


def test_processes_have_names_of_their_own():
    owners = {Teller(MemoryLedger(), wall=lambda: 0.0).owner for _ in range(3)}
    assert len(owners) == 3


ALLOWANCE = Reserve(
    id=attempt_id(0, "ahead", 1),
    payer=PAYER,
    charges=(Charge("ever/total/", 10**6),),
    most=10**4,
    least=1,
    at_us=0,
    expires_us=10**15,
    owner="test",
    ahead=True,
)


def drawn(name: str) -> Settle:
    return Settle(settle(name).record, ALLOWANCE.id)


@in_fake_time
async def test_an_allowance_is_given_back_after_what_it_paid_however_often_the_ledger_fails():
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False)
    await teller.reserve(ALLOWANCE)
    ledger.fail = unavailable
    for i in range(1500):  # more than are done at once
        teller.post(drawn(f"{i}"))
        if i % 100 == 0:
            await asyncio.sleep(1)
    await asyncio.sleep(1)
    ledger.fail = lambda _: unavailable() if len(ledger.sizes) % 2 else None
    teller.post(Release(ALLOWANCE.id))
    await asyncio.sleep(1)
    for _ in range(20):
        teller.post(settle("other", 0))
        await asyncio.sleep(1)
    ledger.fail = lambda _: None
    await teller.flush()
    teller.post(settle("last", 0))
    await teller.close()
    assert ledger._accounts["ever/total/"].spent == 1500
    assert ledger._accounts["ever/total/"].reserved == 0


@in_fake_time
async def test_what_was_given_up_counts_in_its_allowance():
    ledger = Watched()
    teller = Teller(ledger, wall=now, blocking=False, options=TellerOptions(most_waiting=3))
    await teller.reserve(ALLOWANCE)
    ledger.fail = unavailable
    for i in range(10):
        teller.post(drawn(f"{i}"))
    await asyncio.sleep(1)
    ledger.fail = lambda _: None
    teller.post(settle("other", 0))
    await teller.flush()
    teller.post(Release(ALLOWANCE.id))
    await teller.flush()
    (lapsed,) = ledger.sweep(now_us=10**16, keep_since_us=0)
    assert lapsed.amount >= 10**4 - 3
    assert sum(ledger.held) >= 10**4 - 3
    await teller.close()
