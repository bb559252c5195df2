"""Waiting for money that others will give back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.policies.budget_failures import BudgetExceeded, BudgetHeld
from seatrial.gateway.policies.room import Room, RoomOptions
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import ScriptedProvider

UNIT = 10**8
"""The price of a token."""


async def whole(policy, request, call):
    await policy.chat(request, call)


async def streamed(policy, request, call):
    async with aclosing(policy.stream(request, call)) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("ask_by", [whole, streamed])
def test_what_calls_under_way_hold_is_waited_for(desk, ask, ask_by):
    @in_fake_time
    async def run():
        work = desk("0.0032")  # for one call at a time, which then takes 11 of its 20 tokens
        policy = Room(work.budgeted(work.provider(wait_s=1.0, n_words=1)), now=now)
        started = now()
        await asyncio.gather(*(ask_by(policy, ask(), work.call()) for _ in range(2)))
        assert 2.0 < now() - started < 3.0
        assert await work.held() == (22 * UNIT, 0)

    run()


@in_fake_time
async def test_vectors_are_waited_for_too(desk):
    desk = desk("0.0005")
    policy = Room(desk.budgeted(desk.provider(wait_s=1.0)), now=now)
    asked = EmbeddingRequest(model="m", inputs=("one two three",))
    tasks = [asyncio.create_task(policy.embed(asked, desk.call())) for _ in range(2)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in done[1:]] == [BudgetExceeded]  # once it is spent, not held
    assert await desk.held() == (3 * UNIT, 0)


@in_fake_time
async def test_nobody_waits_for_what_is_spent_nor_for_long(desk, ask):
    desk = desk("0.003")
    policy = Room(desk.budgeted(desk.provider(wait_s=60.0)), RoomOptions(wait_s=5.0), now=now)
    task = asyncio.create_task(policy.chat(ask(), desk.call(deadline=now() + 100)))
    await asyncio.sleep(0.5)
    for deadline_s, waited_s in ((2.0, 2.0), (30.0, 5.0)):
        started = now()
        with pytest.raises(BudgetHeld):
            await policy.chat(ask(), desk.call(deadline=started + deadline_s))
        assert now() - started == pytest.approx(waited_s)
    await task
    started = now()
    with pytest.raises(BudgetExceeded):
        await policy.chat(ask(), desk.call())
    assert now() == started


@in_fake_time
async def test_who_gives_up_waiting_holds_nothing(desk, ask):
    desk = desk("0.003")
    policy = Room(desk.budgeted(desk.provider(wait_s=1.0)), now=now)
    tasks = [asyncio.create_task(policy.chat(ask(), desk.call())) for _ in range(2)]
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert await desk.held() == (20 * UNIT, 0)


@in_fake_time
async def test_a_stream_that_has_begun_is_not_begun_again(desk, ask):
    desk = desk()
    held = BudgetHeld("Held.", remedy="Wait.")

    class Broken(ScriptedProvider):
        async def stream(self, request, call):
            async with aclosing(super().stream(request, call)) as chunks:
                async for chunk in chunks:
                    yield chunk
                    raise held

    scripted = Broken()
    policy = Room(scripted, now=now)
    with pytest.raises(BudgetHeld):
        await streamed(policy, ask(), desk.call())
    assert len(scripted.heard) == 1
    assert policy.name == "scripted"
    await policy.close()
    assert scripted.closed
