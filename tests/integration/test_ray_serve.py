"""Versions that Ray Serve runs: split with one here, judged, promoted, healed and given up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from engine_home import NAME, SOURCE, Home, Traffic, block, commands, free_ports, iris_models, until
from engine_journey import EngineJourneySuite, Models, ready_models
from ray_environment import ray_python

from seatrial.adapters.serving.oip_http import HttpOip
from seatrial.serving.failures import EngineNonsense, EngineRefused, EngineTimeout
from seatrial.serving.oip import Tensor

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]

(EXPORT,), (PROMOTED,) = commands("rayexport"), commands("rayserve")
START_S = 240.0
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "120",
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 3}',
    "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, Path(__file__).parent))),
}
SLOW_S = 0.1
_SLOW = f"""
import time


class Slow:
    def load(self, path):
        self.seconds = {SLOW_S}

    def predict(self, rows):
        time.sleep(self.seconds)
        return sum(rows.values())
"""


class RayServe:
    """A Ray of one machine that can be killed and started again at the same address.

    Args:
        folder: for its configuration, its log and its repository.
        applications: besides that of the page, which runs the models of a repository.
    """

    def __init__(self, python: Path, folder: Path, applications: Sequence[Any]) -> None:
        (port,) = free_ports(1)
        self.url, self.repository = f"http://127.0.0.1:{port}", folder / "repository"
        self.repository.mkdir()
        self._config, self._log = folder / "ray.yaml", folder / "serve.log"
        config = yaml.safe_load(block("yaml", "rayserve"))
        config["http_options"]["port"] = port
        config["applications"][0]["args"] |= {"repository": str(self.repository)}
        config["applications"] += applications
        self._config.write_text(yaml.safe_dump(config))
        self._command = [python.with_name("serve"), "run", self._config]
        self._process: subprocess.Popen[bytes] | None = None

    def forget_what_is_exported(self) -> None:
        """From its next start on it has the page's application alone."""
        config = yaml.safe_load(self._config.read_text())
        self._config.write_text(
            yaml.safe_dump(config | {"applications": config["applications"][:1]})
        )

    def start(self) -> None:
        environ = {**os.environ, **QUIET}
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
        """End every process of it at once."""
        assert self._process is not None
        for process in self._own():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        self._process = None

    def replicas(self, deployment: str) -> list[int]:
        """The processes that answer for a model."""
        title = f"ray::ServeReplica:{deployment}"
        found = []
        for process in self._own():
            with suppress(psutil.NoSuchProcess):
                if "".join(process.cmdline()[:1]).startswith(title):
                    found.append(process.pid)
        return found

    def _own(self) -> Iterator[psutil.Process]:
        """Its processes: Ray's workers lead groups of their own, in one session."""
        assert self._process is not None
        for process in psutil.process_iter():
            with suppress(ProcessLookupError):
                if os.getsid(process.pid) == self._process.pid:
                    yield process

    def status(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return None

    def loaded(self) -> list[str]:
        return ready_models(self.url)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def close(self) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which models are exported, and nothing runs."""
    folder = tmp_path_factory.mktemp("workshop")
    iris_models(folder)
    return Home(folder, {})


@pytest.fixture(scope="module")
def slow(workshop: Home) -> Path:
    """An application whose model is a class, which takes as long for many rows as for one."""
    (workshop.folder / "slow").mkdir()
    (workshop.folder / "slow" / "slow.py").write_text(_SLOW)
    target = workshop.folder / "slow-app"
    words = ("export", "slow/slow.py:Slow", "--data", "rows.csv", "--label", "target", "--trust")
    workshop.seatrial(*words, "--to", "ray-serve", "-o", str(target))
    return target


@pytest.fixture(scope="module")
def ray(slow: Path, pytestconfig: pytest.Config, tmp_path_factory: Any) -> Iterator[RayServe]:
    """One Ray, with the repository of the page, an exported application and one not of ours."""
    (application,) = yaml.safe_load((slow / "config.yaml").read_text())["applications"]
    application["deployments"][0]["autoscaling_config"]["max_replicas"] = 1
    odd = {"name": "odd", "route_prefix": "/odd", "import_path": "ray_odd:app"}
    folder = tmp_path_factory.mktemp("ray")
    more = [application | {"route_prefix": f"/{slow.name}"}, odd]
    running = RayServe(ray_python(pytestconfig), folder, more)
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


def test_an_exported_application_answers_in_every_protocol(ray: RayServe, slow: Path) -> None:
    alone = f"{ray.url}/{slow.name}"
    until("it starts", lambda: ray.status(f"/{slow.name}/v2/models/slow/ready") == 200)
    status, described = _asked(f"{alone}/v2/models/slow")
    assert (status, described["outputs"][0]["name"]) == (200, "prediction")
    (given,) = described["inputs"]
    tensor = given | {"shape": [2, 4], "data": list(range(8))}
    status, answer = _asked(f"{alone}/v2/models/slow/infer", {"inputs": [tensor]})
    assert (status, answer["outputs"][0]["data"]) == (200, [6.0, 22.0])
    path = f"{alone}/v1/models/slow:predict"
    status, answer = _asked(path, {"instances": [[1, 2, 3, 4]]})
    assert (status, answer) == (200, {"predictions": [10.0]})
    status, told = _asked(path, {"instances": [["a", 1, 2, 3]]})
    assert (status, told["code"]) == (400, "serving.bad_input")


_READ = """
import sys, yaml
sys.path.insert(0, ".")
from ray.serve import Application
from ray.serve.schema import ServeDeploySchema
ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[1])))
import app
assert isinstance(app.app, Application), app.app
"""


def test_what_the_page_exports_is_rays_own(workshop: Home, pytestconfig: pytest.Config) -> None:
    shutil.copy(workshop.folder / "a.pkl", workshop.folder / f"{NAME}.pkl")
    workshop.seatrial(*EXPORT)
    ran = subprocess.run(
        [ray_python(pytestconfig), "-c", _READ, "config.yaml"],
        cwd=workshop.folder / EXPORT[EXPORT.index("-o") + 1],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_replica_runs_requests_together_as_was_measured(ray: RayServe, slow: Path) -> None:
    path, row = f"{ray.url}/{slow.name}/v1/models/slow:predict", [1.0, 2.0, 3.0, 4.0]
    _asked(path, {"instances": [row]})
    n = 30
    with ThreadPoolExecutor(n) as clients:
        since = time.monotonic()
        replies = list(clients.map(lambda _: _asked(path, {"instances": [row]}), range(n)))
        took_s = time.monotonic() - since
    assert [reply for reply in replies if reply != (200, {"predictions": [10.0]})] == []
    assert took_s < n * SLOW_S / 2


@pytest.mark.parametrize(
    ("path", "model", "timeout_s", "problem"),
    [
        ("slow-app", "slow", SLOW_S / 4, EngineTimeout),
        ("slow-app", "nope", 30.0, EngineRefused),
        ("odd", "slow", 30.0, EngineNonsense),
    ],
)
async def test_what_goes_wrong_in_ray_has_its_type(
    ray: RayServe, path: str, model: str, timeout_s: float, problem: type[Exception]
) -> None:
    server = HttpOip(f"{ray.url}/{path}", connect_s=5.0)
    given = [Tensor(name="input", datatype="FP64", values=np.ones((1, 4)))]
    try:
        if path != "odd":
            await server.metadata("slow", 30.0)  # it learns the server first, which takes time
        with pytest.raises(problem):
            await server.infer(model, given, ["prediction"], timeout_s)
    finally:
        await server.close()


class TestRay(EngineJourneySuite):
    named, deployed, least, workers = "ray", PROMOTED, 20, 1

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, ray: RayServe) -> RayServe:
        return ray

    @classmethod
    def engines(cls, engine: RayServe) -> dict[str, Any]:
        section = yaml.safe_load(block("yaml", "ray"))["engines"]["ray"]
        return {"ray": section | {"url": engine.url, "repository": str(engine.repository)}}

    def in_production(self, engine: RayServe, home: Home, models: Models) -> None:
        """A replica that is killed is Ray's business: another takes its place."""
        application = f"seatrial.{NAME}-2"
        (replica,) = engine.replicas(application)
        os.kill(replica, signal.SIGKILL)
        with Traffic(home.port, models.rows) as traffic:
            until("another is there", lambda: set(engine.replicas(application)) - {replica})
            since = len(traffic.seen)
            until("it answers", lambda: (200, "2") in traffic.seen[since:])
        assert {status for status, _ in traffic.seen} <= {200, 500, 503, 504}
        engine.forget_what_is_exported()

    def is_swept(self, engine: RayServe, home: Home, models: Models) -> None:
        """Not looked at: Ray would have to start once more, which takes long."""
