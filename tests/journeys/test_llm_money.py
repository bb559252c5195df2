"""The whole gateway, from its file to the wire: the ledger against the vendors' own bill."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.gateway.ledger.usage import UsageQuestion, UsageSum
from seatrial.gateway.policies.budget_failures import BudgetExceeded
from seatrial.gateway.routes.gateway import Gateway
from seatrial.kernel.errors import SeatrialError
from seatrial.testing.llm_script import Rates
from seatrial.testing.scripted_llm import Fault, FaultKind, ScriptedLLM, Step, sometimes
from seatrial.wiring.gateway import gateway_of, ledger_url, open_ledger
from seatrial.wiring.workspace import Workspace, open_workspace

RATES = {name: Rates(input=Decimal(3), output=Decimal(15)) for name in ("m1", "m2")}
NOT_BILLED: tuple[Step, ...] = tuple(
    Fault(kind=kind)
    for kind in (
        FaultKind.RATE_LIMITED,
        FaultKind.SERVER_ERROR,
        FaultKind.UNAVAILABLE,
        FaultKind.OVERLOADED,
    )
)
ANY: tuple[Step, ...] = NOT_BILLED + tuple(
    Fault(kind=kind)
    for kind in (
        FaultKind.RESET,
        FaultKind.CUT,
        FaultKind.NO_END,
        FaultKind.ERROR_EVENT,
        FaultKind.BROKEN_JSON,
        FaultKind.EMPTY,
        FaultKind.WRONG_TYPE,
    )
)


def workspace(tmp_path: Path, llm: ScriptedLLM, limit_usd: str) -> Workspace:
    """Two vendors of two dialects for one model, under one budget."""
    section: dict[str, Any] = {
        "providers": {
            "one": {"kind": "openai", "base_url": llm.openai_url},
            "two": {"kind": "anthropic", "base_url": llm.anthropic_url},
        },
        "models": {"a": ["one/m1", "two/m2"], "b": ["two/m2", "one/m1"]},
        "prices": [
            {"model": name, "input": "3", "output": "15", "per": 1_000_000} for name in RATES
        ],
        "budgets": [{"limit_usd": limit_usd, "window": "total"}],
        "retry": {"attempts": 5, "first": "1ms", "most": "5ms"},
        "breaker": {"failures": 1000},
    }
    config = tmp_path / "seatrial.yaml"
    config.write_text(yaml.safe_dump({"gateway": section}))
    return open_workspace(home=tmp_path / "home", config=config, environment={})


async def ask(gateway: Gateway, number: int, *, hangs_up: bool) -> None:
    """One call in three is a stream; with ``hangs_up``, a half of these is left early."""
    model, text = "ab"[number % 2], "word " * (1 + number % 30)
    if number % 3:
        await gateway.chat(model, text, max_tokens=40)
        return
    async with aclosing(gateway.stream(model, text, max_tokens=40)) as chunks:
        async for chunk in chunks:
            if hangs_up and number % 2 and chunk.speaks:
                return


async def spend(
    space: Workspace, n: int, *, hangs_up: bool, at_once: int = 50
) -> list[SeatrialError]:
    """Make so many calls, and give what went wrong with them."""
    wrong: list[SeatrialError] = []
    numbers = iter(range(n))

    async def worker(gateway: Gateway) -> None:
        for number in numbers:
            try:
                await ask(gateway, number, hangs_up=hangs_up)
            except SeatrialError as error:
                wrong.append(error)

    async with gateway_of(space, environment={}) as gateway:
        await asyncio.gather(*(worker(gateway) for _ in range(at_once)))
    return wrong


def kept(space: Workspace) -> UsageSum:
    """All that the ledger knows, after checking that nothing stays reserved."""
    ledger = open_ledger(ledger_url(space))
    try:
        (found,) = ledger.usage(UsageQuestion(since_us=0, until_us=int(time.time() * 1e6) + 1))
        (balance,) = ledger.balances("ever/")
    finally:
        ledger.close()
    assert (balance.spent, balance.reserved) == (found.cost, 0)
    return found


@pytest.mark.integration
async def test_of_ten_thousand_calls_with_faults_none_is_lost_nor_paid_twice(
    tmp_path: Path,
) -> None:
    async with ScriptedLLM(sometimes(0.2, NOT_BILLED, seed=4)) as llm:
        space = workspace(tmp_path, llm, "1000")
        assert await spend(space, 10_000, hangs_up=False) == []
        found = kept(space)
        assert found.cost_usd == llm.bill.usd(RATES)
        assert (found.n, found.n - found.n_failed) == (llm.n_asked, 10_000)
        assert (found.n_estimated, llm.bill.n_billed) == (0, 10_000)
        assert found.n_failed > 2_000


async def test_where_nobody_can_know_the_ledger_says_too_much_and_which_part_of_it(
    tmp_path: Path,
) -> None:
    async with ScriptedLLM(sometimes(0.2, ANY, seed=4)) as llm:
        space = workspace(tmp_path, llm, "1000")
        await spend(space, 600, hangs_up=True)
        found = kept(space)
        billed = llm.bill.usd(RATES)
        assert found.cost_usd - found.unconfirmed_usd <= billed <= found.cost_usd
        assert found.n_estimated > 50


async def test_the_bill_stays_within_the_budget_and_most_of_it_is_used(tmp_path: Path) -> None:
    limit = Decimal("0.05")
    async with ScriptedLLM(sometimes(0.2, ANY, seed=4)) as llm:
        space = workspace(tmp_path, llm, str(limit))
        wrong = await spend(space, 1_000, hangs_up=True)
        assert any(isinstance(error, BudgetExceeded) for error in wrong)
        spent = kept(space).cost_usd
        assert llm.bill.usd(RATES) <= spent <= limit
        assert spent >= Decimal("0.9") * limit
