"""A search killed midway, with all extras: MLflow, W&B and Optuna; run by `test_trackers`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from seatrial.adapters.tracking.mlflow import open_tracker as open_mlflow
from seatrial.adapters.tracking.wandb import open_tracker as open_wandb
from seatrial.training.config import MlflowConfig, WandbConfig
from seatrial.training.runs import keeper
from seatrial.training.runs.desk import RunDesk
from seatrial.training.runs.order import TrainingOrder
from seatrial.wiring.training.trainer import train_order
from seatrial.wiring.workspace import open_workspace

PROGRAM = """
import time
from pathlib import Path
from seatrial.training import report

def train(out: Path, x: float = 0.0, slow: bool = False):
    for step in range(1, 6):
        report(step=step, of=5, loss=(x - 1) ** 2 + 1 / step)
        time.sleep(0.05)
    (out / "model.pkl").write_bytes(str(x).encode())
"""
CALLER = """
from pathlib import Path
from seatrial.training.runs import keeper
keeper.LEASE_S = 1.0
from seatrial.training.runs.order import TrainingOrder
from seatrial.wiring.training.trainer import train_order
from seatrial.wiring.workspace import open_workspace
order = TrainingOrder(id="s", recipe="m", search=True, check=False)
train_order(open_workspace(home=Path("home")), order)
"""


def test_a_search_that_is_killed_goes_on_and_is_shown_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    search = {
        "metric": "loss",
        "trials": 5,
        "space": {"x": {"kind": "float", "low": -4, "high": 4}},
    }
    recipe = {"function": "program.py:train", "search": search}
    training = {"trackers": ["mlflow", "wandb"], "recipes": {"m": recipe}}
    (tmp_path / "seatrial.yaml").write_text(yaml.safe_dump({"training": training}))
    workspace = open_workspace(home=tmp_path / "home", environment={})
    desk = RunDesk(workspace.open_store())
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    ends = time.monotonic() + 120
    while len(desk.runs(parent="s")) < 3:
        assert time.monotonic() < ends
        assert caller.poll() is None
        time.sleep(0.05)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    monkeypatch.setattr(keeper, "LEASE_S", 1.0)
    time.sleep(1.2)
    order = TrainingOrder(id="s", recipe="m", search=True, check=False)
    trained = train_order(workspace, order)
    trials = desk.runs(parent="s")
    ended = [run["outcome"] for run in trials]
    assert len([one for one in ended if one in ("trained", "pruned")]) == 5
    assert len([one for one in ended if one == "interrupted"]) <= 1
    done = [run for run in trials if run["outcome"] == "trained"]
    best = min(done, key=lambda run: run["metrics"]["loss"])
    assert trained.best_run_id == best["id"] == desk.run("s")["best"]
    assert float(trained.model_path.read_text()) == trained.parameters["x"]
    mlflow = open_mlflow(MlflowConfig(), workspace.home)
    wandb = open_wandb(WandbConfig(), workspace.home)
    for run in [desk.run("s"), *trials]:
        assert desk.run(run["id"])["trackers"] == {"mlflow": "", "wandb": ""}
        for tracker in (mlflow, wandb):
            kept = tracker.find(run["id"])
            assert kept is not None
            assert kept.tags["seatrial.outcome"] == run["outcome"]
    for tracker in (mlflow, wandb):
        kept = tracker.find(best["id"])
        assert kept is not None
        assert [step for step, _ in kept.history["loss"]] == [1, 2, 3, 4, 5]
    assert kept.tags["seatrial.parent"] == "s"
    found = mlflow._client.search_runs(
        [e.experiment_id for e in mlflow._client.search_experiments()],
        "tags.`seatrial.run` = 's'",
    )
    assert len(found) == 1
