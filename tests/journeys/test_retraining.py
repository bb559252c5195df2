"""Retraining with the real pieces: trained, judged, released; killed, spoilt, and in a browser."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import LOOKS, launched, visited
from playwright.sync_api import expect

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.events import Draft
from seatrial.release.desk import Desk
from seatrial.steps.worker import Worker
from seatrial.wiring.deploying.deploy import register_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.desk import RetrainingDesk
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.workspace import open_workspace
from tests.journeys.retraining_world import (
    NEW,
    OLD,
    Traffic,
    World,
    deployed,
    make_template,
    retraining,
    rows,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BAD = {
    "crash": ("training.crashed", "ZeroDivisionError: of the training"),
    "hang": ("training.timed_out", ""),
    "eat": ("training.out_of_memory", ""),
    "nan": ("training.not_finite", ""),
    "backwards": ("training.worse_than_constant", "worse than answering every row alike"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("deployed"))


class Here:
    """What the process of pipelines does, in this one: until all runs are at rest."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(world.folder)  # where seatrial.yaml and the program lie
        self.workspace = open_workspace(home=world.home, config=world.folder / "seatrial.yaml")
        self.store = self.workspace.open_store()
        self.desk = RetrainingDesk(self.workspace, self.store)
        flow = RetrainingFlow(self.workspace, self.store).workflow()
        self.book = RetrainingBook(self.workspace, self.store, flow)
        self.worker = Worker(self.store, [flow], clock=SystemClock(), holder="here", n_parallel=2)

    def until(self, what: str, condition: Callable[[], Any], patience_s: float = 90.0) -> None:
        def moved() -> Any:
            self.book.tick()
            self.worker.tick()
            return condition()

        until(what, moved, patience_s=patience_s)

    def at_rest(self, *names: str) -> Callable[[], bool]:
        return lambda: all(
            self.desk.view(name)["run"]["status"] in ("failed", "ended") for name in names
        )

    def close(self) -> None:
        self.worker.close()
        self.store.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[World], Here]]:
    opened: list[Here] = []

    def open_here(world: World) -> Here:
        opened.append(Here(world, monkeypatch))
        return opened[-1]

    yield open_here
    for one in opened:
        one.close()


def test_a_training_that_goes_wrong_ends_with_its_reason_and_nothing_else(
    tmp_path: Path, here: Callable[[World], Here]
) -> None:
    world = World(tmp_path, {name: retraining(name) for name in BAD})
    at = here(world)
    for name in BAD:
        at.desk.now(name, by="anna")
    at.until("the ends", at.at_rest(*BAD))
    at.book.tick()
    for name, (code, words) in BAD.items():
        view = at.desk.view(name)
        train = next(step for step in view["run"]["steps"] if step["name"] == "train")
        assert train["error"]["code"] == code, train
        assert words in train["error"]["problem"]
        assert view["last"]["outcome"] == "failed"
    assert not [s for s in at.store.streams() if s.startswith(("model/", "offers/", "endpoint/"))]


def test_a_model_that_is_worse_than_production_is_stopped(
    tmp_path: Path, template: Path, here: Callable[[World], Here]
) -> None:
    world = World(tmp_path, {"churn": retraining("dull")})
    deployed(tmp_path, template)
    rows(3000, OLD, seed=2, start="2026-11-10").to_parquet(tmp_path / "new.parquet")
    at = here(world)
    at.desk.now("churn", by="anna")
    at.until("the end", at.at_rest("churn"))
    at.book.tick()
    view = at.desk.view("churn")
    assert (view["run"]["outcome"], view["last"]["outcome"]) == ("worse", "worse")
    assert "a loss of more than 0.01 is shown" in view["run"]["reason"]
    assert Path(view["run"]["data"]["folder"], "card.html").is_file()
    assert Desk(at.store).state("churn").stable == 1
    assert at.store.read(stream="offers/churn") == []


def test_it_goes_on_from_the_model_before_with_the_rows_since(
    tmp_path: Path, here: Callable[[World], Here]
) -> None:
    """Incremental: the first run is cold, the second warm and on new rows only."""
    world = World(tmp_path, {"churn": retraining("further", incremental=True)})
    at = here(world)
    at.desk.now("churn", by="anna")
    at.until("what waits for a server", lambda: at.desk.view("churn")["step"] == "release")
    outcome = {"outcome": "promoted", "reason": "a person says so", "version": 1}
    at.desk.take_over("churn", "release", outcome, by="anna")
    at.book.tick()
    first = at.desk.view("churn")
    assert (first["run"]["outcome"], first["last"]["outcome"]) == ("promoted", "promoted")
    say_promoted(at, tmp_path)
    more = rows(3500, NEW, seed=1, start="2026-11-10")
    more.to_parquet(tmp_path / "new.parquet")
    at.desk.now("churn", by="anna")
    at.until("the end of training", lambda: trained(at) is not None)
    second = trained(at)
    gathered = next(s for s in at.desk.view("churn")["run"]["steps"] if s["name"] == "rows")
    assert second["output"]["warm"] is True
    # 600 rows that were kept back the first time, and 500 new ones: less what is kept back now.
    assert gathered["output"]["n_train"] + gathered["output"]["n_holdout"] == 1100
    assert "warm 880" in second["log"]


