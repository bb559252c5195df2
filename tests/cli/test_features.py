"""`seatrial features` over Feast's files, with Feast itself played by the point-in-time join."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from seatrial.adapters.features.served_features import ServedFile
from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.exits import Exit
from seatrial.features.offline import EntityRow
from seatrial.features.online import Read, State, Value
from seatrial.features.served import Served
from seatrial.features.snapshot import to_record
from seatrial.features.view import (
    Field,
    Reference,
    Repository,
    Selected,
    Service,
    ValueType,
    View,
)
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.testing.memory_features import MemoryOfflineStore
from tests.conformance.feast_rows import SqliteRows

VIEW = View(
    name="user_stats",
    online_name="user_stats",
    join_keys=(Field("user_id", ValueType.INT64),),
    features=(
        Field("purchase_count_30d", ValueType.INT64),
        Field("avg_order_value", ValueType.DOUBLE),
    ),
    ttl_us=86_400 * 10**6,
)
REPOSITORY = Repository(
    project="users",
    views=(VIEW,),
    services=(
        Service(
            name="user_activity",
            features=tuple(Reference("user_stats", field.name) for field in VIEW.features),
        ),
    ),
)
NOW_US = int(time.time()) * 10**6
HOUR_US = 3600 * 10**6
SERVICE = ("--service", "user_activity")


class FakeFeast:
    """Answers as `FeastChild`, from rows in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, int, int, Mapping[str, Value]]] = []
        self.calls: list[Any] = []

    def apply(self) -> Mapping[str, Any]:
        self.calls.append("apply")
        return to_record(REPOSITORY)

    describe = apply

    def materialize(self, **said: Any) -> Mapping[str, Any]:
        self.calls.append(said)
        return to_record(REPOSITORY)

    def join(self, rows: Sequence[EntityRow], selected: Sequence[Selected], **limit: Any) -> Any:
        return MemoryOfflineStore({"user_stats": self.rows}).join(rows, selected, **limit)

    def join_table(self, rows: pa.Table, selected: Sequence[Selected], **limit: Any) -> pa.Table:
        times = rows["event_timestamp"].cast(pa.int64()).to_pylist()
        keys = rows.select(["user_id"]).to_pylist()
        asked = [EntityRow(key=k, time_us=t) for k, t in zip(keys, times, strict=True)]
        values = self.join(asked, selected, **limit)
        return pa.table({str(i): [row[i] for row in values] for i in range(len(selected))})

    def keys(self, view: str, *, limit: int, end_s: float) -> list[dict[str, int]]:
        newest = sorted(self.rows, key=lambda row: -row[1])
        return [{"user_id": key[0]} for key, *_ in newest[:limit]]

    def __enter__(self) -> FakeFeast:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


@pytest.fixture
def feast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeFeast:
    monkeypatch.chdir(tmp_path)
    feast = FakeFeast()
    monkeypatch.setattr("seatrial.wiring.features.commands.child_of", lambda config, folder: feast)
    return feast


@pytest.fixture
def online(feast: FakeFeast, seatrial: Any) -> SqliteRows:
    """A repository that was made and applied; users 1 to 3, the last of which expired."""
    assert seatrial("features", "init")[0] == Exit.DONE
    assert seatrial("features", "apply")[0] == Exit.DONE
    rows = SqliteRows(Path("features/data/online_store.db"), "users", VIEW)
    for user, age_us in ((1, HOUR_US), (2, HOUR_US), (3, 30 * HOUR_US)):
        values: dict[str, Value] = {"purchase_count_30d": user, "avg_order_value": None}
        rows.write((user,), NOW_US - age_us, values)
        feast.rows.append(((user,), NOW_US - age_us, 0, values))
    return rows


def test_apply_tells_what_is_registered(feast: FakeFeast, seatrial: Any) -> None:
    seatrial("features", "init")
    code, out, err = seatrial("features", "apply", "--json")
    assert code == Exit.DONE
    assert json.loads(out) == {
        "project": "users",
        "views": ["user_stats"],
        "services": ["user_activity"],
    }
    assert "user_stats by user_id, counts 1 d: purchase_count_30d, avg_order_value" in err
    assert Path("features/seatrial_features.json").is_file()


