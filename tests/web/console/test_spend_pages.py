"""The page of spending as a browser gets it."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from parsed_page import ParsedPage

from seatrial.gateway.ledger.budget import Budget, Payer, Scope, Window, charges
from seatrial.gateway.ledger.ledger import Count, Reserve, Settle, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.gateway.routes.keys import Key, KeyRing
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.testing.memory_ledger import MemoryLedger

TOKEN = "correct horse battery staple"
ZH = {"accept-language": "zh"}
HOSTILE = "<img src=x onerror=alert(1)>\"'"
DOLLAR = 10**12
EACH_KEY = Budget(limit_usd=Decimal(5), window=Window.DAY, scope=Scope.KEY)
MONTH = Budget(limit_usd=Decimal(100), window=Window.MONTH)

Spend = Callable[..., MemoryLedger]


@pytest.fixture
def spend(world: Any) -> Spend:
    """Gives the console a ledger with attempts in it: (cost, facts of the record)."""

    def fill(*attempts: tuple[int, dict[str, Any]], budgets: Any = ()) -> MemoryLedger:
        ledger = MemoryLedger()
        at_us = int(time.time() * 1e6)
        for n, (cost, facts) in enumerate(attempts):
            payer = facts.pop("payer", Payer(provider="openai", model="gpt-4o", key="k1"))
            key = attempt_id(at_us - 1000 + n, f"c{n}", 1)
            asked = Reserve(
                id=key,
                payer=payer,
                charges=charges(budgets, payer, at_s=at_us / 1e6),
                most=cost,
                least=0,
                at_us=at_us,
                expires_us=at_us + 1,
                owner="suite",
            )
            record = Record(id=key, at_us=at_us, payer=payer, cost=cost)
            paid = [] if facts.pop("open", False) else [Settle(replace(record, **facts))]
            ledger.apply([asked, *paid])
        key = Key(id="k1", name="search", digest="00" * 32)
        world.spend = SpendDesk(
            ledger, budgets, lambda _: KeyRing({"k1": key}), wall=time.time, now=time.monotonic
        )
        return ledger

    return fill


def said(page: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def test_without_a_gateway_there_is_no_page_and_no_way_to_it(browse) -> None:
    async with browse() as client:
        assert "/llm" not in (await client.get("/")).text
        assert (await client.get("/llm")).status_code == 404


async def test_an_empty_ledger_says_how_to_begin(browse, spend) -> None:
    spend()
    page = said(await browse().get("/llm"))
    assert "No call was made in this time." in page
    assert "curl http://127.0.0.1/v1/chat/completions" in page
    assert "seatrial llm keys create" in page
    assert "There is no budget" in page


async def test_what_is_wrong_stands_first_then_the_figures(browse, spend) -> None:
    ledger = spend(
        (4_999 * DOLLAR // 1000, {"latency_us": 120_000}),
        (0, {"failure": "gateway.provider_fault"}),
        (DOLLAR, {"payer": Payer(provider="b", model="m"), "instead_of": "openai/gpt-4o"}),
        budgets=[MONTH, EACH_KEY],
    )
    hits = Record(
        id=attempt_id(int(time.time() * 1e6), "t", 0),
        at_us=int(time.time() * 1e6),
        payer=Payer(provider="openai", model="gpt-4o", key="k1"),
        cost=DOLLAR // 4,
        n=7,
    )
    refused = replace(hits, id=hits.id + "r", failure="gateway.budget_exceeded", n=9, cost=0)
    ledger.apply([Count(hits), Count(refused)])
    page = said(await browse().get("/llm"))
    for text in (
        "Key search: $5 a day is used up; calls are refused for",
        "Calls refused in the last 10 minutes: 9, gateway.budget_exceeded.",
        "Cache hits 7 saved $0.25",
        "By fallback 1",
        "Refused 9",
        "openai/gpt-4o → b/m 1 0",
        "gateway.provider_fault",
    ):
        assert text in page
    assert page.index("is used up") < page.index("Budgets") < page.index("Spending over time")
    zh = said(await browse().get("/llm", headers=ZH))
    assert "密钥 search：每天 $5 已用完，调用会被拒绝，直到" in zh
    assert "最近 10 分钟有 9 次调用被拒绝" in zh


async def test_a_crash_between_reserve_and_settle_is_shown_as_such(browse, spend) -> None:
    ledger = spend((3 * DOLLAR, {"open": True}), (DOLLAR, {}), budgets=[MONTH])
    before = said(await browse().get("/llm?span=1h"))
    assert "$3 reserved by calls under way" in before
    ledger.sweep(now_us=int((time.time() + 100) * 1e6), keep_since_us=0)
    after = said(await browse().get("/llm?span=24h"))
    assert "Attempts never settled: 1." in after
    assert "Together $3 of $4 are estimates or worst cases." in after
    assert "Reserved and never settled, as after a crash: 1." in after


async def test_the_part_is_a_part_of_the_page_for_the_same_time(browse, spend) -> None:
    spend((DOLLAR, {}))
    async with browse() as client:
        part = (await client.get("/console/llm?span=7d")).text
        other = (await client.get("/console/llm?span=%3Cb%3E")).text
    assert part.strip().startswith('<div id="spend" hx-get="/console/llm?span=7d"')
    assert "<html" not in part
    assert 'span=24h" hx-trigger' in other


async def test_a_ledger_that_does_not_answer_is_said(browse, spend) -> None:
    spend().close()
    async with browse() as client:
        for path in ("/llm", "/", "/console/llm"):
            page = await client.get(path)
            assert page.status_code == 200
            assert "The ledger was closed." in page.text


async def test_names_of_callers_are_text(browse, spend) -> None:
    payer = Payer(
        provider="openai", model=HOSTILE, key=HOSTILE, user=HOSTILE, tags={HOSTILE: HOSTILE}
    )
    each = Budget(limit_usd=Decimal(1), window=Window.DAY, scope=Scope.USER)
    spend((2 * DOLLAR, {"payer": payer, "failure": HOSTILE, "instead_of": HOSTILE}), budgets=[each])
    for language in ("en", "zh"):
        page = await browse().get("/llm", headers={"accept-language": language})
        parsed = ParsedPage(page.text)
        assert not parsed.names() & {"img", "b", "i"}
        assert all("onerror" not in attributes for _, attributes in parsed.tags)
        assert all("style" not in attributes for _, attributes in parsed.tags)
        assert "onerror=alert(1)" in parsed.text


async def test_the_first_page_says_how_spending_stands(browse, spend) -> None:
    spend((5 * DOLLAR, {}), budgets=[EACH_KEY])
    overview = await browse().get("/")
    page = said(overview)
    assert "LLM spending 24 hours: $5" in page
    assert "critical Key search: $5 a day is used up" in page
    assert 'class="card critical" href="/llm"' in overview.text


async def test_other_people_see_the_log_in(browse, spend) -> None:
    spend((DOLLAR, {}))
    async with browse(token=TOKEN) as client:
        for path in ("/llm", "/console/llm"):
            page = await client.get(path)
            assert page.status_code == 403
            assert "gpt-4o" not in page.text
