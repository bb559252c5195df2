"""Runs that an orchestrator keeps: their steps are done once, whoever does them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.clock import SystemClock
from seatrial.steps.performer import Came
from seatrial.steps.worker import Worker
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.desk import RetrainingDesk
from seatrial.wiring.retraining.outside import Hearing, OutsideRuns, StepAgain, StepFailed
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import Workspace

PROGRAM = """
import pandas as pd
from sklearn.linear_model import LogisticRegression

def train(data, label):
    with open("trained.txt", "a") as file:
        file.write("once\\n")
    rows = pd.read_parquet(data)
    print("training on", len(rows), flush=True)
    return LogisticRegression().fit(rows.drop(columns=[label]), rows[label])
"""
DIES_FIRST = """
import os, pathlib, signal
if not pathlib.Path("killed").exists():
    pathlib.Path("killed").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
STEPS = ("rows", "look", "train", "evaluate", "approve", "register")


class Bench:
    """A workspace with a program and rows, and what works on it."""

    def __init__(self, folder: Path, **more: Any) -> None:
        (folder / "train.py").write_text(PROGRAM)
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(600, 2))
        text = "".join(f"{a},{b},{int(a > 0)}\n" for a, b in rows)
        (folder / "rows.csv").write_text(f"a,b,y\n{text}")
        table = {"source": str(folder / "rows.csv")}
        retrained = {"training": "churn", "label": "y", "orchestrator": "airflow"}
        settings = {
            "training": {
                "trackers": [],
                "recipes": {"churn": {"function": f"{folder}/train.py:train"}},
            },
            "retraining": {
                "churn": {**retrained, "data": {"source": "table", "table": table}} | more
            },
        }
        self.folder = folder
        self.workspace = Workspace(home=folder, settings=Settings.model_validate(settings))
        self.store = self.workspace.open_store()
        self.desk = RetrainingDesk(self.workspace, self.store)

    def outside(self) -> OutsideRuns:
        return OutsideRuns(self.workspace, self.workspace.open_store())

    def server(self) -> Worker:
        flow = RetrainingFlow(self.workspace, self.store).workflow()
        RetrainingBook(self.workspace, self.store, flow).tick()
        return Worker(
            self.store,
            [flow],
            clock=SystemClock(),
            holder="server",
            spawn=lambda work, _: work(),
        )

    def begun_by(self) -> dict[str, list[str]]:
        facts = self.store.read(stream="run/retraining/churn-1")
        found: dict[str, list[str]] = {}
        for fact in facts:
            if fact.kind == "step.begun":
                found.setdefault(str(fact.data["step"]), []).append(str(fact.data["holder"]))
        return found


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.chdir(tmp_path)
    made = Bench(tmp_path)
    yield made
    made.store.close()


def perform(at: OutsideRuns, step: str, *, said: list[str] | None = None) -> Came:
    heard = [] if said is None else said
    hearing = Hearing(stop=threading.Event(), on_line=heard.append)
    came, _ = at.perform(
        "retraining/churn-1", step, by="test", hearing=hearing, once=step == "release", again=False
    )
    return came


@pytest.mark.slow
def test_two_orchestrators_at_once_do_each_step_once(bench: Bench) -> None:
    said: list[str] = []
    came: list[Came] = []

    def orchestrator(name: str) -> None:
        at = bench.outside()
        run = at.begin("churn", key="1", by="test", orchestrator=name)
        assert run.id == "retraining/churn-1"
        assert run.left_to in ("a", "b")
        came.extend(perform(at, step, said=said) for step in (*STEPS, "release"))

    threads = [threading.Thread(target=orchestrator, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    server = bench.server()
    while any(thread.is_alive() for thread in threads):
        server.tick()  # it leaves the run alone, for its orchestrator was heard of lately
        threads[0].join(0.2)
    assert sorted(came) == sorted([Came.DONE] * 12 + [Came.WAITS] * 2)
    begun = bench.begun_by()
    assert list(begun) == [*STEPS, "release"]
    assert all(len(holders) == 1 and holders[0] != "server" for holders in begun.values())
    assert (bench.folder / "trained.txt").read_text() == "once\n"
    assert "training on 480" in said
    offers = bench.store.read(stream="offers/churn")
    assert [fact.kind for fact in offers] == ["model.offered"]
    (run,) = bench.desk.history("churn")
    assert [cause["rule"] for cause in run["causes"]] in (["a", "b"], ["b", "a"])


def test_the_server_goes_on_with_a_run_whose_orchestrator_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bench = Bench(tmp_path, patience="1ms")
    at = bench.outside()
    at.begin("churn", key="1", by="test")
    assert perform(at, "rows") is Came.DONE
    server = bench.server()
    server.tick()
    server.close()
    assert perform(at, "look") is Came.DONE
    begun = bench.begun_by()
    assert begun["look"] == ["server"]
    assert bench.desk.view("churn")["run"]["left_to"] == ""
    bench.store.close()


@pytest.mark.slow
def test_a_training_that_is_ended_from_outside_is_begun_again(bench: Bench) -> None:
    (bench.folder / "train.py").write_text(PROGRAM + DIES_FIRST)
    at = bench.outside()
    at.begin("churn", key="1", by="test")
    perform(at, "rows")
    perform(at, "look")
    with pytest.raises(StepAgain, match="ended from outside, by signal 9"):
        perform(at, "train")
    assert perform(at, "train") is Came.DONE
    assert (bench.folder / "trained.txt").read_text() == "once\n"
    runs = sorted(path.name for path in bench.workspace.runs.iterdir())
    assert runs == ["churn-1", "churn-1.2"]


def test_a_run_that_failed_is_noted_and_the_next_one_is_another(bench: Bench) -> None:
    (bench.folder / "rows.csv").write_text("a,b,y\n1,2,0\n")
    at = bench.outside()
    assert at.begin("churn", key="1", by="test").id == "retraining/churn-1"
    with pytest.raises(StepFailed, match="rows of retraining/churn-1 failed"):
        perform(at, "rows")
    assert bench.desk.history("churn")[0]["outcome"] == "failed"
    assert at.begin("churn", key="1", by="test").id == "retraining/churn-1"
    assert at.begin("churn", key="2", by="test").id == "retraining/churn-2"


def test_what_was_begun_and_not_started_before_a_kill_is_started_by_the_server(
    bench: Bench,
) -> None:
    """The decision is in the agenda, the run is not there yet: it is still the orchestrator's."""
    from datetime import UTC, datetime

    from seatrial.training.retraining.agenda import Agenda, Cause, from_outside

    cause = Cause(id="x", rule="airflow", reason="nightly", at=datetime.now(UTC))
    bench.store.append(
        "retraining/churn", from_outside("churn", Agenda(), cause, by="test"), expected=0
    )
    bench.server()
    view = bench.desk.view("churn")["run"]
    assert (view["id"], view["left_to"]) == ("retraining/churn-1", "airflow")