def test_without_a_repository_each_verb_says_how_to_make_one(feast: Any, seatrial: Any) -> None:
    which = ("--service", "user_activity")
    verbs = (("apply",), ("materialize",), ("get", "--entity", "user_id=1", *which))
    for verb in (*verbs, ("serve-check", *which)):
        code, _, err = seatrial("features", *verb)
        assert (code, "seatrial features init" in err) == (Exit.NOT_FOUND, True)


@pytest.mark.parametrize(
    ("options", "start", "views"),
    [
        ((), None, ()),
        (("--since", "2d"), -172_800.0, ()),
        (("--start", "2026-03-01", "--view", "user_stats"), 1_772_323_200.0, ("user_stats",)),
    ],
)
def test_materialize_says_from_when(
    online: SqliteRows, feast: FakeFeast, seatrial: Any, options: Any, start: Any, views: Any
) -> None:
    assert seatrial("features", "materialize", *options)[0] == Exit.DONE
    said = feast.calls[-1]
    if start is not None and start < 0:
        start += said["end_s"]
    assert (said["start_s"], said["views"]) == (start, views)
    assert abs(said["end_s"] - time.time()) < 60


def test_materialize_refuses_what_makes_no_sense(online: SqliteRows, seatrial: Any) -> None:
    both = ("--since", "1d", "--start", "2026-03-01")
    assert seatrial("features", "materialize", *both)[0] == Exit.USAGE
    assert seatrial("features", "materialize", "--end", "soon")[0] == Exit.USAGE
    code, _, err = seatrial("features", "materialize", "--view", "user_stat")
    assert (code, "did you mean 'user_stats'" in err) == (Exit.NOT_FOUND, True)


def test_get_tells_the_state_of_each_value(online: SqliteRows, seatrial: Any) -> None:
    entities = [word for user in (1, 3, 9) for word in ("--entity", f"user_id={user}")]
    code, out, err = seatrial("features", "get", "--service", "user_activity", *entities, "--json")
    assert code == Exit.DONE
    found = [one["features"] for one in json.loads(out)["entities"]]
    states = [[value["state"] for value in one.values()] for one in found]
    assert states == [["present", "null"], ["stale", "stale"], ["missing", "missing"]]
    assert found[0]["user_stats:purchase_count_30d"]["value"] == 1
    age_s = time.time() - (NOW_US - HOUR_US) / 1e6
    assert age_s - 60 < found[0]["user_stats:purchase_count_30d"]["age_s"] <= age_s
    assert "stale" in err


def test_get_tells_what_is_not_registered_beside_what_is(online: SqliteRows, seatrial: Any) -> None:
    asked = ("--feature", "user_stats:purchase_count_30d", "--feature", "user_stats:age")
    code, out, _ = seatrial("features", "get", *asked, "--entity", "user_id=1", "--json")
    assert code == Exit.NOT_FOUND
    ((one),) = json.loads(out)["entities"]
    assert one["features"]["user_stats:purchase_count_30d"]["value"] == 1
    age = one["features"]["user_stats:age"]
    assert (age["state"], age["value"]) == ("unregistered", None)
    assert "The view 'user_stats' has no feature 'age'" in age["problem"]


def test_get_says_how_a_feature_without_its_view_is_written(
    online: SqliteRows, seatrial: Any
) -> None:
    asked = ("--feature", "purchase_count_30d", "--entity", "user_id=1")
    code, _, err = seatrial("features", "get", *asked)
    assert code == Exit.NOT_FOUND
    assert "Write it as VIEW:FEATURE, such as user_stats:purchase_count_30d." in err


def test_get_at_a_time_asks_the_offline_store(online: SqliteRows, seatrial: Any) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_US / 1e6 - 20 * 3600))
    asked = ("--service", "user_activity", "--entity", "user_id=3", "--at", at)
    code, out, _ = seatrial("features", "get", *asked, "--json")
    assert code == Exit.DONE
    assert json.loads(out)["entities"][0]["features"]["user_stats:purchase_count_30d"] == {
        "state": "present",
        "value": 3,
        "age_s": None,
    }


@pytest.mark.parametrize("entity", ["user=1", "user_id=x", "user_id=1,shop=2", "1"])
def test_get_refuses_an_entity_that_is_none(online: Any, seatrial: Any, entity: str) -> None:
    code, _, err = seatrial("features", "get", "--service", "user_activity", "--entity", entity)
    assert (code, "features.entity_invalid" in err) == (Exit.INVALID, True)


def test_get_needs_to_know_which(online: SqliteRows, seatrial: Any) -> None:
    assert seatrial("features", "get", "--entity", "user_id=1")[0] == Exit.USAGE


