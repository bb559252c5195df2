"""Features that dbt and Spark make, to the answers of a model; and Spark as Feast's offline store.

What the page on features says is run as it stands, each tool in an environment of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from environments import ROOT, environment
from test_feast import PINS as FEAST

from seatrial.adapters.features.feast_child import FeastChild
from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.feast_scaffold import DATA, write_repository
from seatrial.features.offline import EntityRow
from seatrial.features.online import State
from seatrial.wiring.features.commands import read_online

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DBT = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1")
SPARK = ("pyspark==4.3.0",)
FEAST_ON_SPARK = ("feast[postgres,redis]==0.67.0", *SPARK, "pytest>=8.3")
TABLE = "data/user_stats.parquet"
DAY = timedelta(days=1)
SPARK_SETTINGS = """\
  type: spark
  spark_conf:
    spark.master: local[1]
    spark.ui.enabled: "false"
    spark.driver.bindAddress: 127.0.0.1
    spark.driver.host: 127.0.0.1
    spark.sql.session.timeZone: UTC
    spark.sql.shuffle.partitions: "1"
"""


def page_block() -> str:
    """The commands of the page, as they stand."""
    text = (ROOT / "docs" / "how-to" / "features.md").read_text("utf-8")
    (found,) = re.findall(r"^```sh sources\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


class Shop:
    """A copy of the example, with the programs that the page names on the path."""

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        self.folder = folder
        self.said = ""
        shutil.copytree(ROOT / "examples" / "features", folder, dirs_exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = folder / "seatrial.yaml"
        settings.write_text(settings.read_text() + f"server: {{port: {self.port}}}\n")
        dbt = environment(config, "dbt-duckdb-1.11.1", DBT).parent / "dbt"
        programs = folder / "bin"
        programs.mkdir()
        for name, command in {
            "dbt": str(dbt),
            "python": sys.executable,
            "seatrial": f"{sys.executable} -m seatrial",
        }.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (programs / name).chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "TZ": "Asia/Tokyo",  # the zone of a machine changes nothing
            "SEATRIAL_FEATURES__PYTHON": str(environment(config, "feast-gcp-0.67.0", FEAST)),
        }

    def run(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", commands.replace("8080", str(self.port))],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stats(self) -> pd.DataFrame:
        """The table of features, its times in UTC."""
        found = pd.read_parquet(self.folder / TABLE)
        found["event_timestamp"] = pd.to_datetime(found["event_timestamp"], utc=True)
        return found.sort_values(["user_id", "event_timestamp"], ignore_index=True)


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Shop]:
    """After all that the page says, served."""
    shop = Shop(tmp_path_factory.mktemp("shop"), request.config)
    try:
        shop.said = shop.run(page_block())
        yield shop
    finally:
        subprocess.run(
            [sys.executable, "-m", "seatrial", "down"],
            cwd=shop.folder, env=shop.environment, check=False, capture_output=True,
        )  # fmt: skip


def test_the_model_answers_for_an_entity(shop: Shop) -> None:
    said = shop.said
    (answer,) = json.loads(said[said.index('{"predictions"') :])["predictions"]
    keys = {"name": "entity.user_id", "shape": [1], "datatype": "INT64", "data": [7]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{shop.port}/v2/models/orders-again/infer",
        json.dumps({"inputs": [keys]}).encode(),
    )
    with urllib.request.urlopen(request) as reply:
        outputs = {one["name"]: one["data"] for one in json.load(reply)["outputs"]}
    assert outputs == {"label": [answer["label"]], "probabilities": answer["probabilities"]}
    newest = shop.stats().groupby("user_id").tail(1).set_index("user_id").loc[7]
    whole = {"purchase_count_30d": int(newest.purchase_count_30d), "avg_order_value": 0.0}
    if newest.purchase_count_30d:
        whole["avg_order_value"] = float(newest.avg_order_value)
    request = urllib.request.Request(
        f"http://127.0.0.1:{shop.port}/v1/models/orders-again:predict",
        json.dumps({"instances": [whole]}).encode(),
    )
    with urllib.request.urlopen(request) as reply:
        assert json.load(reply)["predictions"] == [answer]


def test_the_training_set_knows_what_was_known(shop: Shop) -> None:
    """Counted anew from the orders: those of the 30 days before the last midnight."""
    orders = pd.read_csv(shop.folder / "raw" / "orders.csv", parse_dates=["ordered_at"])
    times = {user: some["ordered_at"] for user, some in orders.groupby("user_id")}
    training = pd.read_parquet(shop.folder / "training.parquet")
    labels = pd.read_csv(shop.folder / "raw" / "labels.csv")
    assert training["orders_again"].tolist() == labels["orders_again"].tolist()
    first = orders["ordered_at"].max().floor("D") - 39 * DAY
    n_known = 0
    for row in training.itertuples():
        midnight = row.event_timestamp.floor("D")
        if row.user_id not in times or midnight < first:
            assert pd.isna(row.purchase_count_30d)
            continue
        before = times[row.user_id]
        n = ((before >= midnight - 30 * DAY) & (before < midnight)).sum()
        assert row.purchase_count_30d == n
        n_known += 1
    assert n_known > 500


def test_the_spark_job_makes_the_same_features(shop: Shop, pytestconfig: pytest.Config) -> None:
    """And Feast takes them: the folder of files in the place of the file."""
    by_dbt = shop.stats()
    python = environment(pytestconfig, "pyspark-4.3.0", SPARK)
    (shop.folder / TABLE).unlink()
    shop.run(f"{python} spark_job.py")
    assert (shop.folder / TABLE).is_dir()
    pd.testing.assert_frame_equal(
        shop.stats(), by_dbt, check_dtype=False, check_index_type=False, rtol=1e-12
    )
    shop.run("seatrial features materialize --since 3d")
    shop.run("seatrial features serve-check --service user_activity")


def test_spark_is_an_offline_store(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Its joins are held against a loop over all rows, what it materializes against its joins."""
    now = datetime.now(UTC)
    settings, definitions, _ = write_repository(tmp_path / "f", project="users", now=now)
    settings.write_text(settings.read_text().replace("  type: dask\n", SPARK_SETTINGS))
    text = (
        definitions.read_text().replace(" FileSource,", "").replace("FileSource(", "SparkSource(")
    )
    path = tmp_path / "f" / DATA
    text = text.replace(f'path="{DATA}",', f'path="{path}", file_format="parquet",')
    at = "feast.infra.offline_stores.contrib.spark_offline_store.spark_source"
    definitions.write_text(
        text.replace("from feast.types", f"from {at} import SparkSource\nfrom feast.types")
    )
    source = pd.read_parquet(path)
    folder = open_folder(tmp_path / "f")
    chance = [(1 + 7 * i % 104, now - timedelta(hours=11 * i)) for i in range(60)]
    rows = [EntityRow(key={"user_id": u}, time_us=round(t.timestamp() * 1e6)) for u, t in chance]
    python = environment(pytestconfig, "feast-spark-0.67.0", FEAST_ON_SPARK)
    with FeastChild(folder.path, python=str(python)) as child:
        folder.keep(child.apply())
        selected = folder.repository().of_service("user_activity")
        found = child.join(rows, selected)
        end_s = now.timestamp()
        folder.keep(child.materialize(start_s=end_s - 3 * 86_400, end_s=end_s))
    n_known = 0
    for (user, moment), (purchases, _) in zip(chance, found, strict=True):
        seen = source[
            (source["user_id"] == user)
            & (source["event_timestamp"] <= moment)
            & (source["event_timestamp"] >= moment - DAY)
        ].sort_values("event_timestamp")
        assert purchases == (None if seen.empty else seen["purchase_count_30d"].iloc[-1])
        n_known += purchases is not None
    assert n_known > 40
    newest = (
        source.sort_values("event_timestamp")
        .groupby("user_id")
        .tail(1)
        .set_index("user_id")
        .sort_index()
    )
    users = [{"user_id": user} for user in range(1, 101)]
    reads = read_online(folder, selected, users, at_us=round(end_s * 1e6))
    assert {read[0].state for read in reads} == {State.PRESENT}
    assert [read[0].value for read in reads] == newest["purchase_count_30d"].loc[1:100].tolist()
    origin = folder.repository().origins["user_stats"]
    assert origin.kind == "SparkSource"
    assert origin.materialized_us == pytest.approx(end_s * 1e6, abs=1e6)
