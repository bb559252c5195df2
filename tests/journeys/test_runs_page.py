"""The pages of trainings in a real browser: a run that goes on, a failure, a search."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import LOOKS, Visit, visited
from playwright.sync_api import Browser, expect

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.failures import NotFinite
from seatrial.training.runs.run import Outcome, Run

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 60.0
PROGRAM = """
import time
from pathlib import Path
from seatrial.training import report

def train(out: Path, lr: float = 0.5):
    for step in range(200):
        report(step=step, of=200, loss=1 / (step + 1))
        time.sleep(0.05)
        if Path("stop").exists():
            break
    (out / "model.pkl").write_bytes(b"m")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with runs of every kind."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "home").mkdir()
    store = SqliteStore.from_url(f"sqlite:///{folder / 'home' / 'seatrial.db'}")
    book = RunBook(store)
    error = NotFinite("The metric 'loss' is nan at step 2.", remedy="Lower the learning rate.")
    search = ended(a_run(folder, id="search-1"), loss=0.2)
    diverged = ended(a_run(folder, id="diverged-1"), Outcome.NOT_FINITE)
    assert search.ending is not None
    assert diverged.ending is not None
    runs: list[tuple[Run, list[float]]] = [
        (ended(a_run(folder), Outcome.TRAINED, loss=0.1, auc=0.93), [1.0, 0.4, 0.2, 0.1]),
        (
            replace(diverged, ending=replace(diverged.ending, error=error.as_dict())),
            [1.0, 3.0, float("nan")],
        ),
        (replace(search, ending=replace(search.ending, best="search-1.1", model="")), [0.3, 0.2]),
    ]
    trials = [(0, 0.3, Outcome.TRAINED), (1, 0.2, Outcome.TRAINED), (2, 0.9, Outcome.PRUNED)]
    for number, loss, outcome in trials:
        trial = a_run(folder, id=f"search-1.{number}", parent="search-1")
        runs.append((ended(replace(trial, number=number), outcome, loss=loss), [1.0, loss]))
    for run, values in runs:
        assert run.ending is not None
        begun = facts.started(replace(run, ending=None, latest={}))
        book.append(run.id, [begun, facts.reported(losses(values)), facts.ended(run.ending)])
    store.close()
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "seatrial", "up", "--home", "home", "--port", str(port)]
    with (folder / "up.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    ends = time.monotonic() + WAIT_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                break
        except OSError:
            assert time.monotonic() < ends, (folder / "up.log").read_text()
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(WAIT_S)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_every_screen(browser: Browser, address: str, look: str) -> None:
    zh = "zh" in look
    with visited(browser, LOOKS[look]) as visit:
        page = visit.page
        page.goto(f"{address}/runs")
        expect(page.locator("h1")).to_have_text("训练记录" if zh else "Training runs")
        expect(page.locator("tbody tr")).to_have_count(3)
        assert visit.fits()
        visit.shoot(f"runs-{look}")
        page.goto(f"{address}/runs/churn-1")
        expect(page.locator(".curve polyline")).to_have_count(1)
        assert visit.fits()
        visit.shoot(f"run-{look}")
        page.goto(f"{address}/runs/diverged-1")
        expect(page.locator("main")).to_contain_text("Lower the learning rate.")
        expect(page.locator(".curve .odd")).to_have_count(1)
        visit.shoot(f"run-diverged-{look}")
        page.goto(f"{address}/runs/search-1")
        expect(page.locator(".curve circle")).to_have_count(2)
        expect(page.locator("tbody").first.locator("tr")).to_have_count(3)
        expect(page.locator("main")).to_contain_text("search-1.1/out/model.pkl")
        assert visit.fits()
        visit.shoot(f"run-search-{look}")
        visit.check()


def test_runs_are_compared_from_the_page_of_one(visit: Visit, address: str) -> None:
    visit.page.goto(f"{address}/runs/churn-1")
    visit.page.locator("select[name=run]").select_option("search-1")
    visit.page.get_by_role("button", name="Compare").click()
    visit.page.wait_for_url("**/runs/churn-1/beside?run=search-1")
    expect(visit.page.locator("main")).to_contain_text("0.93")
    assert visit.fits()
    visit.check()


def test_a_run_that_goes_on_grows_by_itself(visit: Visit, address: str, folder: Path) -> None:
    command = [sys.executable, "-m", "seatrial", "train", "program.py:train", "--run", "live-1"]
    command += ["--home", "home", "--no-check"]
    training = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "SEATRIAL_TRAINING__TRACKERS": "[]"},
        stderr=subprocess.DEVNULL,
    )
    try:
        visit.page.goto(address)
        visit.page.locator("header .section[href='/runs']").click()
        visit.page.wait_for_url("**/runs")
        visit.page.get_by_role("link", name="live-1").click(timeout=90_000)
        expect(visit.page.locator("progress")).to_be_visible(timeout=90_000)
        expect(visit.page.locator(".curve polyline")).to_be_visible(timeout=90_000)
        (folder / "stop").touch()
        expect(visit.page.locator("main")).to_contain_text("finished", timeout=90_000)
        visit.check()
    finally:
        (folder / "stop").touch()
        training.wait(WAIT_S)
