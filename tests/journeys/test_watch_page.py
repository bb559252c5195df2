"""The monitoring page in a real browser: a model's rows drift, the page says what, and one answers.

And the report that is mailed, opened as a file without a network.
"""

from __future__ import annotations

import json
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
import pandas as pd
import pytest
from chromium import LOOKS, Visit
from playwright.sync_api import expect
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from seatrial.web.console.watching import report_page

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 90.0
PAGE = "/endpoints/shop/watch"
CITIES = ("Oslo", "Wuhan", "Lima")


def rows(n: int, seed: int, *, drift: bool = False) -> pd.DataFrame:
    """Thirty numbers and two texts; income grows and a new city comes when it drifts."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 30)), columns=[f"feature_{i:02d}" for i in range(30)])
    table["income"] = np.exp(10 + 0.5 * (rng.normal(size=n) + (1.0 if drift else 0.0)))
    table["city"] = rng.choice([*CITIES, "Lyon"] if drift else CITIES, n)
    table["plan"] = rng.choice(["basic", "pro"], n)
    return table


@dataclass
class World:
    """A server of its own that watches the endpoint ``shop``."""

    folder: Path
    port: int
    n_sent: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.folder / "h")]
        done = subprocess.run(
            command, check=False, cwd=self.folder, timeout=WAIT_S, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def watch(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/api/endpoints/shop/watch") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def send(self, *, drift: bool) -> None:
        self.n_sent += 1
        records = rows(100, self.n_sent, drift=drift).to_dict(orient="records")
        request = urllib.request.Request(
            f"{self.address}/v1/models/shop:predict",
            json.dumps({"instances": records}).encode(),
            {"content-type": "application/json"},
        )
        urllib.request.urlopen(request).close()

    def send_until(self, condition: Any, *, drift: bool) -> None:
        end = time.monotonic() + WAIT_S
        while not condition(self.watch()):
            assert time.monotonic() < end, self.watch()
            self.send(drift=drift)
            time.sleep(0.2)


def n_windows(watch: dict[str, Any]) -> int:
    return sum(len(version["series"]) for version in watch["versions"].values())


def fires(watch: dict[str, Any], kind: str) -> bool:
    return any(
        alert["phase"] == "firing" and alert["labels"]["kind"] == kind for alert in watch["alerts"]
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("watch")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "seatrial.yaml").write_text(
        f"server:\n  port: {port}\nmonitoring:\n  windows: {{every: 2s, least_rows: 200}}\n"
    )
    table = rows(3_000, 0)
    table.to_csv(folder / "sample.csv", index=False)
    names = ["city", "plan"]
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), names), remainder=StandardScaler()
        ),
        LogisticRegression(),
    ).fit(table, np.log(table["income"]) + np.random.default_rng(1).normal(size=3_000) > 10)
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    made = World(folder, port)
    try:
        made.run(
            *("deploy", "model.pkl", "--name", "shop", "--data", "sample.csv"),
            *("--target", "production"),
        )
        made.send_until(lambda watch: n_windows(watch) >= 3, drift=False)
        made.send_until(
            lambda watch: fires(watch, "input_drift") and fires(watch, "data_quality"), drift=True
        )
        yield made
    finally:
        made.run("down")


@pytest.fixture
def visit(visit: Visit) -> Iterator[Visit]:
    """The page, which nothing complains about."""
    yield visit
    visit.check()


@pytest.mark.parametrize("visit", LOOKS.values(), ids=LOOKS, indirect=True)
def test_what_is_wrong_is_seen_without_scrolling(
    world: World, visit: Visit, request: pytest.FixtureRequest
) -> None:
    page = visit.page
    page.goto(world.address + PAGE)
    what = page.locator(".alert .what").first
    expect(what).to_be_in_viewport()
    moved = page.locator("#columns-v1-f > details.column")
    assert {"income", "city"} <= {moved.nth(i).locator("bdi").first.inner_text() for i in range(3)}
    moved.first.locator("summary").click()
    expect(moved.first.locator(".overlay, .names").first).to_be_visible()
    assert visit.fits()
    visit.shoot(f"watch-{request.node.callspec.id}")


def test_nothing_jumps_and_what_was_opened_stays_open(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(world.address + PAGE)
    page.locator("details.column").first.locator("summary").click()
    page.locator("input[data-filter]").fill("feature_2")
    left = page.locator("#columns-v1-f details.column:visible")
    expect(left).to_have_count(10)
    before = page.evaluate("document.documentElement.scrollHeight")
    for part in ("watch", "watch/found"):
        with page.expect_response(f"**/console/endpoints/shop/{part}", timeout=30_000):
            pass
    page.wait_for_timeout(200)
    expect(page.locator("input[data-filter]")).to_have_value("feature_2")
    expect(left).to_have_count(10)
    assert abs(page.evaluate("document.documentElement.scrollHeight") - before) < 60


def test_a_folded_column_shows_its_histogram_when_it_is_opened(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(world.address + PAGE)
    page.locator("details.rest > summary").first.click()
    folded = page.locator("details.rest details.column").last
    folded.locator("summary").click()
    expect(folded.locator(".overlay, .names").first).to_be_visible()


def test_a_message_leads_to_its_alert_and_one_answers(world: World, visit: Visit) -> None:
    key = next(a["key"] for a in world.watch()["alerts"] if a["phase"] == "firing")
    page = visit.page
    page.goto(f"{world.address}/endpoints/shop#alert-{key}")
    expect(page.locator(f"#alert-{key}")).to_be_in_viewport()
    visit.shoot("endpoint-alerts")
    page.locator(f"#alert-{key} a").click()
    page.wait_for_url(f"**{PAGE}#alert-{key}")
    shown = page.locator(f"#alert-{key}")
    shown.get_by_role("button", name="I take care of it").click()
    expect(shown).to_contain_text("In the hands of")
    assert any(a["acknowledged_by"] == "console" for a in world.watch()["alerts"])


def test_alerts_are_silenced_and_told_again(world: World, visit: Visit) -> None:
    page = visit.page
    page.goto(world.address + PAGE)
    page.locator("details[data-keep=silence] summary").click()
    page.get_by_label("Which alerts").select_option("latency")
    page.get_by_label("Why").fill("a load test")
    page.get_by_role("button", name="Silence").click()
    expect(page.locator("#silences")).to_contain_text("a load test")
    expect(page.get_by_label("Why")).to_have_value("")
    page.get_by_role("button", name="End now").click()
    expect(page.locator("#silences")).to_contain_text("People are told of every alert.")


def test_the_overview_shows_that_something_fires(world: World, visit: Visit) -> None:
    visit.page.goto(world.address)
    expect(visit.page.locator(".card .standing")).to_contain_text("Input drift")
    visit.shoot("overview-watch")


@pytest.mark.parametrize("visit", [{"offline": True}], indirect=True)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_works_when_it_is_mailed(
    world: World, visit: Visit, language: str, tmp_path: Path
) -> None:
    (version,) = world.watch()["versions"].values()
    file = tmp_path / "report.html"
    text = report_page(
        version["report"],
        title="shop",
        reference="sample.csv",
        window="production",
        language=language,
        series=version["series"],
    )
    file.write_text(text, encoding="utf-8")
    page, asked = visit.page, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(file.as_uri())
        expect(page.locator("details.column[open] .overlay").first).to_be_visible()
        visit.shoot(f"report-{scheme}-{language}")
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    visit.shoot(f"report-print-{language}")
    assert set(asked) == {file.as_uri()}
