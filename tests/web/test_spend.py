"""The routes of spending."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.ledger import Settle, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.gateway.routes.keys import KeyRing
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing.memory_ledger import MemoryLedger
from seatrial.testing.models import router_of
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.site import site
from seatrial.web.spend import spend_router

TOKEN = "correct-horse"
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    at_us = int(time.time() * 1e6)
    for n, tags in enumerate(({"team": "a"}, {})):
        payer = Payer(provider="openai", model="gpt-4o", tags=tags)
        key = attempt_id(at_us - 10**6, f"c{n}", 1)
        ledger.apply([Settle(Record(id=key, at_us=at_us - 10**6, payer=payer, cost=10**12))])
    return ledger


@pytest.fixture
def client(ledger: MemoryLedger) -> Client:
    def make(*, token: str | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
        desk = SpendDesk(ledger, [], lambda _: KeyRing(), wall=time.time, now=time.monotonic)
        plane = DataPlane(router_of(), error_reply, Limits())
        app = site(plane, [spend_router(desk, Guard(token=token))])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    return make


async def test_spending_is_told_for_a_span(client: Client) -> None:
    async with client() as http:
        view = (await http.get("/api/llm/spend")).json()
        hour = (await http.get("/api/llm/spend", params={"span": "1h"})).json()
        unknown = await http.get("/api/llm/spend", params={"span": "2w"})
    assert (view["span"], view["total"]["cost_usd"], len(view["series"])) == ("24h", "2", 24)
    assert len(hour["series"]) == 60
    assert (unknown.status_code, unknown.json()["code"]) == (400, "gateway.span_unknown")


async def test_usage_is_that_of_the_command(client: Client) -> None:
    async with client() as http:
        (whole,) = (await http.get("/api/llm/usage")).json()
        both = (await http.get("/api/llm/usage?by=tag&by=provider&tag=team")).json()
        unnamed = await http.get("/api/llm/usage?by=tag")
        moon = await http.get("/api/llm/usage?by=moon")
    assert (whole["model"], whole["n"], whole["cost_usd"]) == ("gpt-4o", 2, "2")
    assert [(one["tag"], one["provider"]) for one in both] == [(None, "openai"), ("a", "openai")]
    assert (unnamed.status_code, unnamed.json()["code"]) == (400, "gateway.tag_missing")
    assert moon.status_code == 422


async def test_a_ledger_that_does_not_answer_is_503(client: Client, ledger: MemoryLedger) -> None:
    ledger.close()
    async with client() as http:
        for path in ("/api/llm/spend", "/api/llm/usage"):
            assert (await http.get(path)).status_code == 503


@pytest.mark.parametrize("path", ["/api/llm/spend", "/api/llm/usage"])
async def test_others_may_not_look(client: Client, path: str) -> None:
    async with client(address="10.0.0.9") as http:
        assert (await http.get(path)).status_code == 403
    async with client(token=TOKEN) as http:
        assert (await http.get(path)).status_code == 403
        headers = {"authorization": f"Bearer {TOKEN}"}
        assert (await http.get(path, headers=headers)).status_code == 200
