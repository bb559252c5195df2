"""The console in a real browser: a canary under traffic, watched, promoted and aborted by hand."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Visit
from playwright.sync_api import Page, expect
from sklearn.linear_model import LogisticRegression

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 90.0
PAGE = "/endpoints/shop"
TOKEN = "correct-horse"


@dataclass
class World:
    """A server of its own, with traffic to the endpoint ``shop``."""

    folder: Path
    port: int
    traffic: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.folder / "h")]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            timeout=WAIT_S,
            capture_output=True,
            env=os.environ | environment,
        )

    def deploy(self, model: Path) -> None:
        self.run(
            *("deploy", str(model), "--name", "shop", "--data", str(self.folder / "s.csv")),
            *("--target", "production", "--watch", "1h", "--no-wait"),
        )

    def release(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/api/endpoints/shop") as answer:
            release: dict[str, Any] = json.load(answer)["release"]
        return release

    def wait_for(self, phase: str) -> None:
        end = time.monotonic() + WAIT_S
        while (now := self.release())["phase"] != phase:
            assert not now["over"], now["reason"]
            assert time.monotonic() < end, now
            time.sleep(0.2)

    def send_traffic(self) -> None:
        spec = {
            "host": "127.0.0.1",
            "port": self.port,
            "path": "/v1/models/shop:predict",
            "rows": np.random.default_rng(0).normal(size=(50, 3)).tolist(),
            "rate": 200.0,
        }
        file = self.folder / "traffic.json"
        file.write_text(json.dumps(spec))
        self.traffic = subprocess.Popen(
            [sys.executable, "-m", "seatrial.packaging.traffic", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("console")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "seatrial.yaml").write_text(f"server:\n  port: {port}\n")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    table = "\n".join(",".join(f"{v:.6f}" for v in row) for row in rows)
    (folder / "s.csv").write_text("age,income,visits\n" + table + "\n")
    for name, weight in (("one", 1.0), ("two", 10.0)):
        model = LogisticRegression(C=weight).fit(rows, rows[:, 0] > 0)
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
    made = World(folder, port)
    try:
        made.deploy(folder / "one.pkl")
        made.wait_for("promoted")
        made.send_traffic()
        made.deploy(folder / "two.pkl")
        made.wait_for("canary")
        yield made
    finally:
        if made.traffic is not None:
            made.traffic.communicate(timeout=60)
        made.run("down")


def n_requests(page: Page) -> int:
    text = page.locator(".gate .n").first.inner_text()
    return int("".join(c for c in text if c.isdigit()))


def test_evidence_grows_while_one_looks(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    page = visit.page
    page.wait_for_selector(".gate .n", timeout=30_000)
    before = n_requests(page)
    page.wait_for_function(
        "n => Number(document.querySelector('.gate .n').textContent.replace(/\\D/g, '')) > n",
        arg=before,
        timeout=20_000,
    )
    expect(page.locator(".gate")).to_have_count(5)
    expect(page.locator(".steps .now")).to_contain_text("canary 5 %")
    expect(page.locator("#model section")).to_have_count(2)
    expect(page.locator("#model .engine").first).to_contain_text("ONNX Runtime, in this server")
    visit.shoot("canary")
    visit.check()


def test_charts_are_drawn_for_both_versions(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    page = visit.page
    expect(page.locator(".uplot canvas")).to_have_count(3, timeout=15_000)
    expect(page.locator(".u-legend").first).to_contain_text("version 2", timeout=30_000)
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.uplot canvas')].map((c) =>
        c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v !== 0))"""
    )
    assert drawn == [True, True, True]
    visit.check()


