"""Ten thousand calls of which a fifth fail: the ledger and the vendor's own books agree."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal
from random import Random

import pytest

from seatrial.gateway.chat.failures import (
    ConnectionLost,
    Overloaded,
    RateLimited,
    ServerFault,
    TimedOut,
    Unreachable,
)
from seatrial.gateway.ledger.usage import By, UsageQuestion
from seatrial.testing.fake_time import in_fake_time

N = 10_000
KINDS = (RateLimited, Overloaded, ServerFault, Unreachable, ConnectionLost, TimedOut)


def fault_of(random):
    """A fifth of all requests, of every kind, those that are billed among them."""

    def fault(_):
        if random.random() >= 0.2:
            return None
        return random.choice(KINDS)("It failed.", remedy="Wait.", provider="billing")

    return fault


@pytest.mark.slow
def test_the_ledger_is_what_the_vendor_billed(sqlite_desk, ask):
    @in_fake_time
    async def run():
        random = Random(4)
        desk = sqlite_desk("1000000")
        vendors = [
            desk.provider(
                name=name, n_words=10, tells_usage=tells, fault=fault_of(random), wait_s=0.001
            )
            for name, tells in (("tells", True), ("silent", False))
        ]
        policies = [desk.budgeted(vendor) for vendor in vendors]
        numbers = iter(range(N))
        answered = 0

        async def once(number, call):
            policy = policies[number % 2]
            request = ask(1 + number % 20)
            if number % 3:
                await policy.chat(request, call)
                return
            async with aclosing(policy.stream(request, call)) as chunks:
                async for _ in chunks:
                    if number % 7 == 0:
                        return  # the client hangs up at once

        async def worker():
            nonlocal answered
            for number in numbers:
                call = desk.call()
                while True:
                    try:
                        await once(number, call)
                    except KINDS:
                        continue
                    answered += 1
                    break

        await asyncio.gather(*(worker() for _ in range(50)))
        await desk.allowances.flush()
        question = UsageQuestion(since_us=0, until_us=2**51, by=(By.PROVIDER,))
        ledger = {one.group[0]: one for one in desk.ledger.usage(question)}
        for vendor in vendors:
            assert ledger[vendor.name].cost_usd == vendor.billed_usd
            assert ledger[vendor.name].n == vendor.n_asked
        billed = sum((vendor.billed_usd for vendor in vendors), Decimal(0))
        assert await desk.held() == (int(billed * 10**12), 0)
        assert answered == N
        n_failed = sum(one.n_failed for one in ledger.values())
        assert n_failed > 0.2 * N

    run()
