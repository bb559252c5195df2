"""MLflow's own server, client and webhooks, and a server of ours that follows its registry."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, environment, passes

from seatrial.adapters.keys_ecdsa import write_new_key

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("mlflow==3.17.2", f"{ROOT}[sklearn]", "pytest>=8.3", "statsmodels>=0.14")
SECRET = "a secret of MLflow and of ours"
WAIT_S = 120.0
EVERY_S = 3.0

DATA = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd"))
x["label"] = (x.a + 0.6 * x.b**2 + 0.3 * rng.normal(size=3000) > 0.5).astype(int)
x[:1500].to_csv("train.csv", index=False)
x[1500:].to_csv("holdout.csv", index=False)
"""

REGISTER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
url, kind, *options = sys.argv[1:]
mlflow.set_tracking_uri(url)
rows = pd.read_csv("train.csv")
x, y = rows.drop(columns="label"), rows.label
model = {
    "plain": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y),
    "good": lambda: GradientBoostingClassifier(n_estimators=60, random_state=0).fit(x, y),
    "bad": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(x[:40], 1 - y[:40]),
}[kind]()
saved = {} if kind != "good" else {"serialization_format": "cloudpickle"}
logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"], **saved)
at = time.time()
version = mlflow.register_model(logged.model_uri, "churn")
print(version.version, at)
"""

HOOK = """
import sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
hook = client.create_webhook(
    "seatrial", sys.argv[2] + "/api/registry/webhook",
    events=["model_version.created", "model_version_alias.created"], secret=sys.argv[3],
)
found = client.test_webhook(hook.webhook_id)
print(found.response_status, hook.webhook_id)
"""

ASK = """
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
if len(sys.argv) > 2:
    exec(sys.argv[2])
found = client.search_model_versions("name='churn'")
print(json.dumps({
    "tags": {v.version: dict(v.tags) for v in found},
    "aliases": client.get_registered_model("churn").aliases,
}))
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(what: Callable[[], Any], *, within_s: float = WAIT_S) -> Any:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {within_s} s")


def asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with MLflow and what we need; kept in pytest's cache from run to run."""
    return environment(request.config, "mlflow-registry-3.17.2", PINS)


