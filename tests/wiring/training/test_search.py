"""A search of trials in real processes, proposed from memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.kernel.errors import MissingExtra
from seatrial.testing.memory_searcher import MemorySearcher, Study
from seatrial.training.runs import failures
from seatrial.training.runs.desk import RunDesk
from seatrial.training.runs.order import TrainingOrder
from seatrial.wiring.training import search as training_search
from seatrial.wiring.training.trainer import train_order
from seatrial.wiring.workspace import Workspace, open_workspace

PROGRAM = """
import time
from pathlib import Path
from seatrial.training import report

def train(out: Path, x: int = 0, kind: str = "good"):
    if kind == "bad":
        raise ValueError("bad luck")
    report(loss=float(x), step=0)
    if kind == "slow" or (kind == "good" and out.parent.name == "s.1"):  # is pruned meanwhile
        time.sleep(600)
    (out / "model.pkl").write_bytes(str(x).encode())

def silent(out: Path, x: int = 0):
    (out / "model.pkl").write_bytes(b"m")
"""


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> dict[str, Study]:
    """What searches remember; trial 1 is to be pruned at once."""
    found: dict[str, Study] = {}

    def opened(plan, _folder):
        return MemorySearcher(plan, found.setdefault(plan.name, Study()), prune_at={1: 0})

    monkeypatch.setattr(training_search, "open_searcher", opened)
    monkeypatch.setattr(training_search, "check_search", lambda: None)
    return found


def place(folder: Path, monkeypatch: pytest.MonkeyPatch, kinds: list[str], **search: object):
    monkeypatch.chdir(folder)
    (folder / "program.py").write_text(PROGRAM)
    space = {
        "x": {"kind": "int", "low": 0, "high": 9},
        "kind": {"kind": "choice", "values": kinds},
    }
    plan = {"metric": "loss", "trials": 3, "space": space, **search}
    recipes = {"m": {"function": "program.py:train", "search": plan}}
    silent = {**plan, "space": {"x": space["x"]}}
    recipes["silent"] = {"function": "program.py:silent", "search": silent}
    (folder / "seatrial.yaml").write_text(
        yaml.safe_dump({"training": {"recipes": recipes, "trackers": []}})
    )
    return open_workspace(home=folder / "home", environment={})


def order(recipe: str = "m") -> TrainingOrder:
    return TrainingOrder(id="s", recipe=recipe, search=True, check=False)


def desk_of(workspace: Workspace) -> RunDesk:
    return RunDesk(workspace.open_store())


def test_the_best_trial_is_what_a_search_gives(tmp_path, monkeypatch, studies):
    workspace = place(tmp_path, monkeypatch, ["good"])
    told = []
    trained = train_order(workspace, order(), on_step=lambda *a: told.append(a))
    desk = desk_of(workspace)
    trials = {run["number"]: run for run in desk.runs(parent="s")}
    assert [trials[i]["status"] for i in range(3)] == ["finished", "pruned", "finished"]
    best = min((trials[0], trials[2]), key=lambda run: run["metrics"]["loss"])
    assert (trained.run_id, trained.best_run_id) == ("s", best["id"])
    assert trained.model_path.read_text() == str(trained.parameters["x"])
    search = desk.run("s")
    assert (search["status"], search["best"]) == ("finished", best["id"])
    assert [step for step, _ in search["curves"]["loss"]] == [0, 2]
    assert any("pruned at loss" in text for _, _, text in told)
    assert search["environment"]["python"]
    assert train_order(workspace, order()) == trained


def test_a_trial_that_fails_does_not_end_the_search(tmp_path, monkeypatch, studies):
    workspace = place(tmp_path, monkeypatch, ["good", "bad"], trials=4, seed=4)
    trained = train_order(workspace, order())
    outcomes = [run["outcome"] for run in desk_of(workspace).runs(parent="s")]
    assert outcomes.count("crashed") >= 1
    assert trained.metrics["loss"] >= 0


def test_a_search_in_which_all_fails_is_ended_early_and_says_why(tmp_path, monkeypatch, studies):
    workspace = place(tmp_path, monkeypatch, ["bad"], trials=9)
    with pytest.raises(failures.NoTrial, match=r"None of 5 trials .* bad luck"):
        train_order(workspace, order())
    assert len(desk_of(workspace).runs(parent="s")) == 5


def test_a_metric_that_nobody_reports_is_told(tmp_path, monkeypatch, studies):
    workspace = place(tmp_path, monkeypatch, ["good"], trials=1)
    with pytest.raises(failures.NoTrial, match="reports: none"):
        train_order(workspace, order("silent"))


def test_a_search_that_was_stopped_goes_on(tmp_path, monkeypatch, studies):
    workspace = place(tmp_path, monkeypatch, ["good"])

    class Stopped(Exception):
        pass

    def stop(name: str, text: str) -> None:
        if name == "search" and text.startswith("trial 2"):
            raise Stopped

    with pytest.raises(failures.TrainingInterrupted):
        train_order(workspace, order(), on_progress=stop)
    assert len(studies["s"].ended) == 1
    trained = train_order(workspace, order())
    assert len(studies["s"].ended) == 3
    assert desk_of(workspace).run("s")["attempt"] == 1
    assert trained.run_id == "s"


def test_without_optuna_nothing_begins(tmp_path, monkeypatch):
    workspace = place(tmp_path, monkeypatch, ["good"])
    monkeypatch.setattr("seatrial.adapters.training.search_optuna.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"seatrial\[optuna\]"):
        train_order(workspace, order())
    assert desk_of(workspace).runs() == []
