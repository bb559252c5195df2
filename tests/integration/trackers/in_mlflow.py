"""MLflow's tracking against the suite; run by `test_trackers` where MLflow is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.adapters.tracking.mlflow import MlflowTracker, open_tracker
from seatrial.testing.tracker_suite import OpenTracker, TrackerSuite, a_run, ended, losses
from seatrial.training.config import MlflowConfig
from seatrial.training.runs.failures import TrackerUnavailable
from seatrial.training.runs.tracker import Tracker


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    assert open_tracker(MlflowConfig(), folder).find("none") is None
    return folder / "mlflow.db"


class TestFile(TrackerSuite):
    """SQLite and a folder, as the default is."""

    @pytest.fixture
    def opened(self, empty: Path, tmp_path: Path) -> OpenTracker:
        shutil.copy(empty, tmp_path / "mlflow.db")
        return lambda: open_tracker(MlflowConfig(), tmp_path)


class TestFolder(TrackerSuite):
    """`mlruns`, as people have it from before."""

    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenTracker:
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
        monkeypatch.chdir(tmp_path)
        return lambda: open_tracker(MlflowConfig(uri="mlruns"), tmp_path)


@pytest.fixture(scope="session")
def server(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server on a port of its own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty, folder / "m.db")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/m.db"]
    command += ["--artifacts-destination", str(folder / "art")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, process, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


class TestServer(TrackerSuite):
    """A real server, over loopback."""

    @pytest.fixture
    def opened(self, server: str, request: pytest.FixtureRequest) -> OpenTracker:
        config = MlflowConfig(uri=server, experiment=request.node.name[:100])
        return lambda: _Own(config, request.node.name)


class _Own:
    """A tracker whose runs have ids of one test: the server is shared by all of them."""

    def __init__(self, config: MlflowConfig, test: str) -> None:
        self._tracker: Tracker = open_tracker(config, Path())
        self._test = f"{abs(hash(test)) % 10**8}"

    def keep(self, run, points):
        from dataclasses import replace

        parent = run.parent and self._id(run.parent)
        self._tracker.keep(replace(run, id=self._id(run.id), parent=parent), points)

    def find(self, run_id):
        from dataclasses import replace

        kept = self._tracker.find(self._id(run_id))
        if kept is None:
            return None
        own = {k: v.removesuffix(f"-{self._test}") for k, v in kept.tags.items()}
        return replace(kept, name=run_id, tags=own)

    def close(self):
        self._tracker.close()

    def _id(self, run_id: str) -> str:
        return f"{run_id}-{self._test}"


def test_a_trial_is_under_its_search_as_mlflow_shows_it(empty: Path, tmp_path: Path) -> None:
    shutil.copy(empty, tmp_path / "mlflow.db")
    tracker = open_tracker(MlflowConfig(), tmp_path)
    tracker.keep(a_run(tmp_path), [])
    tracker.keep(ended(a_run(tmp_path, id="churn-1.0", parent="churn-1")), [])
    parent, trial = tracker._found("churn-1"), tracker._found("churn-1.0")
    assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert trial.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert trial.inputs.dataset_inputs[0].dataset.name == "rows.csv"
    experiment = tracker._client.get_experiment(trial.info.experiment_id)
    assert experiment.name == "churn"


def test_an_attempt_that_was_killed_is_marked_so(empty: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    shutil.copy(empty, tmp_path / "mlflow.db")
    tracker = open_tracker(MlflowConfig(), tmp_path)
    run = a_run(tmp_path)
    tracker.keep(run, losses([1.0]))
    first = tracker._found(run.id).info.run_id
    tracker.keep(ended(replace(run, attempt=2)), [])
    assert tracker._client.get_run(first).info.status == "KILLED"
    assert tracker._found(run.id).info.run_id != first


def test_a_server_that_is_not_there_is_told_soon(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TrackerUnavailable, match=r"127\.0\.0\.1:9") as told:
        MlflowTracker("http://127.0.0.1:9").keep(a_run(tmp_path), [])
    assert "runs sync" in told.value.remedy
    assert time.monotonic() - began < 60
