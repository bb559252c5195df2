"""Feast's BigQuery offline store beside an emulator; run by `test_feast` where both are installed.

Three things keep the unchanged client from the emulator, and are undone here: small uploads go in
one piece, results come by another service, and tables of a script outlive it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import google.cloud.bigquery.client as client_module
import numpy as np
import pandas as pd
import pytest
from feast import BigQuerySource, Entity, FeatureStore, FeatureView, Field, ValueType
from feast.infra.offline_stores import bigquery as feast_bigquery
from feast.types import Int64
from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from pyarrow import feather

from seatrial.adapters.features.feast_program import Program, _snapshot
from seatrial.adapters.features.feast_repository import open_folder
from seatrial.features.join import point_in_time
from seatrial.features.online import judged

NOW = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
TTL = timedelta(hours=6)
URL = os.environ["SEATRIAL_TEST_BIGQUERY_URL"]


def make_client(*_: Any, **__: Any) -> bigquery.Client:
    return bigquery.Client(
        project="test",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": URL},
    )


@pytest.fixture(scope="module")
def client() -> Iterator[bigquery.Client]:
    patch = pytest.MonkeyPatch()
    patch.setattr(client_module, "_MAX_MULTIPART_SIZE", 0)
    patch.setattr(bigquery.Client, "_ensure_bqstorage_client", lambda *_, **__: None)
    patch.setattr(feast_bigquery, "_get_bigquery_client", make_client)
    client = make_client()
    until_s = time.monotonic() + 60
    while True:
        try:
            client.query("SELECT 1").result(retry=None, timeout=5)
            break
        except (GoogleAPIError, OSError):
            assert time.monotonic() < until_s, "the emulator does not answer"
            time.sleep(0.2)
    client.create_dataset("feast")
    client.create_dataset("shop")
    yield client
    patch.undo()


@pytest.fixture(scope="module")
def source() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 300
    frame = pd.DataFrame(
        {
            "user_id": rng.integers(0, 12, n),
            "value": np.arange(n, dtype=np.int64),
            "event_timestamp": NOW - pd.to_timedelta(rng.integers(0, 60, n), unit="h"),
            "created": NOW + pd.to_timedelta(rng.permutation(n), unit="s"),
        }
    )
    stamps = dict.fromkeys(("event_timestamp", "created"), "datetime64[us, UTC]")
    return frame.astype(stamps)


@pytest.fixture(scope="module")
def store(client: bigquery.Client, source: pd.DataFrame, tmp_path_factory: Any) -> FeatureStore:
    client.load_table_from_dataframe(source, "test.shop.stats").result()
    path: Path = tmp_path_factory.mktemp("bigquery")
    (path / "feature_store.yaml").write_text(
        "project: shop\nprovider: local\nregistry: registry.db\n"
        "online_store:\n  type: sqlite\n  path: online.db\n"
        "offline_store:\n  type: bigquery\n  project_id: test\n  dataset: feast\n"
        "entity_key_serialization_version: 3\n"
    )
    store = FeatureStore(repo_path=str(path))
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="stats",
        entities=[user],
        ttl=TTL,
        schema=[Field(name="user_id", dtype=Int64), Field(name="value", dtype=Int64)],
        source=BigQuerySource(
            name="source",
            table="test.shop.stats",
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        ),
    )
    store.apply([user, view])
    return store


def us(times: Any) -> Any:
    return pd.Series(times).astype("datetime64[us, UTC]").astype("int64").to_numpy()


def test_our_join_is_that_of_bigquery(
    store: FeatureStore, client: bigquery.Client, source: pd.DataFrame, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    times = NOW - pd.to_timedelta(rng.integers(-2, 70, 120), unit="h")
    times = times + pd.to_timedelta(rng.integers(-1, 2, 120), unit="us")
    asked = pd.DataFrame({"user_id": rng.integers(0, 14, 120), "event_timestamp": times})
    feather.write_feather(asked, str(tmp_path / "rows"))
    program = Program.__new__(Program)
    program._store = store
    program.join(str(tmp_path / "rows"), ["stats:value"], str(tmp_path / "values"))
    theirs = feather.read_feather(str(tmp_path / "values"))["stats__value"]
    found = point_in_time(
        key=asked["user_id"].to_numpy(),
        time_us=us(asked["event_timestamp"]),
        source_key=source["user_id"].to_numpy(),
        event_us=us(source["event_timestamp"]),
        created_us=us(source["created"]),
        ttl_us=TTL // timedelta(microseconds=1),
    )
    ours = [None if row < 0 else int(source["value"][row]) for row in found]
    assert [None if pd.isna(value) else int(value) for value in theirs] == ours
    assert 5 < ours.count(None) < 115


def test_what_is_materialized_from_it_is_read_online(
    store: FeatureStore, source: pd.DataFrame
) -> None:
    store.materialize(NOW - timedelta(hours=60), NOW + timedelta(minutes=1))
    folder = open_folder(Path(store.repo_path))
    folder.keep(_snapshot(store))
    view = folder.repository().view("stats")
    online = folder.open_online(timeout_s=5.0)
    read = online.read(view, ["value"], [(user,) for user in range(14)])
    online.close()
    now_us = round(NOW.timestamp() * 1e6)
    newest = point_in_time(
        key=np.arange(14),
        time_us=np.full(14, now_us),
        source_key=source["user_id"].to_numpy(),
        event_us=us(source["event_timestamp"]),
        created_us=us(source["created"]),
        ttl_us=TTL // timedelta(microseconds=1),
    )
    expected = [None if row < 0 else int(source["value"][row]) for row in newest]
    assert [judged(one, view, "value", now_us=now_us).value for one in read] == expected
    assert 0 < expected.count(None) < 14
