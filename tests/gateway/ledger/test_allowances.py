"""Money held ahead: when, how much, and that none is lost or spent twice."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.gateway.ledger.allowances import AllowanceOptions, Allowances, Grant
from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import Operation, Refused, Reserve, attempt_id
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.ledger.usage import Record, UsageQuestion
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.fake_time import in_fake_time, now, run_in_fake_time
from seatrial.testing.memory_ledger import MemoryLedger

PAYER = Payer(provider="openai", model="m")
ALL = UsageQuestion(since_us=0, until_us=2**51)
TOTAL = "ever/total/"
CALL_US = 30_000_000


class Watched(MemoryLedger):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Operation] = []
        self.away = False

    def close(self):
        """Others go on."""

    def apply(self, operations):
        if self.away:
            raise StoreUnavailable("It is away.", remedy="Wait.")
        self.asked += operations
        return super().apply(operations)

    @property
    def held(self) -> tuple[int, int]:
        (found,) = self.balances(TOTAL) or [None]
        return (0, 0) if found is None else (found.spent, found.reserved)

    def left_of(self, key: str) -> int:
        """What is left of a reservation."""
        return self._attempts[key].amount

    @property
    def n_reserved(self) -> int:
        return sum(isinstance(one, Reserve) for one in self.asked)


class Till:
    """Allowances of one process, and calls that they pay."""

    def __init__(self, ledger: Watched, *, limit: int, owner: str = "test", **options) -> None:
        self.ledger, self.limit = ledger, limit
        teller = Teller(ledger, wall=now, blocking=False, owner=owner)
        self.allowances = Allowances(teller, AllowanceOptions(**options), wall=now)
        self.owner = owner
        self._numbers = count()

    def asking(self, most: int, *, least: int | None = None, lasts_us: int = CALL_US) -> Reserve:
        at_us = int(now() * 1e6)
        return Reserve(
            id=attempt_id(at_us, f"{self.owner}-{next(self._numbers)}", 1),
            payer=PAYER,
            charges=(Charge(TOTAL, self.limit),),
            most=most,
            least=most if least is None else least,
            at_us=at_us,
            expires_us=at_us + lasts_us,
            owner=self.owner,
        )

    def settle(self, asked: Reserve, grant: Grant, cost: int) -> None:
        self.allowances.settle(
            Record(id=asked.id, at_us=asked.at_us, payer=PAYER, cost=cost), grant
        )

    async def agrees(self) -> None:
        """What is left of each allowance here is what the ledger has of it."""
        await self.allowances.teller.flush()
        for one in self.allowances._open.values():
            assert one.left + one.held == self.ledger.left_of(one.id)

    async def die(self) -> None:
        """End without giving anything back."""
        await self.allowances.teller.flush()
        await asyncio.gather(*self.allowances._tasks)
        if self.allowances._round is not None:
            self.allowances._round.cancel()

    async def pay(self, most: int = 10, cost: int = 1, **facts) -> Grant | Refused:
        asked = self.asking(most, **facts)
        grant = await self.allowances.reserve(asked)
        if isinstance(grant, Grant):
            self.settle(asked, grant, cost)
        return grant


@in_fake_time
async def test_calls_that_follow_each_other_are_granted_without_asking():
    ledger = Watched()
    till = Till(ledger, limit=10**6)
    await till.pay()
    assert ledger.n_reserved == 1
    await till.pay()  # asks for what is to come as well
    await asyncio.sleep(0)
    grants = [await till.pay() for _ in range(200)]
    assert all(grant.allowance is not None for grant in grants)
    assert ledger.n_reserved == 3
    await till.allowances.flush()
    assert ledger.held == (202, 0)
    assert ledger.usage(ALL)[0].n == 202
    await till.allowances.close()


@in_fake_time
async def test_calls_that_come_alone_are_reserved_alone():
    ledger = Watched()
    till = Till(ledger, limit=10**6, idle_s=1.0)
    for _ in range(5):
        assert (await till.pay()).allowance is None
        await asyncio.sleep(1.1)
    assert (ledger.n_reserved, ledger.held) == (5, (5, 0))
    await till.allowances.close()


@in_fake_time
async def test_a_hundredth_of_what_is_left_is_held_and_of_a_small_budget_nothing():
    ledger = Watched()
    till = Till(ledger, limit=5_000)
    for _ in range(3):
        await till.pay(10, 0)
        await asyncio.sleep(0.1)
    assert ledger.held == (0, 49)
    await till.allowances.close()

    ledger = Watched()
    till = Till(ledger, limit=999)
    grants = [await till.pay(10, 10) for _ in range(99)]
    assert all(isinstance(one, Grant) and one.allowance is None for one in grants)
    await till.allowances.flush()
    assert ledger.held == (990, 0)
    await till.allowances.close()


@in_fake_time
async def test_what_nobody_uses_is_given_back():
    ledger = Watched()
    till = Till(ledger, limit=10**6, idle_s=1.0)
    for _ in range(3):
        await till.pay(10, 1)
    await asyncio.sleep(0.5)
    assert ledger.held[1] > 0
    await asyncio.sleep(2.5)
    assert ledger.held == (3, 0)
    await till.allowances.close()


@in_fake_time
async def test_the_next_one_is_there_before_the_last_ends():
    ledger = Watched()
    till = Till(ledger, limit=10**6, serves_s=5.0)
    grants = []
    for _ in range(200):
        grants.append(await till.pay(10, 1))
        await asyncio.sleep(0.1)
    assert [one.allowance is None for one in grants[3:]] == [False] * 197
    used = {grant.allowance.id for grant in grants[3:]}
    assert 4 <= len(used) <= 10
    await till.allowances.flush()
    assert ledger.held == (200, 0)
    await till.allowances.close()


@in_fake_time
async def test_one_that_is_used_up_early_is_followed_in_time_by_a_larger_one():
    ledger = Watched()
    till = Till(ledger, limit=10**9)
    for _ in range(5000):
        await till.pay(10, 10)
        await asyncio.sleep(0)
    reserved = [one for one in ledger.asked if isinstance(one, Reserve)]
    assert [one.ahead for one in reserved] == [False, False] + [True] * (len(reserved) - 2)
    sizes = [one.most // 10 for one in reserved if one.ahead]
    assert sizes[:5] == [64, 128, 256, 512, 1024]
    assert set(sizes[5:]) == {1024}
    for _ in range(300):  # fewer come: less is held for them
        await asyncio.sleep(0.1)
        await till.pay(10, 10)
    assert [one for one in ledger.asked if isinstance(one, Reserve)][-1].most == 640
    await till.allowances.flush()
    assert ledger.held == (53_000, 0)
    await till.allowances.close()


@in_fake_time
async def test_a_call_that_may_last_longer_than_the_allowance_is_not_paid_from_it():
    ledger = Watched()
    till = Till(ledger, limit=10**6)
    for _ in range(3):
        await till.pay()
    assert (await till.pay(lasts_us=10 * CALL_US)).allowance is None
    await till.allowances.close()


@in_fake_time
async def test_where_the_ledger_has_nothing_left_what_is_held_here_does():
    ledger = Watched()
    till = Till(ledger, limit=10_000)
    other = Till(ledger, limit=10_000, owner="other", calls=0)
    for _ in range(3):
        await till.pay(10, 0)
    await asyncio.sleep(0.1)
    held = ledger.held[1]
    assert held == 99
    assert isinstance(await other.pay(10_000 - held, 10_000 - held), Grant)
    await other.allowances.flush()
    grant = await till.pay(500, 90, least=20)
    assert (grant.amount, grant.allowance is not None) == (99, True)
    assert isinstance(await till.pay(500, 0, least=20), Refused)
    await till.allowances.close()
    assert ledger.held == (10_000 - held + 90, 0)
    await other.allowances.close()


@in_fake_time
async def test_a_call_that_cost_more_than_was_granted_is_paid_in_full():
    ledger = Watched()
    till = Till(ledger, limit=10_000)
    for _ in range(3):
        await till.pay(10, 1)
    await till.pay(10, 500)
    await till.allowances.flush()
    assert ledger.held == (503, 0)
    await till.allowances.close()


@in_fake_time
async def test_what_a_dead_process_held_lapses_and_its_late_calls_correct_it():
    ledger = Watched()
    till = Till(ledger, limit=10_000)
    for _ in range(3):
        await till.pay(10, 1)
    await asyncio.sleep(0.1)
    asked = till.asking(10)
    grant = await till.allowances.reserve(asked)
    held = ledger.held[1]
    (lapsed,) = ledger.sweep(now_us=10**12, keep_since_us=0)
    assert (lapsed.amount, ledger.held) == (held, (3 + held, 0))
    till.settle(asked, grant, 7)
    await till.allowances.teller.flush()
    assert ledger.held == (3 + held, 0)
    (kept,) = ledger.usage(ALL)
    assert (kept.n, kept.cost, kept.unconfirmed) == (5, 3 + held, held - 7)
    await till.allowances.close()


@in_fake_time
async def test_without_a_ledger_calls_are_refused_as_ever():
    ledger = Watched()
    till = Till(ledger, limit=10**6)
    await till.pay()
    ledger.away = True
    with pytest.raises(StoreUnavailable):
        await till.pay()
    ledger.away = False
    await asyncio.sleep(2)
    assert isinstance(await till.pay(), Grant)
    await till.allowances.close()


@in_fake_time
async def test_one_that_comes_when_all_is_over_is_given_back():
    ledger = Watched()
    till = Till(ledger, limit=10**6)
    await till.pay()
    await till.pay()
    await till.allowances.close()
    assert ledger.held == (2, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(("reserve", "reserve", "reserve", "settle", "wait", "die")),
        st.integers(1, 400),
        st.floats(0, 1),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(100, 60_000))
def test_no_order_of_things_passes_the_limit_or_leaves_money_behind(steps, limit):
    async def play() -> None:
        ledger = Watched()
        tills = {name: Till(ledger, limit=limit, owner=name, calls=8) for name in "ab"}
        under_way: dict[str, list[tuple[Reserve, Grant]]] = {"a": [], "b": []}
        paid = 0
        for name, step, amount, part in steps:
            till = tills[name]
            if step == "reserve":
                asked = till.asking(amount, least=max(1, int(amount * part)))
                grant = await till.allowances.reserve(asked)
                if isinstance(grant, Grant):
                    assert asked.least <= grant.amount <= asked.most
                    under_way[name].append((asked, grant))
            elif step == "settle" and under_way[name]:
                asked, grant = under_way[name].pop(int(part * (len(under_way[name]) - 1)))
                cost = int(grant.amount * part)
                till.settle(asked, grant, cost)
                paid += cost
            elif step == "die":
                under_way[name].clear()  # what it held lapses at the end
                await till.die()
                tills[name] = Till(
                    ledger, limit=limit, owner=f"{name}+{len(ledger.asked)}", calls=8
                )
            else:
                await asyncio.sleep(amount / 100)
            held = sum(grant.amount for some in under_way.values() for _, grant in some)
            assert paid + held <= limit
            assert sum(ledger.held) <= limit
            for till in tills.values():
                await till.agrees()
        for name, till in tills.items():
            for asked, grant in under_way[name]:
                till.settle(asked, grant, grant.amount)
                paid += grant.amount
            await till.allowances.close()
        ledger.sweep(now_us=10**15, keep_since_us=0)
        spent, reserved = ledger.held
        assert reserved == 0
        assert paid <= spent <= limit
        if not any(step == "die" for _, step, *_ in steps):
            assert spent == paid

    run_in_fake_time(play())