def test_serve_check_passes_what_is_the_same_or_expired(online: Any, seatrial: Any) -> None:
    code, out, err = seatrial("features", "serve-check", "--service", "user_activity", "--json")
    assert code == Exit.DONE, err
    record = json.loads(out)
    assert (record["agrees"], record["n_entities"]) == (True, 3)
    assert record["features"][0]["n_expired_online"] == 1
    assert "3 of 3 entities agree (1 have no value, 1 expired online)" in err


def test_serve_check_fails_and_says_why(online: Any, feast: FakeFeast, seatrial: Any) -> None:
    newer: dict[str, Value] = {"purchase_count_30d": 8, "avg_order_value": 1.5}
    feast.rows += [((user,), NOW_US - 60, 0, newer) for user in (1, 3, 4)]
    code, out, err = seatrial("features", "serve-check", "--service", "user_activity", "--json")
    assert code == Exit.GATE_FAILED
    counts, averages = json.loads(out)["features"]
    assert counts["differences"] == {"value": 2, "stale_online": 2, "not_materialized": 1}
    assert averages["differences"]["null_online"] == 2
    assert "such as user_id=1: offline 8, online 1 (present)" in err


def test_serve_check_of_named_entities(online: Any, seatrial: Any, tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").write_text('{"user_id": 1}\n{"user_id": 77}\n')
    asked = ("--service", "user_activity", "--entities", "users.jsonl", "--json")
    code, out, _ = seatrial("features", "serve-check", *asked)
    assert (code, json.loads(out)["n_entities"]) == (Exit.DONE, 2)
    (tmp_path / "users.jsonl").write_text('{"user_id": 1}\n{"user": 77}\n')
    code, _, err = seatrial("features", "serve-check", *asked)
    assert (code, "Line 2 of users.jsonl" in err) == (Exit.INVALID, True)


def test_nothing_to_compare_is_no_agreement(online: Any, feast: FakeFeast, seatrial: Any) -> None:
    feast.rows.clear()
    code, out, _ = seatrial("features", "serve-check", "--service", "user_activity", "--json")
    assert (code, json.loads(out)["agrees"]) == (Exit.INCONCLUSIVE, False)


@pytest.fixture
def served(online: SqliteRows, tmp_path: Path) -> Path:
    """Where what was looked up for users 1 and 2, an hour ago, is kept."""
    (tmp_path / "seatrial.yaml").write_text(
        json.dumps({"features": {"endpoints": {"churn": {"service": "user_activity"}}}})
    )
    folder = tmp_path / ".seatrial" / "features" / "churn"
    file = ServedFile(folder, name="w0", rate=1.0, chance=lambda: 0.0)
    for i in range(1000):
        reads = {
            "user_stats:purchase_count_30d": Read(State.PRESENT, i % 2 + 1, 60),
            "user_stats:avg_order_value": Read(State.NULL, None, 60),
        }
        file.offer(Served(at_us=NOW_US - HOUR_US // 2, key={"user_id": i % 2 + 1}, reads=reads))
    file.close()
    return folder


def firing(tmp_path: Path) -> dict[tuple[str, str | None], str]:
    store = SqliteStore.from_url(f"sqlite:///{tmp_path / '.seatrial' / 'seatrial.db'}")
    book = AlertBook(store)
    book.refresh()
    found = [alert for alert in book.alerts("churn") if alert.phase is Phase.FIRING]
    store.close()
    return {(one.labels.kind, one.labels.feature): one.severity.value for one in found}


def test_skew_passes_what_training_gets_too(served: Path, seatrial: Any, tmp_path: Path) -> None:
    code, out, err = seatrial("features", "skew", "churn", "--json")
    assert code == Exit.DONE, err
    assert [one["level"] for one in json.loads(out)["features"]] == ["clear", "clear"]
    assert "1,000 of 1,000 served values are what training gets" in err
    assert firing(tmp_path) == {}


def test_skew_fires_an_alert(served: Path, feast: Any, seatrial: Any, tmp_path: Path) -> None:
    """What became true before the prediction and was not there yet when it was made."""
    late: dict[str, Value] = {"purchase_count_30d": 9, "avg_order_value": None}
    feast.rows.append(((1,), NOW_US - HOUR_US * 3 // 4, 0, late))
    code, out, _ = seatrial("features", "skew", "churn", "--json")
    assert code == Exit.GATE_FAILED
    assert json.loads(out)["features"][0] == {
        "feature": "user_stats:purchase_count_30d",
        "n": 1000,
        "differences": {"value": 500},
        "level": "critical",
    }
    key = ("feature_skew", "user_stats:purchase_count_30d")
    assert firing(tmp_path) == {key: "critical"}


def test_skew_without_anything_kept_or_looked_up_says_so(served: Path, seatrial: Any) -> None:
    code, _, err = seatrial("features", "skew", "churn", "--since", "1m")
    assert (code, "features.log_sample_rate" in err) == (Exit.NOT_FOUND, True)
    code, _, err = seatrial("features", "skew", "chrun")
    assert (code, "features.endpoints.chrun" in err) == (Exit.NOT_FOUND, True)


@pytest.fixture
def users(online: SqliteRows) -> Path:
    """Four rows: known, unknown, before anything was known, and expired."""
    moments = [(1, 0), (9, 0), (1, 2 * HOUR_US), (3, 0)]
    times = pa.array([NOW_US - before for _, before in moments], pa.int64())
    columns = {
        "user_id": [user for user, _ in moments],
        "event_timestamp": times.cast(pa.timestamp("us", "UTC")),
        "churned": [True, False, True, False],
    }
    file = Path("users.parquet")
    parquet.write_table(pa.table(columns), file)
    return file


def test_a_training_set_has_what_was_known_at_each_time(users: Path, seatrial: Any) -> None:
    code, out, err = seatrial(
        "features", "training-set", "users.parquet", *SERVICE, "--out", "out.parquet", "--json"
    )
    assert code == Exit.DONE
    assert "out.parquet: 4 rows" in err
    told = json.loads(out)
    assert told["n_rows"] == 4
    assert [one["n_null"] for one in told["columns"]] == [3, 4]
    found = parquet.read_table("out.parquet").to_pylist()
    assert [row["purchase_count_30d"] for row in found] == [1, None, None, None]
    assert [row["churned"] for row in found] == [True, False, True, False]
    assert told["sha256"] == hashlib.sha256(Path("out.parquet").read_bytes()).hexdigest()


def test_a_training_set_of_an_endpoint_is_what_it_is_served(users: Path, seatrial: Any) -> None:
    """Under the names of its inputs, no older than its max_age, with its defaults."""
    lookup = {
        "service": "user_activity",
        "columns": {"purchase_count_30d": "purchases"},
        "defaults": {"purchase_count_30d": -1},
        "max_age": "30m",
    }
    Path("seatrial.yaml").write_text(json.dumps({"features": {"endpoints": {"churn": lookup}}}))
    command = ("features", "training-set", "users.parquet", "--out", "out.parquet")
    assert seatrial(*command, "--endpoint", "churn")[0] == Exit.DONE
    found = parquet.read_table("out.parquet").to_pylist()
    assert [row["purchases"] for row in found] == [-1] * 4
    Path("seatrial.yaml").write_text(
        json.dumps({"features": {"endpoints": {"churn": lookup | {"max_age": "2h"}}}})
    )
    assert seatrial(*command, "--endpoint", "churn")[0] == Exit.DONE
    found = parquet.read_table("out.parquet").to_pylist()
    assert [row["purchases"] for row in found] == [1, -1, -1, -1]
    code, _, err = seatrial(*command, "--endpoint", "chrn")
    assert code == Exit.NOT_FOUND
    assert "churn" in err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--feature", "user_stats:avg"), Exit.NOT_FOUND, "no feature 'avg'"),
        ((*SERVICE, "--time", "when"), Exit.INVALID, "no column 'when'"),
        ((*SERVICE, "--timezone", "Mars"), Exit.INVALID, "no time zone 'Mars'"),
        ((), Exit.USAGE, "Give one of"),
        ((*SERVICE, "--endpoint", "churn"), Exit.USAGE, "Give one of"),
        ((*SERVICE, "--out", "out.csv"), Exit.INVALID, "a file such as out.parquet"),
    ],
)
def test_what_keeps_a_training_set_from_being_written_is_told(
    users: Path, seatrial: Any, arguments: tuple[str, ...], code: Exit, why: str
) -> None:
    command = ("features", "training-set", str(users), "--out", "out.parquet", *arguments)
    found, _, err = seatrial(*command)
    assert found == code
    assert why in err
    assert not list(Path().glob("out.*"))
