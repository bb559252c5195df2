"""Versions that Ray Serve runs: split with one here, judged, promoted, healed and given up."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from engine_home import NAME, SOURCE, Home, Traffic, block, commands, free_ports, iris_models, until
from ray_environment import ray_python

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]

EXPORT, PROMOTED = (commands("rayserve")[i] for i in (0, 2))
HERE = tuple(word for word in PROMOTED if word not in ("--engine", "ray"))
START_S = 120.0
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "120",
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 4}',
}


class RayServe:
    """A Ray of one machine that can be killed and started again at the same address.

    Args:
        config: of Ray Serve.
        folder: for its log.
    """

    def __init__(self, python: Path, config: Path, folder: Path, port: int) -> None:
        self.url, self.port = f"http://127.0.0.1:{port}", port
        self._command = [python.with_name("serve"), "run", config]
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = {**os.environ, **QUIET, "PYTHONPATH": str(SOURCE), "COLUMNS": "200"}
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(
                self._command, env=environ, stdout=sink, stderr=sink, start_new_session=True
            )
        end = time.monotonic() + START_S
        while self.status("/v2/health/ready") != 200:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.2)

    def kill(self) -> None:
        """End every process of it at once: Ray's own workers lead groups of their own."""
        assert self._process is not None
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self._process.pid:
                    process.kill()
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        self._process.wait()
        self._process = None

    def replicas(self, deployment: str) -> list[int]:
        """The processes that answer for a model."""
        assert self._process is not None
        title = f"ray::ServeReplica:{deployment}"
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"]
            if words and words[0].startswith(title):
                found.append(process.pid)
        return found

    def status(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return None

    def loaded(self) -> list[str]:
        request = urllib.request.Request(f"{self.url}/v2/repository/index", b"", method="POST")
        with urllib.request.urlopen(request, timeout=30) as reply:
            return [m["name"] for m in json.load(reply) if m["state"] == "READY"]

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def close(self) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    iris_models(folder)
    return folder


@pytest.fixture(scope="module")
def home(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "rows.csv").symlink_to(models / "rows.csv")
    (port,) = free_ports(1)
    engines = yaml.safe_load(block("yaml", "ray"))["engines"]
    repository = folder / "repository"
    repository.mkdir()
    engines["ray"] |= {"url": f"http://127.0.0.1:{port}", "repository": str(repository)}
    home = Home(folder, engines, workers=1)
    yield home
    home.stop()


@pytest.fixture(scope="module")
def exported(home: Home, models: Path) -> Path:
    """The folder of an application, made by the command of the page."""
    shutil.copy(models / "a.pkl", home.folder / f"{NAME}.pkl")
    home.seatrial(*EXPORT)
    return home.folder / EXPORT[EXPORT.index("-o") + 1]


@pytest.fixture(scope="module")
def ray(
    home: Home, exported: Path, pytestconfig: pytest.Config, tmp_path_factory: Any
) -> Iterator[RayServe]:
    """One Ray, with the repository of the page and the application that was exported."""
    config = yaml.safe_load(block("yaml", "rayserve"))
    port = int(home.engines["ray"]["url"].rpartition(":")[2])
    config["http_options"]["port"] = port
    config["applications"][0]["args"] |= {"repository": home.engines["ray"]["repository"]}
    (application,) = yaml.safe_load((exported / "config.yaml").read_text())["applications"]
    config["applications"].append(application | {"route_prefix": "/alone"})
    folder = tmp_path_factory.mktemp("ray")
    (folder / "ray.yaml").write_text(yaml.safe_dump(config))
    running = RayServe(ray_python(pytestconfig), folder / "ray.yaml", folder, port)
    try:
        running.start()
        yield running
    finally:
        running.close()


def _asked(url: str, body: dict[str, object] | None = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_an_exported_application_answers_in_every_protocol(
    ray: RayServe, exported: Path, models: Path
) -> None:
    import joblib
    from sklearn.datasets import load_iris

    rows = load_iris().data
    wanted = joblib.load(models / "a.pkl").predict_proba(rows)
    alone = f"{ray.url}/alone"
    until("it starts", lambda: ray.status(f"/alone/v2/models/{NAME}/ready") == 200)
    status, described = _asked(f"{alone}/v2/models/{NAME}")
    assert (status, described["inputs"][0]["shape"]) == (200, [-1, 4])
    tensor = {"name": "input", "datatype": "FP64", "shape": rows.shape, "data": rows.tolist()}
    status, answer = _asked(f"{alone}/v2/models/{NAME}/infer", {"inputs": [tensor]})
    assert status == 200, answer
    likely = next(o for o in answer["outputs"] if o["name"] == "probabilities")
    np.testing.assert_allclose(np.reshape(likely["data"], wanted.shape), wanted, atol=1e-5)
    path = f"{alone}/v1/models/{NAME}:predict"
    status, answer = _asked(path, {"instances": rows[:2].tolist()})
    assert (status, len(answer["predictions"])) == (200, 2)
    status, told = _asked(path, {"instances": [["a", 1, 2, 3]]})
    assert (status, told["code"]) == (400, "serving.bad_input")


_READ = """
import sys, yaml
from ray.serve import Application
from ray.serve.schema import ServeDeploySchema
ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[1])))
import app
assert isinstance(app.app, Application), app.app
"""


def test_the_files_of_an_application_are_rays_own(
    pytestconfig: pytest.Config, exported: Path
) -> None:
    ran = subprocess.run(
        [ray_python(pytestconfig), "-c", _READ, "config.yaml"],
        cwd=exported,
        env={**os.environ, **QUIET, "PYTHONPATH": f"{SOURCE}{os.pathsep}{exported}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_version_in_ray_is_split_judged_promoted_healed_and_given_up(
    ray: RayServe, home: Home, models: Path
) -> None:
    import joblib
    from sklearn.datasets import load_iris

    rows = load_iris().data
    home.start()
    with Traffic(home.port, rows):
        first = home.deploy(models / "a.pkl", HERE)
    assert first["phase"] == "promoted", first

    with Traffic(home.port, rows) as traffic:
        second = home.deploy(models / "b.pkl", PROMOTED)
    assert second["phase"] == "promoted", second
    split = Counter(traffic.seen)
    assert {status for status, _ in split} <= {200, 503}
    assert split[200, "1"] > 20, split
    assert split[200, "2"] > 20, split
    assert ray.loaded() == [f"{NAME}-2"]
    path = f"http://127.0.0.1:{home.port}/v1/models/{NAME}:predict"
    answer = _asked(path, {"instances": rows.tolist()})[1]
    likely = [one["probabilities"] for one in answer["predictions"]]
    wanted = joblib.load(models / "b.pkl").predict_proba(rows)
    np.testing.assert_allclose(likely, wanted, atol=1e-5)

    # A replica that is killed is Ray's business: another takes its place.
    (replica,) = ray.replicas(f"seatrial.{NAME}-2")
    os.kill(replica, signal.SIGKILL)
    with Traffic(home.port, rows) as traffic:
        until("another answers", lambda: ray.replicas(f"seatrial.{NAME}-2") not in ([], [replica]))
        since = len(traffic.seen)
        until("it answers", lambda: (200, "2") in traffic.seen[since:])
    assert {status for status, _ in traffic.seen} <= {200, 500, 503, 504}

    home.seatrial("rollback", NAME)
    home.deploy(models / "c.pkl", PROMOTED, "--watch", "10m", "--no-wait")
    with Traffic(home.port, rows) as traffic:
        until("it answers", lambda: (200, "3") in traffic.seen)
        ray.kill()

        def over() -> Any:
            found = home.seatrial("status", NAME)["release"]
            return found if found["phase"] != "canary" else None

        third = until("it is judged", over)
        until("nobody meets it", lambda: {v for _, v in traffic.seen[-50:]} == {"1"})
    assert third["phase"] == "aborted", third
    assert re.search(r"error", third["reason"]), third
    assert (503, "3") in traffic.seen
    assert {status for status, version in traffic.seen if version == "1"} == {200}
