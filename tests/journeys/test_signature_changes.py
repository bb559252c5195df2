"""A version that takes something else: by deploying, by the registry, by retraining; all refused.

Each way says so at the earliest step that can know, production answers as before, and the console
tells it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import joblib
import pytest
from chromium import LOOKS, launched, visited
from playwright.sync_api import expect
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.journeys.retraining_world import NEW, OLD, Server, World, retraining, rows, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

REFUSED = "deploy.signature_changed"
CHANGES = {
    "wider": "the feature 'd' is new",
    "renamed": "the feature 'b' is gone",
    "typed": "the feature 'b' is string, not float64",
}


def changed(frame: Any, change: str) -> Any:
    """The rows, as the next version finds them."""
    match change:
        case "wider":
            return frame.assign(d=frame.a - frame.c)
        case "renamed":
            return frame.rename(columns={"b": "beta"})
    return frame.assign(b=frame.b.gt(0).map({True: "high", False: "low"}))


def model_of(frame: Any) -> Any:
    x, y = frame.drop(columns="y"), frame["y"]
    if "b" in x and x.b.dtype.kind != "f":
        words = make_column_transformer((OneHotEncoder(), ["b"]), remainder="passthrough")
        return make_pipeline(words, LogisticRegression()).fit(x, y)
    return LogisticRegression().fit(x, y)


class Changing:
    """A server whose endpoint has a version in production, and what is tried with it."""

    def __init__(self, world: World, server: Server) -> None:
        self.world, self.server = world, server

    def get(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.server.address + path, data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def seatrial(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seatrial", *arguments, "--home", str(self.world.home)]
        return subprocess.run(
            [*command, "--config", "seatrial.yaml"],
            cwd=self.world.folder,
            timeout=120,
            capture_output=True,
            text=True,
            check=False,
        )

    def arrival(self, number: int) -> Any:
        arrivals = self.get("/api/registry")["arrivals"]
        return next((a for a in arrivals if a["number"] == number and a["outcome"]), None)

    def retrained(self, name: str, step: str) -> Any:
        """A step of the newest run, once it has failed or finished."""

        def rested() -> Any:
            run = self.get(f"/api/retraining/{name}")["run"]
            found = next(s for s in (run or {"steps": []})["steps"] if s["name"] == step)
            return found if found["status"] in ("failed", "finished") else None

        return until(f"{step} of {name}", rested)

    def check_production(self) -> None:
        """Version 1 answers, and no release of another has begun."""
        endpoint = self.get("/api/endpoints/churn")
        assert endpoint["stable"] == 1
        facts = self.get("/api/endpoints/churn/history")
        assert [f["data"]["version"] for f in facts if f["kind"] == "release.started"] == [1]
        answer = self.get("/v1/models/churn:predict", {"instances": [[0.1, 0.2, 0.3]]})
        assert len(answer["predictions"]) == 1


def test_another_signature_never_reaches_production_and_is_told(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        {"churn": retraining("train"), "wide": retraining("wider")},
        registry={"models": {"churn": {}}},
    )
    old = rows(2000, OLD).drop(columns="at")
    joblib.dump(model_of(old), tmp_path / "model.pkl")
    for change in CHANGES:
        frame = changed(old, change)
        frame.to_parquet(tmp_path / f"{change}.parquet")
        joblib.dump(model_of(frame), tmp_path / f"{change}.pkl")
    with world.up() as server:
        at = Changing(world, server)
        order = ["--data", "old.parquet", "--label", "y", "--target", "production"]
        for name in ("churn", "wide"):
            done = at.seatrial("deploy", "model.pkl", "--name", name, *order)
            assert done.returncode == 0, done.stderr
        _deployed(at)
        _registered(at)
        _retrained(at)
        at.check_production()
        _shown(server)


def _deployed(at: Changing) -> None:
    for change, said in CHANGES.items():
        order = ["--name", "churn", "--data", f"{change}.parquet", "--label", "y"]
        done = at.seatrial("deploy", f"{change}.pkl", *order, "--target", "production", "--json")
        assert done.returncode not in (0, 3, 4), done.stdout
        assert REFUSED in done.stdout + done.stderr
        assert said in done.stdout + done.stderr
        at.check_production()


def _registered(at: Changing) -> None:
    for number, (change, said) in enumerate(CHANGES.items(), start=1):
        order = ["--model", "churn", "--data", f"{change}.parquet", "--label", "y", "--no-wait"]
        done = at.seatrial("register", f"{change}.pkl", *order)
        assert done.returncode == 0, done.stderr
        arrival = until("its end", lambda number=number: at.arrival(number))
        assert (arrival["outcome"], arrival["code"]) == ("failed", REFUSED)
        assert said in arrival["reason"]
        at.check_production()


def _retrained(at: Changing) -> None:
    fresh = rows(3000, NEW, seed=1, start="2026-11-10")
    for change in ("renamed", "typed"):
        changed(fresh, change).to_parquet(at.world.folder / "new.parquet")
        at.world.run("retrain", "now", "churn")
        step = at.retrained("churn", "rows")
        assert step["error"]["code"] == "retraining.schema_changed", step
        assert "'b'" in step["error"]["problem"]
        at.world.run("retrain", "cancel", "churn")
        at.check_production()
    fresh.to_parquet(at.world.folder / "new.parquet")
    at.world.run("retrain", "now", "wide")
    step = at.retrained("wide", "train")
    assert step["error"]["code"] == "training.model_unusable", step
    assert "'ratio'" in step["error"]["problem"]
    assert at.get("/api/endpoints/wide")["stable"] == 1
    changed(fresh, "wider").to_parquet(at.world.folder / "new.parquet")
    at.world.run("retrain", "now", "churn")
    step = at.retrained("churn", "rows")
    assert step["status"] == "finished", step
    assert "does not take them: d" in "\n".join(step["log"])


def _shown(server: Server) -> None:
    with launched() as browser, visited(browser, LOOKS["light-en"]) as visit:
        page = visit.page
        page.set_default_timeout(30_000)
        page.goto(server.address)
        expect(page.locator("body")).to_contain_text("the feature 'd' is new")
        visit.shoot("signature-changed")
        page.goto(f"{server.address}/retraining/wide")
        expect(page.locator(".stage.run-failed")).to_contain_text("ratio")
        visit.shoot("signature-changed-retraining")
        assert visit.fits()
        visit.check()