@pytest.fixture(scope="module")
def mlflow_url(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of MLflow."""
    folder = tmp_path_factory.mktemp("mlflow-server")
    port = free_port()
    key = subprocess.run(
        [
            python,
            "-c",
            "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    environ = {
        **os.environ,
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key,
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [python.parent / "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", "sqlite:///m.db", "--artifacts-destination", "artifacts"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            assert server.poll() is None, (folder / "server.log").read_text()
            return False

    until(answers)
    yield url
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def test_it_passes_the_suite(
    python: Path, mlflow_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_TEST_MLFLOW_URL", mlflow_url)
    passes(python, ROOT / "tests" / "integration" / "registry_in_mlflow.py", tmp_path)


@dataclass
class Loop:
    """MLflow, and a server of ours that follows it."""

    python: Path
    folder: Path
    mlflow: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ran(self, program: str, *arguments: str) -> str:
        environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        ran = subprocess.run(
            [self.python, "-W", "ignore", "-c", program, *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        return next(reversed(ran.stdout.strip().splitlines()), "")

    def register(self, kind: str) -> tuple[int, float]:
        """The number, and when it was registered."""
        number, at = self.ran(REGISTER, self.mlflow, kind).split()
        return int(number), float(at)

    def in_mlflow(self, *program: str) -> Any:
        return json.loads(self.ran(ASK, self.mlflow, *program))

    def arrival(self, number: int) -> Any:
        arrivals = asked(f"{self.url}/api/registry")["arrivals"]
        return next((one for one in arrivals if one["number"] == number), None)

    def outcome(self, number: int) -> Any:
        arrival = self.arrival(number)
        return arrival["outcome"] if arrival else None

    def release_of(self, number: int) -> Any:
        """The fact that began the release of a version in MLflow."""
        facts = asked(f"{self.url}/api/endpoints/churn/history")
        source = f"mlflow: churn {number}"
        return next((f for f in facts if f["data"].get("notes", {}).get("source") == source), None)

    def started_after_s(self, number: int, at_s: float) -> float:
        from datetime import datetime

        fact = until(lambda: self.release_of(number))
        return datetime.fromisoformat(fact["at"]).timestamp() - at_s


@pytest.fixture(scope="module")
def loop(python: Path, mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("loop")
    made = Loop(python, folder, mlflow_url, free_port())
    made.ran(DATA)
    config = {
        "server": {"port": made.port, "sign_key": "team.key", "verify_key": "team.key.pub"},
        "registry": {
            "url": mlflow_url,
            "every": f"{EVERY_S:g}s",
            "models": {
                "churn": {
                    "data": "train.csv",
                    "holdout": "holdout.csv",
                    "label": "label",
                    "move_alias": "production",
                    "release": {
                        "steps": [{"share": 0.5, "watch": "1s"}],
                        "staging_load": "1s",
                        "gates": {"error_rate": 0.2, "p95_ms": 5000, "against_stable": None},
                    },
                }
            },
        },
    }
    (folder / "seatrial.yaml").write_text(json.dumps(config))
    write_new_key(folder / "team.key")
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "SEATRIAL_WEBHOOK_SECRET": SECRET,
    }
    with (folder / "up.log").open("w") as log:
        server = subprocess.Popen(
            [python, "-m", "seatrial", "up"], cwd=folder, env=environ, stdout=log, stderr=log
        )

    def follows() -> bool:
        try:
            return bool(asked(f"{made.url}/api/registry")["sources"]["mlflow"]["looked_at"])
        except (OSError, LookupError):
            assert server.poll() is None, (folder / "up.log").read_text()
            return False

    until(follows)
    stop = threading.Event()
    asking = threading.Thread(target=_ask, args=(made.url, stop))
    asking.start()
    yield made
    stop.set()
    asking.join()
    server.terminate()
    server.wait(30)


def _ask(url: str, stop: threading.Event) -> None:
    """Traffic, as soon as there is something to answer it."""
    row = {"a": 0.1, "b": -0.4, "c": 0.2, "d": 1.0}
    while not stop.wait(0.02):
        try:
            asked(f"{url}/v1/models/churn:predict", {"instances": [row]})
        except OSError:
            stop.wait(0.2)


def test_registered_with_mlflow_and_nothing_else_done_by_hand(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = loop.register("plain")  # skops, as MLflow saves it
    until(lambda: loop.outcome(first) == "promoted")

    status, hook = loop.ran(HOOK, loop.mlflow, loop.url, SECRET).split()
    assert status == "202"
    time.sleep(1.5)  # MLflow looks for webhooks once a second
    second, at_s = loop.register("good")
    by_webhook_s = loop.started_after_s(second, at_s)
    _kill_pipelines(loop)
    until(lambda: loop.outcome(second) == "promoted")
    told = loop.in_mlflow()
    assert told["tags"]["2"]["seatrial.verdict"] == "promoted"
    assert told["tags"]["2"]["seatrial.card"].endswith("/endpoints/churn/versions/2/evaluation")
    assert told["aliases"] == {"production": "2"}

    loop.in_mlflow(f"client.delete_webhook({hook!r})")
    time.sleep(1.5)
    third, at_s = loop.register("bad")
    by_polling_s = loop.started_after_s(third, at_s)
    until(lambda: loop.outcome(third) == "worse")
    told = loop.in_mlflow()
    assert told["tags"]["3"]["seatrial.verdict"] == "worse"
    assert "Brier score" in told["tags"]["3"]["seatrial.reason"]
    assert told["aliases"] == {"production": "2"}

    endpoint = asked(f"{loop.url}/api/endpoints/churn")
    assert (endpoint["stable"], endpoint["release"]["phase"]) == (2, "rejected")
    facts = asked(f"{loop.url}/api/endpoints/churn/history")
    kinds = [(f["kind"], f["data"].get("version")) for f in facts]
    assert kinds.count(("release.started", 2)) == 1
    assert kinds.count(("release.promoted", 2)) == 1
    assert ("canary.warming", 3) not in kinds
    with urllib.request.urlopen(f"{loop.url}/endpoints/churn/versions/3/evaluation") as page:
        assert "Brier" in page.read().decode()
    with capsys.disabled():
        print(
            f"\nregistered to staging: {by_webhook_s:.2f} s by webhook, {by_polling_s:.2f} s by "
            f"polling every {EVERY_S:g} s"
        )


def _kill_pipelines(loop: Loop) -> None:
    """kill -9 of the process that follows, which the server starts anew."""
    with sqlite3.connect(loop.folder / ".seatrial" / "seatrial.db") as store:
        ((holder,),) = store.execute("select holder from leases where name = 'registry'")
    os.kill(int(holder.split("-")[1]), signal.SIGKILL)


def test_a_webhook_with_a_wrong_signature_is_refused_and_counted(loop: Loop) -> None:
    status, hook = loop.ran(HOOK, loop.mlflow, loop.url, "another secret").split()
    assert status == "403"
    loop.in_mlflow(f"client.delete_webhook({hook!r})")

    def counted() -> bool:
        with urllib.request.urlopen(f"{loop.url}/metrics", timeout=5) as reply:
            text = reply.read().decode()
        return 'seatrial_registry_webhooks_total{result="registry.webhook_signature_wrong"' in text

    until(counted, within_s=15)
