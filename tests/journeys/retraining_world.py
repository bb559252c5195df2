"""A world that moved: a model of its first part in production, labelled rows of its second."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from seatrial.adapters.store.sqlite import SqliteStore

PROGRAM = """
import os, time
import joblib, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression, SGDClassifier

def fitted(data, label, model):
    rows = pd.read_parquet(data)
    print("rows", len(rows), flush=True)
    return model.fit(rows.drop(columns=[label]), rows[label])

def train(data, label, seed, C: float = 1.0):
    return fitted(data, label, LogisticRegression(C=C, max_iter=500, random_state=seed))

def slow(data, label):
    for i in range(20):
        print("epoch", i, flush=True)
        time.sleep(0.1)
    return fitted(data, label, LogisticRegression(max_iter=500))

def crash(data, label):
    raise ZeroDivisionError("of the training")

def hang(data, label):
    time.sleep(3600)

def eat(data, label):
    kept = []
    while True:
        kept.append(np.ones(8_000_000))

def nan(data, label):
    model = fitted(data, label, LogisticRegression())
    model.coef_[:] = np.nan
    return model

def backwards(data, label):
    model = fitted(data, label, LogisticRegression())
    model.coef_ *= -1
    return model

def dull(data, label):
    rows = pd.read_parquet(data).sample(frac=1.0, random_state=0).head(40)
    return LogisticRegression(C=0.0005).fit(rows.drop(columns=[label]), rows[label])

def wider(data, label):
    rows = pd.read_parquet(data)
    rows["ratio"] = rows.a / (1 + rows.b.abs())
    return LogisticRegression().fit(rows.drop(columns=[label]), rows[label])

def further(data, label, warm_start):
    rows = pd.read_parquet(data)
    model = joblib.load(warm_start) if warm_start else SGDClassifier(loss="log_loss")
    print("warm" if warm_start else "cold", len(rows), flush=True)
    return model.partial_fit(rows.drop(columns=[label]), rows[label], classes=[0, 1])

def boosted(data, label, warm_start):
    from xgboost import XGBClassifier

    rows = pd.read_parquet(data)
    before = joblib.load(warm_start).get_booster() if warm_start else None
    model = XGBClassifier(n_estimators=20, max_depth=3)
    model.fit(rows.drop(columns=[label]), rows[label], xgb_model=before)
    print("rounds", model.get_booster().num_boosted_rounds(), flush=True)
    return model
