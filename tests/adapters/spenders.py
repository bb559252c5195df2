"""A process that spends from a shared ledger as fast as it can: run by the tests of the adapters.

spenders.py KIND ADDRESS N LIMIT_USD MODE prints, as JSON, what its vendor billed and how many calls
were refused. In the mode ``hang`` it prints once all calls are under way, and waits to be killed.
In the mode ``turns`` ten callers send one call after the other; most are paid from allowances.
"""

import asyncio
import json
import sys
import time
from decimal import Decimal
from uuid import uuid4

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.budget import Budget, Scope, Window
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.policies.budget import Budgeted
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.policies.ticket import BudgetOptions
from seatrial.testing.billing_provider import BillingProvider, FlatPrice, WordCounter

REQUEST = ChatRequest(
    model="m", messages=(said(Role.USER, " ".join(["please"] * 10)),), max_tokens=10
)


def opened(kind, address):
    if kind == "sqlite":
        from seatrial.adapters.ledger.sqlite import SqliteLedger

        return SqliteLedger(address, busy_timeout_s=60)
    if kind == "postgres":
        from seatrial.adapters.ledger.postgres import PostgresLedger

        return PostgresLedger.from_url(address)
    from seatrial.adapters.ledger.redis import RedisLedger

    url, _, prefix = address.partition("#")
    return RedisLedger(url, prefix=prefix)


async def main(kind, address, n, limit_usd, mode):
    allowances = Allowances(Teller(opened(kind, address), wall=time.time), wall=time.time)
    price = FlatPrice(Decimal("0.0001"))
    vendor = BillingProvider(price, wait_s={"hang": 3600.0, "turns": 0.002}.get(mode, 0.05))
    budgets = [
        Budget(limit_usd=Decimal(limit_usd), window=Window.TOTAL),
        Budget(limit_usd=Decimal(limit_usd), window=Window.MONTH, scope=Scope.KEY),
    ]
    policy = Budgeted(
        vendor,
        allowances=allowances,
        budgets=budgets,
        prices=price,
        vendor="",
        counter=WordCounter(),
        now=time.monotonic,
        wall=time.time,
        options=BudgetOptions(grace_s=0.001),
    )

    async def spend():
        deadline = time.monotonic() + (0.0 if mode == "hang" else 60.0)
        call = Call(id=uuid4().hex, deadline=deadline, journal=Journal(), key="k1")
        try:
            await policy.chat(REQUEST, call)
        except BudgetExceeded:
            return 1
        return 0

    async def turns():
        return sum([await spend() for _ in range(n // 10)])

    if mode == "turns":
        refused = sum(await asyncio.gather(*(turns() for _ in range(10))))
        await allowances.close()
        report(vendor, refused)
        return
    tasks = [asyncio.create_task(spend()) for _ in range(n)]
    if mode == "hang":
        while vendor.n_paid + sum(task.done() for task in tasks) < n:
            await asyncio.sleep(0.01)
        report(vendor, sum(task.result() for task in tasks if task.done()))
        await asyncio.sleep(3600)
    refused = sum(await asyncio.gather(*tasks))
    await allowances.close()
    report(vendor, refused)


def report(vendor, refused):
    print(json.dumps({"billed": str(vendor.billed_usd), "refused": refused}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
