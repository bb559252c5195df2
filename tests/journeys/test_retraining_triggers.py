"""Every trigger under `seatrial up`: what begins a retraining, and what comes of it."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import joblib
import numpy as np
import pytest

from tests.journeys.retraining_world import NEW, OLD, Traffic, World, retraining, rows, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LOG = {"source": "log"}
AT_ONCE: dict[str, Any] = {"cooldown": "0s", "quorum": {"k": 1, "n": 1}}
RETRAININGS = {
    "nightly": retraining(
        "train",
        budget={"runs_per_day": 1},
        triggers=[{"name": "cron", "kind": "schedule", "cron": "* * * * *"}],
    ),
    "hand": retraining("train"),
    "accuracy": retraining(
        "train",
        data=LOG,
        triggers=[
            {"name": "low", "kind": "performance", "metric": "accuracy", "under": 0.7} | AT_ONCE
        ],
    ),
    "lost": retraining("train", data=LOG, triggers=[{"name": "moved", "kind": "drift"} | AT_ONCE]),
    "calm": retraining(
        "train", data=LOG, triggers=[{"name": "shifted", "kind": "drift"} | AT_ONCE]
    ),
    "sgd": retraining(
        "further",
        data=LOG,
        incremental=True,
        cooldown="0s",
        triggers=[{"name": "more", "kind": "labels", "rows": 600}],
    ),
    "boosted": retraining(
        "boosted",
        data=LOG,
        incremental=True,
        cooldown="0s",
        triggers=[{"name": "more", "kind": "labels", "rows": 600}],
    ),
}
DEPLOYED = ("accuracy", "lost", "calm", "sgd", "boosted")
QUICKLY = {
    "server": {"log_sample_rate": 1.0, "log_every": "0.3s"},
    "monitoring": {
        "windows": {"every": "1s", "least_rows": 300},
        "performance": {"window_rows": 300},
    },
    "evaluation": {"latency_slack_ms": 1000.0, "margin": 0.1},
}


class Endpoints:
    """Asks endpoints of a server, and tells it what came true."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._numbers = itertools.count()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        request = urllib.request.Request(
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"content-type": "application/json"} | headers,
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def ask(self, endpoint: str, frame: Any) -> None:
        """Ask for all rows, as many at once as the log takes, and hand in their labels."""
        for start in range(0, len(frame), 60):
            part, n = frame.iloc[start : start + 60], next(self._numbers)
            values = part[["a", "b", "c"]].to_numpy().tolist()
            path, key = f"/v1/models/{endpoint}:predict", f"{endpoint}-{n}"
            self.call("POST", path, {"instances": values}, **{"x-request-id": key})
            labels = [{"id": f"{key}/{i}", "label": int(y)} for i, y in enumerate(part["y"])]
            self.call("POST", f"/api/endpoints/{endpoint}/labels", labels)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Of a retraining, the oldest first."""
        return list(reversed(self.call("GET", f"/api/retraining/{name}/history")))

    def step(self, name: str, step: str) -> dict[str, Any]:
        """Of the newest run."""
        run = self.call("GET", f"/api/retraining/{name}")["run"]
        return next(one for one in run["steps"] if one["name"] == step)

    def ended(self, name: str, n: int = 1) -> dict[str, Any]:
        """The run of that number, once it has ended."""

        def over() -> Any:
            runs = self.runs(name)
            return runs[n - 1] if len(runs) >= n and runs[n - 1]["outcome"] else None

        found: dict[str, Any] = until(f"run {n} of {name}", over, patience_s=400)
        return found


class Drifted(threading.Thread):
    """Asks an endpoint for rows that moved, and tells what came true of them, on and on."""

    def __init__(self, endpoints: Endpoints, endpoint: str, *of: Any) -> None:
        super().__init__(daemon=True)
        self.endpoints, self.endpoint, self.of = endpoints, endpoint, of
        self.over = threading.Event()

    def run(self) -> None:
        for n in itertools.count():
            with suppress(OSError):
                self.endpoints.ask(self.endpoint, shifted(15 if n else 900, *self.of, seed=50 + n))
            if self.over.wait(0.1):
                return


@contextmanager
def drifted(endpoints: Endpoints, **moved: tuple[np.ndarray, str]) -> Iterator[None]:
    """Rows that moved, for as long as it lasts."""
    with ExitStack() as stack:
        for name, of in moved.items():
            one = Drifted(endpoints, name, *of)
            one.start()
            stack.callback(one.over.set)
        yield


@contextmanager
def traffic(address: str, *names: str) -> Iterator[None]:
    """Requests of one row, for canaries to be judged by."""
    with ExitStack() as stack:
        for name in names:
            one = Traffic(name, pause_s=0.01)
            one.address = address
            one.start()
            stack.callback(one.over.set)
        yield


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    from sklearn.linear_model import LogisticRegression

    world = World(tmp_path_factory.mktemp("triggers"), RETRAININGS, **QUICKLY)
    seen, unseen = rows(2000, OLD), rows(1000, OLD, seed=3)
    model = LogisticRegression().fit(seen[["a", "b", "c"]], seen["y"])
    joblib.dump(model, world.folder / "model.pkl")
    unseen.drop(columns="at").to_parquet(world.folder / "unseen.parquet")
    with world.up() as server:
        files = ["--data", "old.parquet", "--holdout", "unseen.parquet", "--label", "y"]

        def deploy(name: str) -> None:
            order = ["model.pkl", "--name", name, *files, "--target", "production"]
            world.run("deploy", *order, within_s=600)

        with ThreadPoolExecutor() as at_once:
            list(at_once.map(deploy, DEPLOYED))
        yield Endpoints(server.address)


def shifted(n: int, weights: np.ndarray, column: str, seed: int) -> Any:
    """Rows of which a column moved far."""
    frame = rows(n, weights, seed=seed)
    frame[column] += 2.0
    chance = 1 / (1 + np.exp(-2 * (frame[["a", "b", "c"]].to_numpy() @ weights)))
    frame["y"] = (np.random.default_rng(seed).random(n) < chance).astype(np.int64)
    return frame


def test_each_trigger_begins_a_run_and_says_so(endpoints: Endpoints) -> None:
    endpoints.call("POST", "/api/retraining/hand/now", {"by": "anna", "reason": "a new tariff"})
    endpoints.ask("accuracy", rows(900, NEW, seed=5))
    with (
        traffic(endpoints.address, "accuracy"),
        drifted(endpoints, lost=(NEW, "b"), calm=(OLD, "a")),
    ):
        found = {name: endpoints.ended(name) for name in ("hand", "accuracy", "lost", "calm")}
        found["nightly"] = endpoints.ended("nightly")
    said = {name: (run["causes"][0]["rule"], run["outcome"]) for name, run in found.items()}
    assert said == {
        "hand": ("by hand", "promoted"),
        "accuracy": ("low", "promoted"),
        "lost": ("moved", "promoted"),
        "calm": ("shifted", "not_needed"),
        "nightly": ("cron", "promoted"),
    }
    assert "did not lose" in found["calm"]["reason"]
    assert found["lost"]["causes"][0]["asks"]
    assert not found["accuracy"]["causes"][0]["asks"]


def test_new_labelled_rows_continue_the_last_model(endpoints: Endpoints) -> None:
    """The first run is cold, for what was deployed is a graph; the second goes on from it."""
    names = ("sgd", "boosted")
    for n in (1, 2):
        for name in names:
            endpoints.ask(name, rows(600, NEW, seed=20 + n))
        with traffic(endpoints.address, *names):
            runs = [endpoints.ended(name, n) for name in names]
        assert [(r["causes"][0]["rule"], r["outcome"]) for r in runs] == [("more", "promoted")] * 2
        assert [endpoints.step(name, "train")["output"]["warm"] for name in names] == [n == 2] * 2
    gathered = endpoints.step("sgd", "rows")["output"]
    # What was kept back the first time, and what came since: less what is kept back now.
    assert gathered["n_train"] + gathered["n_holdout"] == 720
    assert f"warm {gathered['n_train']}" in endpoints.step("sgd", "train")["log"]
    assert "rounds 40" in endpoints.step("boosted", "train")["log"]
