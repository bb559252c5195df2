"""A model, requests and calls for the tests of structured answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

from seatrial.gateway.chat.call import Attempt, Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import ChatResponse
from seatrial.testing.scripted_provider import ScriptedProvider, Turn


class Item(BaseModel):
    name: str
    price: float = Field(ge=0)
    n: int = 1


class Order(BaseModel):
    id: int
    level: Literal["low", "high"]
    items: list[Item]
    note: str | None = None


ORDER = Order(id=3, level="low", items=[Item(name="nut", price=1.5, n=2)])
GOOD = '{"id": 3, "level": "low", "items": [{"name": "nut", "price": 1.5, "n": 2}], "note": null}'
FENCED = f"```json\n{GOOD}\n```"
WRONG = GOOD.replace("1.5", "-1").replace('"low"', '"middle"')
OPEN = GOOD[:60]

REQUEST = ChatRequest(
    model="m",
    messages=(said(Role.SYSTEM, "You take orders."), said(Role.USER, "Two nuts at 1.50.")),
    max_tokens=100,
)


def call(deadline: float = 1e9) -> Call:
    return Call(id="c", deadline=deadline, journal=Journal())


def still() -> float:
    """A clock that stands."""
    return 0.0


def scripted(*texts: str | Turn) -> ScriptedProvider:
    return ScriptedProvider([t if isinstance(t, Turn) else Turn(text=t) for t in texts])


class Charging:
    """Writes an attempt of a price into the journal at each call, as the ledger's policy does."""

    def __init__(self, inner: ScriptedProvider, prices: Sequence[Decimal | None]) -> None:
        self.inner = inner
        self.prices = list(prices)
        self.name = inner.name
        self.stream = inner.stream
        self.embed = inner.embed
        self.close = inner.close

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        response = await self.inner.chat(request, call)
        attempt = Attempt(
            provider=self.name, model="m", began=0, ended=0, cost_usd=self.prices.pop(0)
        )
        call.journal.attempts.append(attempt)
        return response


def clock_of(times: Sequence[float]) -> Callable[[], float]:
    """Gives these times, then the last one for ever."""
    left = list(times)
    return lambda: left.pop(0) if len(left) > 1 else left[0]