def test_no_line_of_a_chart_crosses_a_time_without_traffic(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    rows = visit.page.evaluate(
        """() => {
        const at = (...times) => times.map((t) => ({ t, n: t }));
        const { data } = columns({ 1: at(0, 5, 20, 600), 2: at(0, 5, 10, 595) }, "n", 1, 5);
        const told = data.map((row) => row.map((v) => (v === undefined ? "crossed" : v)));
        return [...told, alone({ data }, 1), alone({ data }, 2)];
        }"""
    )
    assert rows == [
        [0, 5, 10, 15, 20, 25, 595, 600],
        [0, 5, "crossed", "crossed", 20, None, "crossed", 600],
        [0, 5, 10, None, "crossed", "crossed", 595, "crossed"],
        [7],
        [6],
    ]
    visit.check()


@pytest.mark.parametrize(
    "visit",
    [
        {
            "viewport": {"width": 390, "height": 844},
            "color_scheme": "dark",
            "locale": "zh-CN",
        }
    ],
    indirect=True,
)
def test_a_phone_in_the_dark_in_chinese(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    page = visit.page
    page.wait_for_selector(".uplot canvas")
    page.wait_for_selector(".gate .n", timeout=30_000)
    assert visit.fits()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("#promote")).to_have_text("全量上线")
    expect(page.locator("#history .history")).to_contain_text("项测试全部通过")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(v) for v in dark.removeprefix("rgb(").removesuffix(")").split(",")) < 60
    visit.shoot("phone-dark-zh")
    visit.check()


def test_what_a_reader_closed_stays_closed(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    page = visit.page
    page.locator("details[data-keep=history] summary").click()
    page.locator("details[data-keep=staging] summary").click()
    with page.expect_response("**/console/endpoints/shop/history"):
        pass
    with page.expect_response("**/console/endpoints/shop"):
        pass
    expect(page.locator("#history .history")).not_to_be_visible()
    expect(page.locator(".tests li")).to_have_count(8)
    expect(page.locator(".tests li").first).to_be_visible()
    visit.check()


def test_the_language_is_remembered(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    visit.page.get_by_role("link", name="中文").click()
    visit.page.wait_for_url("**" + PAGE)
    expect(visit.page.locator("html")).to_have_attribute("lang", "zh")
    visit.page.goto(world.address)
    expect(visit.page.locator("h1")).to_have_text("端点")
    visit.shoot("overview-zh")
    visit.check()


def test_promote_and_abort_by_hand(world: World, visit: Visit) -> None:
    visit.page.goto(world.address + PAGE)
    page = visit.page
    page.locator("#promote").click()
    expect(page.locator(".steps .now")).to_have_text("promoted")
    expect(page.locator("#endpoint .facts strong")).to_have_text("version 2")
    expect(page.locator("#rollback")).to_contain_text("1")
    expect(page.locator("#history .history tbody tr").first).to_contain_text("promoted by a person")
    visit.shoot("promoted")
    world.deploy(world.folder / "one.pkl")
    world.wait_for("canary")
    expect(page.locator("#abort")).to_be_visible(timeout=15_000)
    page.locator("#abort").click()
    expect(page.locator(".steps .now")).to_have_text("aborted")
    expect(page.locator("#endpoint .facts strong")).to_have_text("version 2")
    expect(page.locator("#promote")).to_have_count(0)
    visit.shoot("aborted")
    visit.check()


def test_a_server_that_is_gone_is_said(world: World, visit: Visit) -> None:
    visit.page.goto(world.address)
    expect(visit.page.locator(".card")).to_contain_text("shop")
    visit.shoot("overview")
    visit.check()
    world.run("down")
    expect(visit.page.locator("#stale")).to_be_visible(timeout=15_000)
    world.run("up", "--detach")
    expect(visit.page.locator("#stale")).not_to_be_visible(timeout=15_000)


def test_with_a_token_the_buttons_are_for_whoever_logged_in(world: World, visit: Visit) -> None:
    world.run("down")
    world.run("up", "--detach", SEATRIAL_TOKEN=TOKEN)
    visit.page.goto(world.address + PAGE)
    page = visit.page
    expect(page.locator("#token")).to_be_visible()
    expect(page.locator("#rollback")).to_have_count(0)
    visit.shoot("login")
    page.locator("#token").fill("correct-house")
    page.get_by_role("button").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    page.locator("#token").fill(TOKEN)
    page.get_by_role("button").click()
    expect(page.locator(".card")).to_contain_text("shop")
    page.goto(world.address + PAGE)
    expect(page.locator("#endpoint .facts strong")).to_have_text("version 2")
    page.locator("#rollback").click()
    expect(page.locator("#endpoint .facts strong")).to_have_text("version 1")
    expect(page.locator("#history .history tbody tr").first).to_contain_text("console")
    assert visit.hosts - {""} == {"127.0.0.1"}
    refused = "the server responded with a status of 403"
    assert all(refused in complaint for complaint in visit.complaints)
