"""A ledger at a fixed time, and what was spent in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Budget, Payer, Window, charges
from seatrial.gateway.ledger.ledger import Count, Reserve, Settle, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.gateway.routes.keys import KeyRing
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.testing.memory_ledger import MemoryLedger

NOW_S = datetime(2026, 11, 26, 12, 30, tzinfo=UTC).timestamp()
DOLLAR = 10**12
PAYER = Payer(provider="openai", model="gpt-4o", key="k1", user="ana", tags={"team": "search"})


class Books:
    """Spends at given times, from the accounts of given budgets."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.now_s = NOW_S
        self.ring = KeyRing()
        self._n = 0

    def budget(self, limit: str, window: Window = Window.DAY, **facts: Any) -> Budget:
        return Budget(limit_usd=Decimal(limit), window=window, **facts)

    def spend(
        self,
        cost: int,
        *,
        budgets: Sequence[Budget] = (),
        ago_s: float = 60.0,
        payer: Payer = PAYER,
        settled: bool = True,
        **facts: Any,
    ) -> None:
        at_us = int((self.now_s - ago_s) * 1e6)
        self._n += 1
        key = attempt_id(at_us, f"c{self._n}", 1)
        reserve = Reserve(
            id=key,
            payer=payer,
            charges=charges(budgets, payer, at_s=at_us / 1e6),
            most=cost,
            least=0,
            at_us=at_us,
            expires_us=at_us + 10**9,
            owner="suite",
        )
        record = Record(id=key, at_us=at_us, payer=payer, cost=cost, **facts)
        self.ledger.apply([reserve, Settle(record)] if settled else [reserve])

    def count(self, n: int, *, ago_s: float = 60.0, payer: Payer = PAYER, **facts: Any) -> None:
        at_us = int((self.now_s - ago_s) * 1e6)
        self._n += 1
        record = Record(id=attempt_id(at_us, f"t{self._n}", 0), at_us=at_us, payer=payer, n=n)
        self.ledger.apply([Count(replace(record, **facts))])

    def desk(self, *budgets: Budget) -> SpendDesk:
        return SpendDesk(
            self.ledger,
            budgets,
            lambda _: self.ring,
            wall=lambda: self.now_s,
            now=lambda: self.now_s,
        )


@pytest.fixture
def books() -> Books:
    return Books()
