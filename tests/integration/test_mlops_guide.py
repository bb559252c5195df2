"""The guide to patterns of MLOps, run as it stands: Feast, MLflow, a server, a release, another.

What it shows is that a model is trained anew on what the feature store knew at the time of each
label, and takes over by itself.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import kubernetes_validate
import pandas as pd
import pytest
import yaml
from environments import ROOT, environment
from test_feast import PINS as FEAST
from test_mlflow_registry import PINS as MLFLOW

from seatrial.adapters.store.sqlite import SqliteStore
from tests.journeys.retraining_world import QUICK

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GUIDE = ROOT / "references" / "mlops_production_patterns.md"
DAY = pd.Timedelta(days=1)
FEATURES = ["purchase_count_30d", "avg_order_value"]


def of_the_guide(language: str) -> list[str]:
    """The blocks that are for this test, in order."""
    text = GUIDE.read_text("utf-8")
    return re.findall(rf"^```{language} shop\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Shop:
    """A copy of the example, with the programs that the guide names on the path."""

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "examples" / "shop", folder, dirs_exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        settings = yaml.safe_load((folder / "seatrial.yaml").read_text("utf-8"))
        quick = {"server": {"port": self.port}, "release": QUICK}
        (folder / "seatrial.yaml").write_text(yaml.safe_dump(settings | quick), "utf-8")
        python = environment(config, "mlflow-registry-3.17.2", MLFLOW)
        programs = folder / "bin"
        programs.mkdir()
        for name, command in {"python": f"{python}", "seatrial": f"{python} -m seatrial"}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (programs / name).chmod(0o755)
        ours = {k: v for k, v in os.environ.items() if k != "SEATRIAL_HOME"}
        self.environment = {
            **ours,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "TZ": "Asia/Tokyo",  # the zone of a machine changes nothing
            "SEATRIAL_FEATURES__PYTHON": str(environment(config, "feast-gcp-0.67.0", FEAST)),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bash(self, text: str) -> str:
        text = text.replace("cd examples/shop\n", "").replace("8080", str(self.port))
        return self.run("bash", "-e", "-c", f"exec 2>&1\n{text}")

    def promoted(self) -> list[int]:
        """The versions that took over, in order."""
        store = SqliteStore(self.folder / ".seatrial" / "seatrial.db", busy_timeout_s=60.0)
        facts = store.read(stream="endpoint/orders-again", limit=10_000)
        store.close()
        return [fact.data["version"] for fact in facts if fact.kind == "release.promoted"]

    def rows_of(self, run: int) -> pd.DataFrame:
        """What a retraining was given, the oldest first."""
        folder = self.folder / ".seatrial" / "retraining" / f"orders-again-{run}"
        parts = [pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "holdout")]
        return pd.concat(parts, ignore_index=True)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, request.config)
    try:
        yield shop
    finally:
        subprocess.run(
            ["seatrial", "down"], cwd=shop.folder, env=shop.environment, check=False,
            executable=str(shop.folder / "bin" / "seatrial"), capture_output=True,
        )  # fmt: skip


class Traffic(threading.Thread):
    """Asks for one user after the other, whichever version answers."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.url = f"http://127.0.0.1:{port}/v1/models/orders-again:predict"
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            user = random.randint(1, 100)
            body = json.dumps({"instances": [{"entity": {"user_id": user}}]}).encode()
            request = urllib.request.Request(self.url, body, {"x-seatrial-key": f"user-{user}"})
            with suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()


def known(shop: Shop, n: int) -> pd.DataFrame:
    """The newest labels with what was known at their times, found by a loop over all rows."""
    stats = pd.read_parquet(shop.folder / "features" / "data" / "user_stats.parquet")
    labels = pd.read_csv(shop.folder / "labels.csv", parse_dates=["event_timestamp"])
    labels = labels.sort_values("event_timestamp", kind="stable").tail(n).reset_index(drop=True)
    of_user = {user: some.sort_values("event_timestamp") for user, some in stats.groupby("user_id")}
    found: list[Any] = []
    for row in labels.itertuples():
        some = of_user[row.user_id]
        at = some["event_timestamp"]
        seen = some[(at <= row.event_timestamp) & (at >= row.event_timestamp - DAY)]
        found.append(seen[FEATURES].iloc[-1].tolist() if len(seen) else [0, None])
    joined = pd.DataFrame(found, columns=FEATURES).astype("float64")
    return joined.assign(orders_again=labels["orders_again"])


def figureless(line: str) -> str:
    """A line with other figures in it is the same line."""
    return re.sub(r"\d[\d.,]*", "0", line)


def test_the_guide_does_what_it_says(shop: Shop) -> None:
    first, *between, last = of_the_guide("sh")
    said = shop.bash(first)
    (answer,) = json.loads(said[said.index('{"predictions"') :])["predictions"]
    assert set(answer) == {"label", "probabilities"}
    (shown,) = re.findall(r"^```text\n(  ✓.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.DOTALL)
    assert {figureless(line) for line in shown.splitlines()} <= set(
        map(figureless, said.splitlines())
    )
    for block in between:
        shop.bash(block)

    manifests = shop.folder / ".seatrial" / "releases" / "orders-again" / "1" / "kubernetes"
    kinds = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(manifests.iterdir())]
    for manifest in kinds:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    assert len(kinds) == 5

    traffic = Traffic(shop.port)
    traffic.start()
    try:
        shop.bash(last)
    finally:
        traffic.over.set()
    assert shop.promoted() == [1, 2]

    rows = shop.rows_of(2)
    assert list(rows.columns) == [*FEATURES, "orders_again"]
    expected = known(shop, len(rows))
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
    assert len(rows) > 3_500
    assert rows["avg_order_value"].isna().any()

    (program,) = of_the_guide("python")
    told = shop.run("python", "-c", program)
    runs = re.findall(r"orders-again-\d", told)
    assert sorted(runs) == ["orders-again-1", "orders-again-2"], told
    assert told.count("FINISHED") == 2
