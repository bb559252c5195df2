"""Whatever calls do, and in whatever order: what vendors bill stays within the budget."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.gateway.chat.failures import (
    ConnectionLost,
    ProviderFailure,
    RateLimited,
    ServerFault,
    TimedOut,
)
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.policies.room import Room, RoomOptions
from seatrial.testing.fake_time import now, run_in_fake_time

FAULTS = st.sampled_from([None, None, None, RateLimited, ServerFault, ConnectionLost, TimedOut])
TIMES = st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0])


@dataclass(frozen=True)
class Plan:
    """One call; ``pieces`` after which it hangs up, ``patience_s`` after which it is cancelled."""

    start_s: float
    words: int
    max_tokens: int | None
    n: int
    stream: bool
    pieces: int | None
    patience_s: float | None
    fault: type[ProviderFailure] | None
    vendor: int


PLANS = st.builds(
    Plan,
    start_s=TIMES,
    words=st.integers(1, 20),
    max_tokens=st.none() | st.integers(1, 40),
    n=st.integers(1, 3),
    stream=st.booleans(),
    pieces=st.none() | st.integers(1, 10),
    patience_s=st.none() | TIMES,
    fault=FAULTS,
    vendor=st.integers(0, 3),
)


async def follow(plan, desk, policy, ask):
    await asyncio.sleep(plan.start_s)
    request = ask(plan.words, max_tokens=plan.max_tokens, n=plan.n, stream=plan.stream)
    call = desk.call()
    if not plan.stream:
        await policy.chat(request, call)
        return
    n_pieces = 0
    async with aclosing(policy.stream(request, call)) as chunks:
        async for _ in chunks:
            n_pieces += 1
            if n_pieces == plan.pieces:
                return


async def run(desk, ask, plans, wait_s):
    faults = {}

    def fault(policy_name, plan):
        failure = plan.fault
        return failure and failure("It failed.", remedy="Wait.", provider=policy_name)

    vendors = []
    for number in range(4):
        queue = [plan for plan in plans if plan.vendor == number]
        faults[number] = queue
        vendors.append(
            desk.provider(
                name=f"v{number}",
                n_words=25,
                tells_usage=number % 2 == 0,
                wait_s=(0.0, 0.02, 0.1, 0.4)[number],
                fault=lambda n, number=number: fault(
                    f"v{number}", faults[number][n % len(faults[number])]
                ),
            )
        )
    options = RoomOptions(wait_s=wait_s)
    policies = [Room(desk.budgeted(vendor, maximum=30), options, now=now) for vendor in vendors]

    async def bounded(plan):
        with suppress(BudgetExceeded, ProviderFailure, TimeoutError):
            async with asyncio.timeout(plan.patience_s):
                await follow(plan, desk, policies[plan.vendor], ask)

    await asyncio.gather(*(bounded(plan) for plan in plans))
    spent, reserved = await desk.held()
    billed = sum((vendor.billed_usd for vendor in vendors), Decimal(0))
    limit = desk.budgets[0].limit_usd
    records = await desk.spent()
    assert billed <= records.cost_usd <= limit
    assert (spent, reserved) == (records.cost, 0)
    assert records.n == sum(vendor.n_asked for vendor in vendors)
    assert billed >= records.cost_usd - records.unconfirmed_usd


@settings(max_examples=150)
@given(
    plans=st.lists(PLANS, min_size=1, max_size=20),
    limit=st.integers(1, 400),
    wait_s=st.sampled_from([0.0, 0.2, 5.0]),
)
def test_no_interleaving_passes_the_budget_or_leaves_money_behind(
    make_desk, ask, plans, limit, wait_s
):
    desk = make_desk(f"{limit / 10_000:.4f}")
    run_in_fake_time(run(desk, ask, plans, wait_s))
