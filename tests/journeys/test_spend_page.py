"""The page of spending in a real browser, over two workers: hits, fallbacks, a full budget."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from chromium import LOOKS, Visit, visited
from playwright.sync_api import Browser, expect

from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Asked, Fault, FaultKind, Says, Step

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 60.0
N_FAULTS, N_FRESH, N_EQUAL, N_REFUSED = 6, 20, 9, 7
N_GIVEN = 2 * N_FAULTS + N_FRESH + 1 + N_EQUAL


@dataclass
class World:
    """A gateway of its own over a scripted server."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.folder / "h")]
        done = subprocess.run(
            command, check=False, cwd=self.folder, timeout=WAIT_S, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, key: str, text: str, **fields: Any) -> int:
        body = {"model": "small", "max_tokens": 20, "messages": [{"role": "user", "content": text}]}
        request = urllib.request.Request(
            f"{self.address}/v1/chat/completions",
            json.dumps(body | fields).encode(),
            {"authorization": f"Bearer {key}", "x-seatrial-tags": "team=search"},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code

    def view(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/api/llm/spend?span=1h") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def counted(self) -> dict[str, Any]:
        """The view once it has every call: counts are handed over every few seconds."""
        end = time.monotonic() + WAIT_S
        while True:
            view = self.view()
            total = view["total"]
            if (total["n"] + total["n_hits"], total["n_refused"]) == (N_GIVEN, N_REFUSED):
                return view
            assert time.monotonic() < end, total
            time.sleep(0.3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("spend")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked_first = itertools.count()

    def decide(asked: Asked) -> Step:
        """The first requests to OpenAI fail, and no other does."""
        fails = asked.wire == "openai" and next(asked_first) < N_FAULTS
        return Fault(kind=FaultKind.SERVER_ERROR) if fails else Says()

    with ScriptedLLM(decide).in_thread() as llm:
        section = {
            "providers": {
                "openai": {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"},
                "claude": {"kind": "anthropic", "base_url": llm.anthropic_url},
            },
            "models": {"small": ["openai/gpt-4o-mini", "claude/claude-haiku-4-5"]},
            "retry": {"attempts": 1},
            "breaker": {"failures": 50},
            "cache": {"enabled": True},
            "budgets": [{"limit_usd": 100, "window": "month"}],
        }
        server = {"port": port, "workers": 2}
        (folder / "seatrial.yaml").write_text(
            yaml.safe_dump({"server": server, "gateway": section})
        )
        made = World(folder, port)
        made.run("up", "--detach")
        try:
            search = made.run("llm", "keys", "create", "search", "--budget", "5").strip()
            tiny = made.run("llm", "keys", "create", "tiny", "--budget", "0.000001").strip()
            for n in range(N_FAULTS + N_FRESH):
                assert made.ask(search, f"Tell me about {n}", user="ana@example.com") == 200
            for _ in range(1 + N_EQUAL):
                assert made.ask(search, "What is it?", temperature=0) == 200
            for n in range(N_REFUSED):
                assert made.ask(tiny, f"And {n}?") == 429
            yield made
        finally:
            made.run("down")


def test_the_figures_of_two_workers_add_up(world: World) -> None:
    view = world.counted()
    total = view["total"]
    assert total["n_hits"] >= N_EQUAL - 1  # the other worker may ask before it is in the store
    assert total["n_fallbacks"] == total["n_failed"] == N_FAULTS
    assert float(total["saved_usd"]) > 0
    records = json.loads(world.run("llm", "usage", "--by", "provider,model", "--json"))
    rows = {row["model"]: row["cost_usd"] for row in view["by"]["model"]["rows"]}
    assert {one["model"]: one["cost_usd"] for one in records} == rows
    assert "example.com" not in json.dumps(view)


@pytest.mark.parametrize("look", LOOKS)
def test_a_person_sees_within_seconds_what_is_wrong(
    world: World, browser: Browser, look: str
) -> None:
    world.counted()
    with visited(browser, LOOKS[look]) as visit:
        visit.page.goto(f"{world.address}/llm?span=1h")
        page, zh = visit.page, "zh" in look
        troubles = page.locator(".troubles")
        expect(troubles).to_contain_text("gateway.budget_exceeded")
        expect(troubles).to_be_in_viewport()
        expect(page.locator("html")).to_have_attribute("lang", "zh" if zh else "en")
        expect(page.locator(".budget")).to_have_count(3)
        expect(page.locator(".budget").first).to_contain_text("密钥 search" if zh else "Key search")
        assert page.locator(".bars rect.cost").count() >= 1
        assert page.locator(".bars rect.cached").count() >= 1
        expect(page.locator("main")).to_contain_text("→ claude/claude-haiku-4-5")
        expect(page.locator("main")).to_contain_text("[EMAIL] #")
        assert visit.fits()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        first = int(paper.removeprefix("rgb(").split(",")[0])
        assert (first < 60) is ("dark" in look)
        visit.shoot(f"spend-{look}")
        visit.check()


def test_the_first_page_leads_there_and_the_page_follows_by_itself(
    world: World, visit: Visit
) -> None:
    visit.page.goto(world.address)
    visit.page.locator("header .section[href='/llm']").click()
    visit.page.wait_for_url("**/llm")
    visit.page.get_by_role("link", name="1 hour").click()
    visit.page.wait_for_url("**/llm?span=1h")
    before = int(visit.page.locator(".tile strong").nth(1).inner_text().replace(",", ""))
    key = world.run("llm", "keys", "create", "late").strip()
    assert world.ask(key, "Something new") == 200
    shown = visit.page.locator(".tile strong").nth(1)
    expect(shown).to_have_text(f"{before + 1:,}", timeout=20_000)
    expect(visit.page.locator("main")).to_contain_text("late")
    visit.page.get_by_role("link", name="中文").click()
    visit.page.wait_for_url("**/llm?span=1h")
    expect(visit.page.locator("h1")).to_have_text("大模型花费")
    visit.check()
