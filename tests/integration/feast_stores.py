"""Our reading of Feast's stores against Feast's own; run by `test_feast` where Feast is installed.

The servers are named by environment variables, so that all of it takes one import of Feast.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import psycopg
import pytest
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import (
    PostgreSQLSource,
)
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.type_map import NULL_TIMESTAMP_INT_VALUE
from feast.types import Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

from seatrial.adapters.features.feast_format import KeyFormat, read_time_us, read_value
from seatrial.adapters.features.feast_program import Program, _snapshot
from seatrial.adapters.features.feast_repository import FeastFolder, open_folder
from seatrial.adapters.features.redis import field_of
from seatrial.features import snapshot
from seatrial.features.join import point_in_time
from seatrial.features.online import State, Stored, judged
from seatrial.features.view import Field as OurField
from seatrial.features.view import Repository
from seatrial.features.view import ValueType as Kind

NOW = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
TTL = timedelta(hours=24)
BIG = 2**53 + 1  # no float holds what lies above it
REDIS = urlsplit(os.environ["SEATRIAL_TEST_REDIS_URL"])
POSTGRES = urlsplit(os.environ["SEATRIAL_TEST_POSTGRES_URL"])

ONLINE = {
    "sqlite": "  type: sqlite\n  path: data/online_store.db",
    "redis": f"  type: redis\n  connection_string: {REDIS.hostname}:{REDIS.port},db=1",
    "postgres": f"""\
  type: postgres
  host: {POSTGRES.hostname}
  port: {POSTGRES.port}
  database: {POSTGRES.path[1:]}
  db_schema: feast
  user: {POSTGRES.username}
  password: ${{FEAST_PASSWORD}}
  sslmode: disable""",
}
FEATURES = {
    "i32": (Int32, Kind.INT32),
    "i64": (Int64, Kind.INT64),
    "f32": (Float32, Kind.FLOAT),
    "f64": (Float64, Kind.DOUBLE),
    "text": (String, Kind.STRING),
    "flag": (Bool, Kind.BOOL),
    "raw": (Bytes, Kind.BYTES),
    "moment": (UnixTimestamp, Kind.UNIX_TIMESTAMP),
}
KEYS = [(1, "eu"), (2, "eu"), (-5, "Zürich"), (2**62, ""), (7, "us"), (8, "us")]
ABSENT = (99, "eu")


@dataclass
class Made:
    """A repository with values of each type online."""

    store: FeatureStore
    folder: FeastFolder
    repository: Repository

    def read(self, keys: list[tuple[Any, ...]], features: list[str] | None = None) -> list[Any]:
        """What we read of the view ``stats``, whose keys Feast orders by name."""
        view = self.repository.view("stats")
        names = [key.name for key in view.join_keys]
        ours = [
            tuple({"user_id": user, "shop": shop}[name] for name in names) for user, shop in keys
        ]
        online = self.folder.open_online(timeout_s=5.0)
        try:
            return online.read(view, features or list(FEATURES), ours)
        finally:
            online.close()


def frame() -> pd.DataFrame:
    """One row a key; some values are null, one row has none."""
    n = len(KEYS)
    events = [
        NOW - timedelta(hours=1, microseconds=123456),
        NOW - TTL,
        NOW - TTL - timedelta(seconds=1),
        NOW,
        NOW - timedelta(seconds=1),
        NOW - timedelta(days=30),
    ]
    return pd.DataFrame(
        {
            "user_id": pd.array([user for user, _ in KEYS], "int64"),
            "shop": [shop for _, shop in KEYS],
            "i32": pd.array([1, -1, 2**31 - 1, None, 0, 5], "Int32"),
            "i64": pd.array([2**60, -(2**60), 0, None, 7, 5], "Int64"),
            "f32": np.array([0.1, -0.0, 3e38, np.nan, 1.5, 5], "float32"),
            "f64": [0.1, -1e300, 5e-324, None, 2.0, 5.0],
            "text": ["a", "", "日本", None, "x" * 300, "five"],
            "flag": pd.array([True, False, True, None, False, True], "boolean"),
            "raw": [b"\x00\xff", b"", b"z", None, b"y" * 200, b"5"],
            "moment": pd.to_datetime(
                ["1969-12-31T23:59:58Z", "2026-01-01T00:00:00Z"] + [None] * (n - 2), utc=True
            ),
            "event_timestamp": pd.to_datetime(events, utc=True),
            "created": pd.to_datetime([NOW] * n, utc=True),
        }
    )


@pytest.fixture(scope="module", autouse=True)
def servers() -> None:
    """A server of PostgreSQL in a zone that is not UTC, which Feast's times stumble over."""
    os.environ["FEAST_PASSWORD"] = POSTGRES.password or ""
    with psycopg.connect(os.environ["SEATRIAL_TEST_POSTGRES_URL"], autocommit=True) as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS feast")
        session.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")