def say_promoted(at: Here, folder: Path) -> None:
    """Put what was trained into production as facts, which a server would have done."""
    output = next(s for s in at.desk.view("churn")["run"]["steps"] if s["name"] == "train")[
        "output"
    ]
    order = Order(model=Path(output["model"]), name="churn", data=folder / "new.parquet", label="y")
    desk = Desk(at.store)
    version = register_order(
        at.workspace,
        desk,
        at.store,
        order,
        on_step=lambda *_: None,
        on_progress=lambda *_: None,
    )
    desk.start(
        "churn",
        version=version.number,
        digest=version.of.digest,
        target="production",
        plan=at.workspace.settings.release.plan(),
        by="test",
        notes={},
    )
    said = {"release": "churn-1", "version": version.number}
    facts = at.store.read(stream="endpoint/churn")
    drafts = [
        Draft(kind="staging.passed", data={**said, "reason": "", "report": {}}, by="test"),
        Draft(kind="release.promoted", data={**said, "reason": "first"}, by="test"),
    ]
    at.store.append("endpoint/churn", drafts, expected=facts[-1].revision)


def trained(at: Here) -> Any:
    steps = at.desk.view("churn")["run"]["steps"]
    step = next(s for s in steps if s["name"] == "train")
    return step if step["status"] == "finished" else None


def test_killed_at_ten_moments_it_is_trained_once_and_promoted_once(
    tmp_path: Path, template: Path
) -> None:
    seed = int(os.environ.get("SEATRIAL_SEED", time.time_ns() % 10_000))
    print(f"seed {seed}")
    moments = random.Random(seed)
    world = World(tmp_path, {"churn": retraining("slow")})
    deployed(tmp_path, template)
    traffic = Traffic("churn")
    store = world.store()
    desk = Desk(store)
    with world.up() as server:
        traffic.address = server.address
        traffic.start()
        world.run("retrain", "now", "churn")

        def over() -> bool:
            return any(f.kind == "run.ended" for f in store.read(stream="run/retraining/churn-1"))

        n_killed = 0
        while n_killed < 10 and not over():
            time.sleep(moments.uniform(0.1, 2.5))
            pid = server.pipelines()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                n_killed += 1
        until("the end", over, patience_s=240)
        traffic.over.set()
        assert n_killed >= 5, seed
    facts = store.read(stream="run/retraining/churn-1", limit=10_000)
    end = facts[-1]
    assert (end.kind, end.data["outcome"]) == ("run.ended", "promoted"), (seed, end.data)
    kinds = [fact.kind for fact in facts]
    assert kinds.count("step.finished") == 7, (seed, kinds)
    training = [f.kind for f in store.read(stream="training/churn-1", limit=10_000)]
    assert sum("ended" in kind or "finished" in kind for kind in training) == 1, (seed, training)
    assert [s for s in store.streams() if s.startswith("training/")] == ["training/churn-1"]
    offers = [fact.kind for fact in store.read(stream="offers/churn")]
    assert offers.count("model.offered") == 1, (seed, offers)
    promoted = [
        f for f in store.read(stream="endpoint/churn", limit=10_000) if f.kind == "release.promoted"
    ]
    assert [f.data["version"] for f in promoted] == [1, 2], seed
    assert desk.state("churn").stable == 2
    store.close()


def test_the_page_shows_each_step_and_takes_decisions(tmp_path: Path) -> None:
    retrainings = {
        "churn": retraining("slow", approval=True),
        "broken": retraining("crash"),
    }
    world = World(tmp_path, retrainings)
    with world.up() as server, launched() as browser, visited(browser, LOOKS["light-en"]) as visit:
        page = visit.page
        page.set_default_timeout(60_000)
        page.goto(f"{server.address}/retraining")
        page.locator("a.card", has_text="broken").click()
        page.locator("#now").click()
        expect(page.locator(".stage.run-failed")).to_contain_text(
            "ZeroDivisionError", timeout=60_000
        )
        visit.shoot("retraining-failed")
        page.goto(f"{server.address}/retraining/churn")
        page.locator("#now").click()
        expect(page.locator(".stages")).to_contain_text("epoch", timeout=60_000)
        expect(page.locator("#approve")).to_be_visible(timeout=60_000)
        assert visit.fits()
        visit.shoot("retraining-waits")
        visit.reload_as("zh")
        expect(page.locator("#approve")).to_have_text("批准")
        visit.shoot("retraining-waits-zh")
        page.locator("#approve").click()
        expect(page.locator(".outcome-promoted")).to_be_visible(timeout=90_000)
        visit.shoot("retraining-promoted-zh")
        visit.check()
