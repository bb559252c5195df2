"""Requests and calls for the tests of policies; each asserts on its own journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import Chunk
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.budget import Budget, Window
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.ledger.usage import UsageQuestion, UsageSum
from seatrial.gateway.policies.budget import Budgeted
from seatrial.testing.billing_provider import BillingProvider, FlatPrice, WordCounter
from seatrial.testing.fake_time import now
from seatrial.testing.memory_ledger import MemoryLedger

_numbers = count(1)


class Reading(Protocol):
    async def __call__(
        self, provider: Provider, request: ChatRequest, call: Call
    ) -> list[Chunk]: ...


@pytest.fixture
def asked() -> Callable[..., ChatRequest]:
    """A request for the likeliest answer."""

    def make(text: str = "Does it work?", **fields: Any) -> ChatRequest:
        messages = (said(Role.USER, text),)
        return ChatRequest(**{"model": "small", "messages": messages, "temperature": 0.0} | fields)

    return make


@pytest.fixture
def called() -> Callable[..., Call]:
    """The circumstances of a request with a minute's time; to be used within fake time."""

    def make(*, within_s: float = 60.0, **fields: Any) -> Call:
        return Call(
            id=f"call-{next(_numbers)}", deadline=now() + within_s, journal=Journal(), **fields
        )

    return make


@pytest.fixture
def pieces_of() -> Reading:
    """All pieces of a stream."""

    async def read(provider: Provider, request: ChatRequest, call: Call) -> list[Chunk]:
        async with aclosing(provider.stream(request, call)) as stream:
            return [chunk async for chunk in stream]

    return read


TOKEN = Decimal("0.0001")
WALL_S = 1_785_000_000.0


class Desk:
    """A ledger, its teller, and what is asked in these tests."""

    def __init__(self, ledger: Ledger, limit_usd: str, **budget: Any) -> None:
        self.ledger = ledger
        self.price = FlatPrice(TOKEN)
        self.wall = WALL_S
        teller = Teller(ledger, wall=self.wall_s, blocking=False, owner="test")
        self.allowances = Allowances(teller, wall=self.wall_s)
        self.budgets = [Budget(limit_usd=Decimal(limit_usd), **({"window": Window.TOTAL} | budget))]

    def wall_s(self) -> float:
        return self.wall

    def provider(self, **facts: Any) -> BillingProvider:
        return BillingProvider(facts.pop("price", self.price), **facts)

    def budgeted(self, inner: Any, **facts: Any) -> Budgeted:
        settings = {
            "allowances": self.allowances,
            "budgets": self.budgets,
            "prices": getattr(inner, "_price", self.price),
            "vendor": "",
            "counter": WordCounter(),
            "now": now,
            "wall": self.wall_s,
        }
        return Budgeted(inner, **(settings | facts))

    def call(self, **facts: Any) -> Call:
        settings = {"id": f"c{next(_numbers)}", "deadline": now() + 30.0, "journal": Journal()}
        return Call(**(settings | facts))

    async def spent(self) -> UsageSum:
        """All records, after what is under way was kept."""
        await self.allowances.flush()
        found = self.ledger.usage(UsageQuestion(since_us=0, until_us=2**51))
        return found[0] if found else UsageSum()

    async def held(self) -> tuple[int, int]:
        """What is spent and reserved of the first budget, in units."""
        await self.allowances.flush()
        (balance,) = self.ledger.balances("ever/total/") or [None]
        return (0, 0) if balance is None else (balance.spent, balance.reserved)


def asking(words: int = 10, *, max_tokens: int | None = 10, **facts: Any) -> ChatRequest:
    """A request of so many tokens."""
    text = " ".join(["please"] * words)
    return ChatRequest(model="m", messages=(said(Role.USER, text),), max_tokens=max_tokens, **facts)


@pytest.fixture(scope="session")
def make_desk() -> Callable[..., Desk]:
    """Makes one in memory, for properties."""
    return lambda limit_usd="1", **budget: Desk(MemoryLedger(), limit_usd, **budget)


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Callable[..., Desk]:
    """Makes one in memory."""
    return make_desk


@pytest.fixture
def sqlite_desk(tmp_path: Path) -> Callable[..., Desk]:
    """Makes one in a file, which another one may share."""

    def make(limit_usd: str = "1", **budget: Any) -> Desk:
        return Desk(SqliteLedger(tmp_path / "ledger.db"), limit_usd, **budget)

    return make


@pytest.fixture(scope="session")
def ask() -> Callable[..., ChatRequest]:
    """Makes a request."""
    return asking
