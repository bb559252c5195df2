"""Feast itself, in an environment of its own: its stores, and our commands over it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, environment, passes

from seatrial.adapters.features.feast_child import FeastChild
from seatrial.cli.app import run
from seatrial.cli.exits import Exit

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FEAST = "feast[gcp,postgres,redis]==0.67.0"
PINS = (FEAST, "pytest>=8.3")
DUCKDB = "1.5.5"
BIGQUERY = (
    "bqemulator==1.4.0",
    f"duckdb=={DUCKDB}",
    f"duckdb-extensions=={DUCKDB}",
    f"duckdb-extension-icu=={DUCKDB}",
    f"duckdb-extension-spatial=={DUCKDB}",
    "numpy<2.4",
)
SERVICE = ("--service", "user_activity")

Command = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with Feast; kept in pytest's cache from run to run."""
    return environment(request.config, "feast-gcp-0.67.0", PINS)


def test_its_stores_are_read_as_feast_reads_them(
    python: Path, tmp_path: Path, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
    monkeypatch.setenv("SEATRIAL_TEST_REDIS_URL", redis_server.url)
    passes(python, ROOT / "tests" / "integration" / "feast_stores.py", tmp_path)


@pytest.fixture
def bigquery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An emulator of BigQuery, empty."""
    python = environment(request.config, "bqemulator-1.4.0", BIGQUERY)
    load = "from duckdb_extensions import import_extension; import_extension('spatial')"
    subprocess.run([python, "-c", load], check=True)
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(str(free.getsockname()[1]))
    rest, grpc = ports
    options = ["--ephemeral", "--project", "test", "--rest-port", rest, "--grpc-port", grpc]
    with (tmp_path / "emulator.log").open("w") as log:
        emulator = subprocess.Popen(
            [python.parent / "bqemulator", "start", *options], stdout=log, stderr=log
        )
        yield f"http://127.0.0.1:{rest}"
        emulator.kill()
        emulator.wait()


def test_bigquery_joins_as_we_do(
    python: Path, tmp_path: Path, bigquery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_TEST_BIGQUERY_URL", bigquery)
    passes(python, ROOT / "tests" / "integration" / "feast_bigquery.py", tmp_path)


class OneChild(FeastChild):
    """One process for several commands: each start of Feast takes ten seconds."""

    def __exit__(self, *_: object) -> None:
        """Goes on to the next command."""


@pytest.fixture
def command(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Command]:
    monkeypatch.chdir(tmp_path)
    child = OneChild(tmp_path / "features", python=str(python))
    monkeypatch.setattr("seatrial.wiring.features.commands.child_of", lambda config, folder: child)

    def ran(*arguments: str) -> tuple[int, Any]:
        code = run(("features", *arguments, "--json"))
        return code, json.loads(capsys.readouterr().out)

    yield ran
    child.close()


def test_a_repository_from_its_making_to_the_comparison(command: Command, tmp_path: Path) -> None:
    assert command("init")[0] == Exit.DONE
    assert command("apply") == (
        Exit.DONE,
        {"project": "users", "views": ["user_stats"], "services": ["user_activity"]},
    )
    code, checked = command("serve-check", *SERVICE)
    assert code == Exit.GATE_FAILED
    assert checked["features"][0]["differences"] == {"not_materialized": 100}

    assert command("materialize", "--since", "3d")[0] == Exit.DONE
    code, checked = command("serve-check", *SERVICE)
    assert (code, checked["n_entities"]) == (Exit.DONE, 100)

    code, got = command("get", *SERVICE, "--entity", "user_id=7", "--entity", "user_id=101")
    assert code == Exit.DONE
    online, missing = (one["features"] for one in got["entities"])
    assert [value["state"] for value in missing.values()] == ["missing", "missing"]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    code, got = command("get", *SERVICE, "--entity", "user_id=7", "--at", now)
    ((offline),) = (one["features"] for one in got["entities"])
    assert {name: value["value"] for name, value in offline.items()} == {
        name: value["value"] for name, value in online.items()
    }

    definitions = tmp_path / "features" / "definitions.py"
    definitions.write_text(definitions.read_text().replace("days=1", "minutes=30"))
    assert command("apply")[0] == Exit.DONE
    code, got = command("get", *SERVICE, "--entity", "user_id=7")
    assert {value["state"] for value in got["entities"][0]["features"].values()} == {"stale"}
    code, checked = command("serve-check", *SERVICE)
    assert code == Exit.INCONCLUSIVE
    users = tmp_path / "users.jsonl"
    users.write_text("".join(f'{{"user_id": {user}}}\n' for user in range(1, 121)))
    code, checked = command("serve-check", *SERVICE, "--entities", str(users))
    assert (code, checked["agrees"]) == (Exit.DONE, True)
    assert [one["n_expired_online"] for one in checked["features"]] == [100, 100]

    definitions.write_text("import nothing_of_this_name\n")
    code, told = command("apply")
    assert (code, told["error"]["code"]) == (Exit.UNEXPECTED, "features.feast_failed")
    assert "nothing_of_this_name" in told["error"]["problem"]


_KILLED = """
import sys
import pandas as pd
from feast import FeatureStore
from feast.feature_view import FeatureViewState
store = FeatureStore(repo_path=sys.argv[1])
view = store.get_feature_view("user_stats")
view.state = FeatureViewState.MATERIALIZING
store.registry.apply_feature_view(view, store.project, commit=True)
try:
    store.get_historical_features(
        entity_df=pd.DataFrame({"user_id": [1], "event_timestamp": [pd.Timestamp.now("UTC")]}),
        features=["user_stats:avg_order_value"],
    )
except ValueError as refused:
    print(refused)
"""


def test_a_materialization_that_was_killed_keeps_nobody_from_training(
    command: Command, tmp_path: Path, python: Path
) -> None:
    """Feast itself refuses to join until the view is materialized again; when it does not print
    so any more it has changed, and ADR 0041 with it."""
    assert command("init")[0] == Exit.DONE
    assert command("apply")[0] == Exit.DONE
    ran = subprocess.run(
        [python, "-c", _KILLED, tmp_path / "features"], capture_output=True, text=True, check=True
    )
    assert "MATERIALIZING" in ran.stdout
    rows = tmp_path / "rows.csv"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows.write_text(f"user_id,event_timestamp\n7,{now}\n101,{now}\n")
    code, told = command("training-set", str(rows), *SERVICE, "--out", str(tmp_path / "t.parquet"))
    assert (code, told["n_rows"]) == (Exit.DONE, 2)
    assert told["columns"][0]["n_null"] == 1
    assert command("materialize", "--since", "3d")[0] == Exit.DONE
    assert command("serve-check", *SERVICE)[0] == Exit.DONE


def test_a_limit_of_age_shortens_the_ttl_of_a_join(command: Command, tmp_path: Path) -> None:
    """The newest values of the repository are an hour old, and count a day."""
    assert command("init")[0] == Exit.DONE
    assert command("apply")[0] == Exit.DONE
    lookup = {"service": "user_activity", "max_age": "30m"}
    (tmp_path / "seatrial.yaml").write_text(
        json.dumps(
            {"features": {"endpoints": {"young": lookup, "old": lookup | {"max_age": "2h"}}}}
        )
    )
    rows = tmp_path / "rows.csv"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows.write_text("user_id,event_timestamp\n" + "".join(f"{u},{now}\n" for u in range(1, 6)))
    nulls = []
    for endpoint in ("young", "old", "young"):
        out = str(tmp_path / f"{endpoint}.parquet")
        code, told = command("training-set", str(rows), "--endpoint", endpoint, "--out", out)
        assert code == Exit.DONE
        nulls.append(told["columns"][0]["n_null"])
    assert nulls == [5, 0, 5]
