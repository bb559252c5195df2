"""The eight cases in which other gateways pass a budget, or strand it: money for 10 of 200 calls.

A call costs 20 tokens of 0.0001 USD, and the vendor bills whatever it began, to the end.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal

import pytest

from seatrial.gateway.chat.failures import ServerFault
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.policies.room import Room
from seatrial.testing.billing_provider import FlatPrice
from seatrial.testing.fake_time import in_fake_time, now

COST = Decimal("0.002")
LIMIT = Decimal("0.02")


async def at_once(n, work):
    """How many of n calls were refused by the budget; any other error is raised."""
    outcomes = await asyncio.gather(*(work() for _ in range(n)), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, BudgetExceeded)]
    others = [one for one in outcomes if isinstance(one, BaseException) and one not in refused]
    assert others == []
    return len(refused)


async def in_sequence(work):
    """Call until the budget says no."""
    for _ in range(200):
        try:
            await work()
        except BudgetExceeded:
            return


def whole(desk, policy, ask, **facts):
    async def work():
        await policy.chat(ask(**facts), desk.call())

    return work


def streamed(desk, policy, ask, **facts):
    async def work():
        async with aclosing(policy.stream(ask(stream=True, **facts), desk.call())) as chunks:
            async for _ in chunks:
                pass

    return work


@in_fake_time
async def test_whole_answers(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    vendor = desk.provider(wait_s=0.3)
    refused = await at_once(200, whole(desk, desk.budgeted(vendor), ask))
    assert (vendor.n_paid, refused) == (10, 190)
    assert (await desk.spent()).cost_usd == vendor.billed_usd == LIMIT


@in_fake_time
async def test_streams(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    vendor = desk.provider(wait_s=0.03)
    refused = await at_once(200, streamed(desk, desk.budgeted(vendor), ask))
    assert (vendor.n_paid, refused) == (10, 190)
    assert (await desk.spent()).cost_usd == vendor.billed_usd == LIMIT


@in_fake_time
async def test_streams_without_usage(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    vendor = desk.provider(wait_s=0.03, tells_usage=False)
    refused = await at_once(200, streamed(desk, desk.budgeted(vendor), ask))
    assert (vendor.n_paid, refused) == (10, 190)
    spent = await desk.spent()
    assert (spent.cost_usd, spent.n_estimated) == (vendor.billed_usd, 10)


@pytest.mark.parametrize("how", ["closed", "cancelled"])
def test_clients_that_hang_up(sqlite_desk, ask, how):
    @in_fake_time
    async def run():
        desk = sqlite_desk("0.02")
        vendor = desk.provider(wait_s=0.03)
        policy = desk.budgeted(vendor)

        async def closed():
            chunks = policy.stream(ask(stream=True), desk.call())
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk.speaks:
                        return

        async def cancelled():
            task = asyncio.create_task(streamed(desk, policy, ask)())
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return

        refused = await at_once(200, closed if how == "closed" else cancelled)
        assert (vendor.n_paid, refused) == (10, 190)
        assert (await desk.spent()).cost_usd == vendor.billed_usd == LIMIT
        assert await desk.held() == (int(LIMIT * 10**12), 0)

    run()


@in_fake_time
async def test_no_max_tokens(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    vendor = desk.provider(wait_s=0.3)
    policy = desk.budgeted(vendor, maximum=16_384)
    work = whole(desk, Room(policy, now=now), ask, max_tokens=None)
    refused = await at_once(200, work)  # each holds all that is left, and gives most of it back
    assert (vendor.n_paid, refused) == (9, 191)  # for one more, fewer than 16 tokens are left
    assert vendor.billed_usd == Decimal("0.9") * LIMIT
    assert (await desk.spent()).cost_usd == vendor.billed_usd


@in_fake_time
async def test_a_fallback_that_costs_ten_times_as_much(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    broken = ServerFault("500", remedy="Wait.", provider="primary")
    primary = desk.provider(fault=lambda _: broken, wait_s=0.1)
    dear = desk.provider(price=FlatPrice(Decimal("0.001")), wait_s=0.3)
    first, second = desk.budgeted(primary), desk.budgeted(dear)

    async def work():
        call = desk.call()
        try:
            await first.chat(ask(), call)
        except ServerFault:
            await second.chat(ask(), call)

    await at_once(200, work)
    await in_sequence(work)
    assert (primary.billed_usd, dear.billed_usd) == (0, LIMIT)
    assert dear.n_paid == 1  # one call for the price of ten
    assert (await desk.spent()).cost_usd == LIMIT


@in_fake_time
async def test_two_workers_without_a_server(sqlite_desk, ask):
    desks = [sqlite_desk("0.02"), sqlite_desk("0.02")]
    vendors = [desk.provider(wait_s=0.3) for desk in desks]
    works = [
        whole(desk, desk.budgeted(vendor), ask) for desk, vendor in zip(desks, vendors, strict=True)
    ]
    refused = await asyncio.gather(*(at_once(100, work) for work in works))
    assert sum(vendor.n_paid for vendor in vendors) == 10
    assert sum(refused) == 190
    assert (await desks[0].spent()).cost_usd == sum(v.billed_usd for v in vendors) == LIMIT


@in_fake_time
async def test_a_restart(sqlite_desk, ask):
    vendors = []
    for _ in range(4):
        desk = sqlite_desk("0.02")
        vendor = desk.provider(wait_s=0.3)
        vendors.append(vendor)
        work = whole(desk, desk.budgeted(vendor), ask)
        await at_once(3, work) if len(vendors) < 4 else await in_sequence(work)
        await desk.allowances.close()
    assert [vendor.n_paid for vendor in vendors] == [3, 3, 3, 1]


@in_fake_time
async def test_sixty_failures_of_the_provider(sqlite_desk, ask):
    desk = sqlite_desk("0.02")
    broken = ServerFault("500", remedy="Wait.", provider="billing")
    vendor = desk.provider(fault=lambda n: broken if n < 60 else None, wait_s=0.1)
    policy = desk.budgeted(vendor)
    work = whole(desk, policy, ask)

    async def failing():
        try:
            await work()
        except ServerFault:
            return

    for _ in range(6):
        assert await at_once(10, failing) == 0
    assert (await desk.held(), vendor.n_paid) == ((0, 0), 0)
    await in_sequence(work)
    assert vendor.n_paid == 10
    spent = await desk.spent()
    assert (spent.n, spent.n_failed, spent.cost_usd) == (70, 60, LIMIT)
