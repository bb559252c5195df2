"""What a call pays for its budget: reserving and settling, on the loop and in the ledger's thread.

python -m benchmarks.ledger [--folder FOLDER]     prints CPU time a call, and how long it waited

Two budgets apply to every call, and the vendor answers at once. The CPU time is of the whole
process, less that of the same calls without a budget.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop

from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.budget import Budget, Scope, Window
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.policies.budget import Budgeted
from seatrial.testing.billing_provider import BillingProvider, FlatPrice, WordCounter

N = 20_000
AT_ONCE = (1, 16, 64)
REQUEST = ChatRequest(model="m", messages=(said(Role.USER, "Please answer."),), max_tokens=10)
PRICE = FlatPrice(Decimal("0.0001"))
BUDGETS = [
    Budget(limit_usd=Decimal(1_000_000), window=Window.DAY, scope=Scope.KEY),
    Budget(limit_usd=Decimal(1_000_000), window=Window.MONTH),
]


async def measured(provider: Any, at_once: int) -> tuple[float, float]:
    """CPU and median waiting of a call, in microseconds."""
    waits: list[float] = []

    async def worker(n: int) -> None:
        for _ in range(n):
            call = Call(id=uuid4().hex, deadline=time.monotonic() + 60, journal=Journal(), key="k")
            began = time.perf_counter()
            await provider.chat(REQUEST, call)
            waits.append(time.perf_counter() - began)

    n = max(1000, N // 16 * at_once) // at_once
    await asyncio.gather(*(worker(100) for _ in range(at_once)))
    waits.clear()
    began = time.process_time()
    await asyncio.gather(*(worker(n) for _ in range(at_once)))
    return (time.process_time() - began) / (n * at_once) * 1e6, median(waits) * 1e6


async def budgeted(folder: Path, *, blocking: bool, at_once: int) -> tuple[float, float]:
    """With a ledger in a new file."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        teller = Teller(SqliteLedger(Path(place, "ledger.db")), wall=time.time, blocking=blocking)
        allowances = Allowances(teller, wall=time.time)
        policy = Budgeted(
            BillingProvider(PRICE),
            allowances=allowances,
            budgets=BUDGETS,
            prices=PRICE,
            vendor="",
            counter=WordCounter(),
            now=time.monotonic,
            wall=time.time,
        )
        found = await measured(policy, at_once)
        await allowances.close()
        return found


def main() -> None:
    """Measure all, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the ledger lies; its disk counts")
    folder = parser.parse_args().folder
    print(f"{'calls at once':>13} {'':>10} {'CPU us':>8} {'median wait us':>15}")
    for at_once in AT_ONCE:
        bare, _ = uvloop.run(measured(BillingProvider(PRICE), at_once))
        for name, blocking in (("loop", False), ("thread", True)):
            cpu, wait = uvloop.run(budgeted(folder, blocking=blocking, at_once=at_once))
            print(f"{at_once:>13} {name:>10} {cpu - bare:>8.0f} {wait:>15.0f}")


if __name__ == "__main__":
    main()