"""

QUICK: dict[str, Any] = {
    "steps": [{"share": 0.5, "watch": "1s"}],
    "staging_load": "1s",
    "extend": "10m",
    "gates": {
        "error_rate": 0.05,
        "p95_ms": 2000,
        "against_stable": {
            "error_rate": 0.1,
            "p95_ratio": 20,
            "p95_slack_ms": 2000,
            "refused_rate": 0.1,
        },
    },
}
OLD, NEW = np.array([1.0, 1.0, 0.0]), np.array([1.0, -1.0, 0.5])


def rows(n: int, weights: np.ndarray, *, seed: int = 0, start: str = "2026-11-01") -> Any:
    import pandas as pd

    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3))
    chance = 1 / (1 + np.exp(-2 * (values @ weights)))
    frame = pd.DataFrame(values, columns=["a", "b", "c"])
    frame["y"] = (rng.random(n) < chance).astype(np.int64)
    times = pd.to_timedelta(np.arange(n), unit="min")
    frame["at"] = pd.Timestamp(start, tz="UTC") + times
    return frame


def retraining(training: str, **more: Any) -> dict[str, Any]:
    table = {"source": "new.parquet", "columns": {"timestamp": "at"}}
    return {"training": training, "label": "y", "data": {"source": "table", "table": table}} | more


class World:
    """A folder with a program, rows and a configuration."""

    def __init__(self, folder: Path, retrainings: dict[str, Any], **more: Any) -> None:
        self.folder = folder
        self.home = folder / "home"
        (folder / "train.py").write_text(PROGRAM)
        rows(2000, OLD).drop(columns="at").to_parquet(folder / "old.parquet")
        rows(3000, NEW, seed=1, start="2026-11-10").to_parquet(folder / "new.parquet")
        limits = {"hang": {"time": "8s"}, "eat": {"memory_mib": 900}}
        names = [line[4 : line.index("(")] for line in PROGRAM.splitlines() if "def " in line[:4]]
        whole = {
            "release": QUICK,
            "training": {
                "trackers": [],
                "recipes": {
                    name: {
                        "function": f"train.py:{name}",
                        "limits": {"time": "90s"} | limits.get(name, {}),
                    }
                    for name in names
                },
            },
            "retraining": retrainings,
        }
        (folder / "seatrial.yaml").write_text(yaml.safe_dump(whole | more))

    def run(self, *arguments: str, within_s: float = 120.0) -> str:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.home)]
        done = subprocess.run(
            [*command, "--config", "seatrial.yaml"],
            cwd=self.folder,
            timeout=within_s,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def store(self) -> SqliteStore:
        return SqliteStore(self.home / "seatrial.db", busy_timeout_s=60.0)

    @contextmanager
    def up(self) -> Iterator[Server]:
        server = Server(self)
        try:
            yield server
        finally:
            server.end()


class Server:
    """A running `seatrial up`."""

    def __init__(self, world: World) -> None:
        self.log = world.folder / f"up-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "seatrial", "up", "--home", str(world.home)]
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [*command, "--config", "seatrial.yaml", "--port", "0"],
                cwd=world.folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self.port = int(until("the address", self._port))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _port(self) -> str | None:
        assert self.process.poll() is None, self.log.read_text()
        _, found, rest = self.log.read_text().partition("serves on http://127.0.0.1:")
        return rest.split()[0] if found else None

    def pipelines(self) -> int | None:
        """The process that trains: of the supervisor's children, the one that holds no socket."""
        with suppress(psutil.NoSuchProcess):
            supervisor = psutil.Process(self.process.pid)
            for child in supervisor.children():
                if child.nice() > supervisor.nice():  # it stands back
                    return int(child.pid)
        return None

    def end(self) -> None:
        family = [self.process.pid]
        with suppress(psutil.NoSuchProcess):
            family += [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]
        for pid in family:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        self.process.wait()


class Traffic(threading.Thread):
    """Asks the endpoint for one row after the other, whoever answers."""

    def __init__(self, endpoint: str, *, pause_s: float = 0.002) -> None:
        super().__init__(daemon=True)
        self.pause_s = pause_s
        self.path = f"/v1/models/{endpoint}:predict"
        self.address = ""
        self.over = threading.Event()

    def run(self) -> None:
        n = 0
        while not self.over.wait(self.pause_s):
            n += 1
            row = [random.gauss(0, 1) for _ in range(3)]
            request = urllib.request.Request(
                self.address + self.path,
                json.dumps({"instances": [row]}).encode(),
                {"content-type": "application/json", "x-seatrial-key": str(n)},
            )
            with suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()


def until(what: str, condition: Any, *, patience_s: float = 150.0) -> Any:
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain: {what}"
        time.sleep(0.05)
    return found


def deployed(folder: Path, template: Path) -> None:
    """Copy a home in which the old model is in production, made once."""
    shutil.copytree(template / "home", folder / "home")


def make_template(folder: Path) -> Path:
    """A home with the old model in production."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    world = World(folder, {})
    old = rows(2000, OLD).drop(columns="at")
    model = LogisticRegression().fit(old[["a", "b", "c"]], old["y"])
    joblib.dump(model, folder / "model.pkl")
    with world.up():
        order = ["--name", "churn", "--data", "old.parquet", "--label", "y"]
        world.run("deploy", "model.pkl", *order, "--target", "production")
    return folder
