"""Exports in the orchestrators themselves: Airflow and kfp run them, on a real store.

A server runs beside them, as in production: it takes what they register through its release, and
leaves their runs to them.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import ROOT, environment

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.release.desk import Desk
from tests.journeys.retraining_world import World, retraining

pytestmark = [pytest.mark.integration, pytest.mark.slow]

AIRFLOW = ("apache-airflow==3.3.2",)
KFP = ("kfp==2.17.0", "kfp-kubernetes==2.17.0")
STEPS = ["rows", "look", "train", "evaluate", "approve", "register", "release"]
NIGHTLY = {"name": "nightly", "kind": "schedule", "cron": "@daily", "zone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def airflow(request: pytest.FixtureRequest) -> Path:
    """An interpreter with Airflow."""
    return environment(request.config, "airflow-3.3.2", AIRFLOW)


@pytest.fixture(scope="module")
def kfp(request: pytest.FixtureRequest) -> Path:
    """An interpreter with kfp."""
    return environment(request.config, "kfp-2.17.0", KFP)


class Exporting:
    """A world with a server, and a run of its retraining in an orchestrator."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store()

    def run(self, *command: str | Path, **environment: str) -> str:
        here = {"SEATRIAL_COMMAND": shlex.join([sys.executable, "-m", "seatrial"])}
        done = subprocess.run(
            command,
            cwd=self.world.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **here, **environment},
            timeout=900,  # a minute or so on a quiet machine
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def facts(self, stream: str) -> list[Any]:
        return self.store.read(stream=stream, limit=10_000)

    def check_done_once(self, *, orchestrator: str) -> None:
        """Each step has one output and was done outside; one training, one offer, one release."""
        facts = self.facts("run/retraining/churn-1")
        begun = [fact for fact in facts if fact.kind == "step.begun"]
        assert {str(fact.data["holder"]).partition("-")[0] for fact in begun} == {"outside"}
        assert [f.data["step"] for f in facts if f.kind == "step.finished"] == STEPS
        assert facts[-1].data["outcome"] == "promoted"
        trainings = [s for s in self.store.streams() if s.startswith("training/")]
        assert trainings == ["training/churn-1"]
        kinds = Counter(fact.kind for fact in self.facts("training/churn-1"))
        assert kinds["training.ended"] == 1
        offers = Counter(fact.kind for fact in self.facts("offers/churn"))
        assert offers["model.offered"] == 1
        assert Desk(self.store).state("churn").stable == 1
        told = self.world.run("retrain", "history", "churn", "--json")
        (run,) = yaml.safe_load(told)
        assert run["outcome"] == "promoted"
        assert [cause["rule"] for cause in run["causes"]] == [orchestrator]


@pytest.fixture
def exporting(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Exporting]:
    more = {"orchestrator": request.param, "triggers": [NIGHTLY]}
    world = World(tmp_path, {"churn": retraining("slow", **more)})
    with world.up():
        made = Exporting(world)
        yield made
        made.store.close()


def kill_first_training(store: SqliteStore, killed: list[int], over: threading.Event) -> None:
    """kill -9 for the process of the first attempt at training, some epochs into it."""
    while not over.wait(0.1):
        for fact in store.read(stream="run/retraining/churn-1", limit=10_000):
            if fact.kind == "step.begun" and fact.data["step"] == "train":
                time.sleep(1.5)
                killed.append(int(str(fact.data["holder"]).split("-")[1]))
                os.kill(killed[0], signal.SIGKILL)
                return


@pytest.mark.parametrize("exporting", ["airflow"], indirect=True)
def test_airflow_does_each_step_once_though_its_training_is_killed(
    exporting: Exporting, airflow: Path
) -> None:
    world = exporting.world
    (world.folder / "dags").mkdir()
    world.run("retrain", "export", "churn", "--to", "airflow", "--into", "dags/churn.py")
    home = {"AIRFLOW_HOME": str(world.folder / "airflow")}
    home |= {"AIRFLOW__CORE__DAGS_FOLDER": str(world.folder / "dags")}
    home |= {"AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    exporting.run(airflow, "-m", "airflow", "db", "migrate", **home)
    killed: list[int] = []
    over = threading.Event()
    killer = threading.Thread(
        target=kill_first_training, args=(world.store(), killed, over), daemon=True
    )
    killer.start()
    told = exporting.run(airflow, "-m", "airflow", "dags", "test", "seatrial_retrain_churn", **home)
    over.set()
    killer.join()
    assert len(killed) == 1, told
    exporting.check_done_once(orchestrator="airflow")
    begun = Counter(
        fact.data["step"]
        for fact in exporting.facts("run/retraining/churn-1")
        if fact.kind == "step.begun"
    )
    assert begun == dict.fromkeys(STEPS, 1) | {"train": 2}
    assert "epoch 19" in told  # the log of a step is that of its task


@pytest.mark.parametrize("exporting", ["kubeflow"], indirect=True)
def test_kubeflow_compiles_it_and_does_each_step_once(exporting: Exporting, kfp: Path) -> None:
    world = exporting.world
    folder = str(world.folder)
    pods = ["--image", "python:3.11", "--folder", folder, "--claim", "churn", "--secret", "db"]
    command = ["retrain", "export", "churn", "--to", "kubeflow", "--into", "churn.py", *pods]
    world.run(*command)
    compiled = []
    for name in ("a.yaml", "b.yaml"):
        exporting.run(kfp.parent / "kfp", "dsl", "compile", "--py", "churn.py", "--output", name)
        compiled.append((world.folder / name).read_text("utf-8"))
    assert compiled[0] == compiled[1]
    check_pipeline(*yaml.safe_load_all(compiled[0]), folder)
    script = ROOT / "tests" / "integration" / "kubeflow_local.py"
    told = exporting.run(kfp, script, "churn.py", "pipeline")
    assert "outcome: promoted" in told, told
    exporting.check_done_once(orchestrator="kubeflow")


def check_pipeline(pipeline: Any, platform: Any, folder: str) -> None:
    """What kfp made of it: tasks in a row, never from a cache, with retries, a volume, a time."""
    tasks = pipeline["root"]["dag"]["tasks"]
    assert {one["taskInfo"]["name"] for one in tasks.values()} == {"begin", *STEPS}
    by_name = {one["taskInfo"]["name"]: (key, one) for key, one in tasks.items()}
    before = "begin"
    for step in STEPS:
        _, task = by_name[step]
        assert task["dependentTasks"] == sorted({"begin", by_name[before][0]})
        assert task["inputs"]["parameters"]["step"]["runtimeValue"]["constant"] == step
        before = step
    assert all(not one["cachingOptions"] for one in tasks.values())
    assert by_name["rows"][1]["retryPolicy"]["maxRetryCount"] == 7
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert len(pods) == len(tasks)
    assert {pod["pvcMount"][0]["mountPath"] for pod in pods.values()} == {folder}
    timed = [pod for pod in pods.values() if "activeDeadlineSeconds" in pod]
    assert [pod["activeDeadlineSeconds"] for pod in timed] == ["690"]