@pytest.fixture(scope="module", params=list(ONLINE))
def made(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Made]:
    path: Path = tmp_path_factory.mktemp(request.param)
    (path / "data").mkdir()
    (path / "feature_store.yaml").write_text(
        f"project: shop_{request.param}\nprovider: local\nregistry: data/registry.db\n"
        f"online_store:\n{ONLINE[request.param]}\n"
        "offline_store:\n  type: dask\nentity_key_serialization_version: 3\n"
    )
    frame().to_parquet(path / "data" / "stats.parquet")
    store = FeatureStore(repo_path=str(path))
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    shop = Entity(name="shop", join_keys=["shop"], value_type=ValueType.STRING)
    view = FeatureView(
        name="stats",
        entities=[user, shop],
        ttl=TTL,
        schema=[
            Field(name="user_id", dtype=Int64),
            Field(name="shop", dtype=String),
            *(Field(name=name, dtype=dtype) for name, (dtype, _) in FEATURES.items()),
        ],
        source=FileSource(
            name="source",
            path=str(path / "data" / "stats.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        ),
    )
    store.apply([user, shop, view, FeatureService(name="all", features=[view])])
    store.materialize(NOW - timedelta(days=60), NOW + timedelta(minutes=1))
    folder = open_folder(path)
    folder.keep(_snapshot(store))
    yield Made(store, folder, folder.repository())
    store.teardown()


def test_the_snapshot_says_what_is_registered(made: Made) -> None:
    view = made.repository.view("stats")
    assert {field.name: field.type for field in view.features} == {
        name: kind for name, (_, kind) in FEATURES.items()
    }
    assert {(key.name, key.type) for key in view.join_keys} == {
        ("user_id", Kind.INT64),
        ("shop", Kind.STRING),
    }
    assert view.ttl_us == TTL // timedelta(microseconds=1)
    assert len(made.repository.of_service("all")) == len(FEATURES)
    assert snapshot.from_record(_snapshot(made.store)) == made.repository


def test_every_value_is_the_one_that_feast_reads(made: Made) -> None:
    answer = made.store.get_online_features(
        features=[f"stats:{name}" for name in FEATURES],
        entity_rows=[{"user_id": user, "shop": shop} for user, shop in KEYS],
    ).proto
    names = list(answer.metadata.feature_names.val)
    ours = made.read(KEYS)
    n_null = 0
    for name in FEATURES:
        for i, theirs in enumerate(answer.results[names.index(name)].values):
            value = ours[i].values[name]
            kind = theirs.WhichOneof("val")
            expected = None if kind is None else getattr(theirs, kind)
            if expected == NULL_TIMESTAMP_INT_VALUE:
                expected = None
            n_null += expected is None
            assert value == expected, (name, i)
            assert read_value(theirs.SerializeToString()) == value
    assert n_null == 7 + 4
    assert [stored.values["i64"] for stored in ours] == [2**60, -(2**60), 0, None, 7, 5]


def test_event_times_are_those_of_the_source(made: Made) -> None:
    whole_seconds = made.folder.online["type"] == "sqlite"
    for stored, event in zip(made.read(KEYS), frame()["event_timestamp"], strict=True):
        exact = event.to_pydatetime()
        expected = exact.replace(microsecond=0) if whole_seconds else exact
        assert stored.event_us == round(expected.timestamp() * 1e6)


def test_what_was_never_written_is_not_there(made: Made) -> None:
    assert made.read([ABSENT, KEYS[0], ABSENT])[0::2] == [None, None]
    assert made.read([]) == []


def test_hundreds_of_keys_are_read_in_their_order(made: Made) -> None:
    keys = [KEYS[i % len(KEYS)] if i % 7 else (10_000 + i, "eu") for i in range(1_200)]
    read = made.read(keys, ["i64"])
    expected = dict(zip(KEYS, [2**60, -(2**60), 0, None, 7, 5], strict=True))
    for key, stored in zip(keys, read, strict=True):
        assert (None if stored is None else stored.values) == (
            {"i64": expected[key]} if key in expected else None
        )


def test_what_counts_online_is_what_the_join_keeps_offline(made: Made) -> None:
    """Feast's own online read hands out four of these that its join leaves out."""
    view = made.repository.view("stats")
    moments = [NOW, NOW + timedelta(hours=1), NOW - timedelta(minutes=30), NOW + timedelta(days=40)]
    n_hidden = 0
    for now in moments:
        asked = pd.DataFrame(
            {
                "user_id": [user for user, _ in KEYS],
                "shop": [shop for _, shop in KEYS],
                "event_timestamp": [now] * len(KEYS),
            }
        )
        joined = made.store.get_historical_features(asked, ["stats:text"]).to_df()
        kept = {
            (row.user_id, row.shop): row.text
            for row in joined.itertuples()
            if not pd.isna(row.text)
        }
        for key, stored in zip(KEYS, made.read(KEYS, ["text"]), strict=True):
            read = judged(stored, view, "text", now_us=round(now.timestamp() * 1e6))
            assert read.value == kept.get(key), (now, key)
            n_hidden += read.state is State.STALE
    assert n_hidden >= 8


def test_feast_itself_hands_out_what_expired(made: Made) -> None:
    """The reason for our own reading; when this fails Feast has changed, and ADR 0032 with it."""
    answer = made.store.get_online_features(
        features=["stats:text"], entity_rows=[{"user_id": 8, "shop": "us"}]
    ).to_dict()
    assert answer["text"] == ["five"]


@pytest.mark.parametrize("names", [["a"], ["b", "a"], ["k" * 40, "é", "Z"]])
def test_entity_keys_are_the_bytes_of_feast(names: list[str]) -> None:
    values = {
        Kind.INT64: [0, -1, 2**63 - 1],
        Kind.INT32: [0, -(2**31)],
        Kind.STRING: ["", "a", "é\x00"],
        Kind.BYTES: [b"", b"\xff"],
        Kind.UNIX_TIMESTAMP: [-1, 10**10],
    }
    fields = {
        Kind.INT64: "int64_val",
        Kind.INT32: "int32_val",
        Kind.STRING: "string_val",
        Kind.BYTES: "bytes_val",
        Kind.UNIX_TIMESTAMP: "unix_timestamp_val",
    }
    for kind, several in values.items():
        form = KeyFormat([OurField(name, kind) for name in names])
        for value in several:
            theirs = EntityKey(
                join_keys=names, entity_values=[ValueProto(**{fields[kind]: value})] * len(names)
            )
            expected = serialize_entity_key(theirs, entity_key_serialization_version=3)
            assert form.pack((value,) * len(names)) == expected


def test_hash_fields_are_those_of_feast() -> None:
    for text in ("stats:f", "a:bc", "é:日本", "view_with_a_long_name:feature_number_17"):
        view, feature = text.split(":")
        assert field_of(view, feature) == _mmh3(text)


def test_times_before_1970_are_read() -> None:
    from google.protobuf.timestamp_pb2 import Timestamp

    for us in (0, 1, -1, 1_773_144_000_123_456, -123_456_789):
        message = Timestamp()
        message.FromMicroseconds(us)
        assert read_time_us(message.SerializeToString()) == us


@pytest.fixture(scope="module", params=["dask", "postgres"])
def history(request: pytest.FixtureRequest, tmp_path_factory: Any) -> FeatureStore:
    """A store whose source has ties, gaps and rows at the very ends of the TTL."""
    path: Path = tmp_path_factory.mktemp(f"history-{request.param}")
    rng = np.random.default_rng(11)
    n = 400
    hours = rng.integers(0, 60, n)
    source = pd.DataFrame(
        {
            "user_id": rng.integers(0, 12, n),
            "value": BIG + np.arange(n, dtype=np.int64),
            "event_timestamp": NOW - pd.to_timedelta(hours, unit="h"),
            # Distinct, so that the join is decided: of equal event times the last written counts.
            "created": NOW + pd.to_timedelta(rng.permutation(n), unit="s"),
        }
    )
    source.to_parquet(path / "source.parquet")
    if request.param == "dask":
        offline = "  type: dask"
        batch: Any = FileSource(
            name="history",
            path=str(path / "source.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        )
    else:
        offline = ONLINE["postgres"]
        batch = PostgreSQLSource(
            name="history",
            query='SELECT * FROM "feast"."history"',
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        )
        with psycopg.connect(os.environ["SEATRIAL_TEST_POSTGRES_URL"], autocommit=True) as session:
            session.execute(
                "CREATE TABLE feast.history (user_id bigint, value bigint, "
                "event_timestamp timestamptz, created timestamptz)"
            )
            with session.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO feast.history VALUES (%s, %s, %s, %s)",
                    [tuple(row) for row in source.astype(object).itertuples(index=False)],
                )
    (path / "feature_store.yaml").write_text(
        f"project: history\nprovider: local\nregistry: registry.db\nonline_store: null\n"
        f"offline_store:\n{offline}\nentity_key_serialization_version: 3\n"
    )
    store = FeatureStore(repo_path=str(path))
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[user],
            ttl=ttl,
            schema=[Field(name="user_id", dtype=Int64), Field(name="value", dtype=Int64)],
            source=batch,
            online=False,
        )
        for name, ttl in (("short", timedelta(hours=6)), ("ever", timedelta(0)))
    ]
    store.apply([user, *views])
    return store


@pytest.mark.parametrize(("view", "ttl_us"), [("short", 6 * 3600 * 10**6), ("ever", None)])
def test_our_join_is_feasts_join(
    history: FeatureStore, tmp_path: Path, view: str, ttl_us: int | None
) -> None:
    """The same rows, to the last microsecond; those that Feast drops come back as null."""
    from pyarrow import feather

    path = Path(history.repo_path) / "source.parquet"
    source = pd.read_parquet(path)
    rng = np.random.default_rng(3)
    users = rng.integers(0, 14, 150)
    times = NOW - pd.to_timedelta(rng.integers(-2, 70, 150), unit="h")
    times = times + pd.to_timedelta(rng.integers(-1, 2, 150), unit="us")
    asked = pd.DataFrame({"user_id": users, "event_timestamp": times})
    asked = pd.concat([asked, asked.head(20)], ignore_index=True)
    feather.write_feather(asked, str(tmp_path / "rows"))
    program = Program.__new__(Program)
    program._store = history
    program.join(str(tmp_path / "rows"), [f"{view}:value"], str(tmp_path / "values"))
    told = feather.read_table(str(tmp_path / "values"))[f"{view}__value"].to_pylist()
    found = point_in_time(
        key=asked["user_id"].to_numpy(),
        time_us=_us(asked["event_timestamp"]),
        source_key=source["user_id"].to_numpy(),
        event_us=_us(source["event_timestamp"]),
        created_us=_us(source["created"]),
        ttl_us=ttl_us,
    )
    ours = [None if row < 0 else int(source["value"][row]) for row in found]
    if history.config.offline_store.type == "dask":
        # Its second sort is not stable, so that of equal event times any row may win.
        events = source["event_timestamp"]
        pairs = [pair for pair in zip(told, ours, strict=True) if pair[0] != pair[1]]
        assert all(None not in pair for pair in pairs)
        assert all(events[one - BIG] == events[other - BIG] for one, other in pairs)
        assert len(pairs) < len(ours) / 4
    else:
        assert told == ours
    assert ours.count(None) > 5
    assert len(set(ours)) > 30


def test_the_newest_entities_are_found(history: FeatureStore, tmp_path: Path) -> None:
    from pyarrow import feather

    source = pd.read_parquet(Path(history.repo_path) / "source.parquet")
    program = Program.__new__(Program)
    program._store = history
    told = program.keys("short", 5, NOW.timestamp(), str(tmp_path / "keys"))
    found = feather.read_feather(str(tmp_path / "keys"))["user_id"].tolist()
    assert told == {"n": len(found)}
    assert len(set(found)) == len(found) == 5
    inside = source[source["event_timestamp"] >= NOW - timedelta(hours=6)]
    latest = inside.groupby("user_id")["event_timestamp"].max().sort_values(ascending=False)
    assert sorted(latest[found], reverse=True) == latest.head(5).tolist()


def _us(times: Any) -> Any:
    return times.astype("datetime64[us, UTC]").astype("int64").to_numpy()


def test_a_stored_value_knows_what_was_not_written(made: Made) -> None:
    """A feature that was added after the last materialization is missing, not null."""
    view = made.repository.view("stats")
    stored = made.read([KEYS[0]], ["i64"])[0]
    assert isinstance(stored, Stored)
    later = judged(stored, view, "added", now_us=stored.event_us)
    assert later.state is State.MISSING
