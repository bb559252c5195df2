"""Rows to train anew on, from a real prediction log and labels, and from tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.feast_scaffold import write_repository
from seatrial.kernel.store import Store
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.rows.columns import NoSuchColumn
from seatrial.registry.bundle import Bundle
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.stats.performance import Metric
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.wiring.retraining.log import NothingLogged, Wanted
from seatrial.wiring.retraining.look import judged, production_loss
from seatrial.wiring.retraining.rows import gather
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.workspace import Workspace, open_workspace
from tests.cli.test_features import FakeFeast
from tests.wiring.watching.test_performance import BEGAN_S, World, drawn

pytestmark = pytest.mark.slow

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def config(**data: Any) -> RetrainedConfig:
    section = {"training": "t", "label": "y", "data": data}
    return RetrainedConfig.model_validate(section)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


@pytest.fixture
def deployed(world: World) -> Bundle:
    from sklearn.linear_model import LogisticRegression

    x, y = drawn(0, 1_000)
    held_x, held_y = drawn(1, 1_000)
    from tests.wiring.watching.test_performance import saved

    holdout = saved(world.folder, "held.parquet", held_x, held_y)
    return world.deploy(LogisticRegression(), "churn", y, x, holdout=holdout)


def found(world: World, bundle: Bundle | None, said: list[str], **data: Any) -> Any:
    wanted = Wanted(
        endpoint="churn",
        config=config(**data),
        signature=None if bundle is None else bundle.signature,
        now=NOW,
    )
    return gather(world.workspace, world.store, wanted, folder=world.folder, say=said.append)


def test_logged_rows_meet_the_labels_that_were_handed_in(world: World, deployed: Bundle) -> None:
    x, y = drawn(2, 400)
    ids = world.ask("churn", x)
    world.ask("churn", x[:50], fails=True)
    monitor = world.monitor()
    world.turn(monitor, "churn")
    desk = LabelDesk(world.store, LabelFiles(world.workspace.labels), now=world.clock.now)
    desk.add("churn", [(key, str(label)) for key, label in zip(ids[:300], y[:300], strict=True)])
    for _ in range(3):
        world.turn(monitor, "churn")
    said: list[str] = []
    rows = found(world, deployed, said)
    assert rows.labels.dtype == np.int64
    assert sorted(rows.labels.tolist()) == sorted(y[:300].tolist())
    order = np.argsort(rows.columns["age"])
    expected = np.argsort(x[:300, 0])
    np.testing.assert_allclose(rows.columns["age"][order], x[:300, 0][expected])
    assert rows.labels[order].tolist() == y[:300][expected].tolist()
    assert said == ["300 rows with a label; 100 have none yet"]


def test_logged_rows_meet_a_table_of_labels_and_a_window(world: World, deployed: Bundle) -> None:
    import pandas as pd

    x, y = drawn(3, 200)
    ids = world.ask("churn", x, at_s=BEGAN_S)
    later = world.ask("churn", x, at_s=NOW.timestamp() + 10)  # logged after the run began
    table = pd.DataFrame({"prediction_id": [*ids, *later], "label": [*y, *y]})
    table.to_csv(world.folder / "labels.csv", index=False)
    labels = {"source": str(world.folder / "labels.csv")}
    assert len(found(world, deployed, [], labels=labels)) == 200
    assert len(found(world, deployed, [], labels=labels, window="10d")) == 0


def test_without_a_log_there_is_nothing_to_train_on(world: World, deployed: Bundle) -> None:
    with pytest.raises(NothingLogged, match="No prediction of 'churn' is in the log"):
        found(world, deployed, [])


def test_a_file_gives_the_newest_rows_with_a_label(world: World) -> None:
    import pandas as pd

    n = 500
    frame = pd.DataFrame({"a": np.arange(n, dtype=float), "y": [0, 1] * (n // 2)})
    frame["at"] = NOW - pd.to_timedelta(np.arange(n)[::-1], unit="h")
    frame["y"] = frame["y"].astype("Int64")
    frame.loc[10:19, "y"] = None
    frame.to_parquet(world.folder / "rows.parquet")
    table = {"source": str(world.folder / "rows.parquet"), "columns": {"timestamp": "at"}}
    rows = found(world, None, [], source="table", table=table)
    assert (len(rows), list(rows.columns)) == (490, ["a"])
    newest = found(world, None, [], source="table", table=table, max_rows=100)
    assert newest.columns["a"].tolist() == list(range(400, 500))
    window = found(world, None, [], source="table", table=table, window="24h")
    assert window.columns["a"].tolist() == list(range(475, 500))


def test_columns_that_production_does_not_take_are_left_out_and_named(
    world: World, deployed: Bundle
) -> None:
    import pandas as pd

    names = deployed.signature.names
    frame = pd.DataFrame({name: np.zeros(200) for name in (*names, "more")})
    frame["y"] = [0, 1] * 100
    frame.to_parquet(world.folder / "rows.parquet")
    said: list[str] = []
    table = {"source": str(world.folder / "rows.parquet")}
    rows = found(world, deployed, said, source="table", table=table)
    assert tuple(rows.columns) == tuple(names)
    assert [line for line in said if line.endswith("does not take them: more")]


def test_a_database_gives_rows_too(world: World) -> None:
    path = world.folder / "rows.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rows (a REAL, city TEXT, y TEXT)")
        many = [(float(i), "Ulm" if i % 2 else None, "yes" if i % 3 else "no") for i in range(50)]
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", many)
    connection.close()
    rows = found(world, None, [], source="table", table=f"sqlite:///{path}#rows")
    assert (rows.labels[:3].tolist(), rows.columns["city"][:2].tolist()) == (
        ["no", "yes", "yes"],
        [None, "Ulm"],
    )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workspace, Store]]:
    """Two users whose features are known an hour before the newest of their labels."""
    feast = FakeFeast()
    monkeypatch.setattr("seatrial.wiring.features.commands.child_of", lambda config, folder: feast)
    folder = tmp_path / "features"
    write_repository(folder, project="users", now=NOW)
    open_folder(folder).keep(feast.apply())
    hour = timedelta(hours=1)
    for user in (1, 2):
        known_us = round((NOW - hour).timestamp() * 1e6)
        values = {"purchase_count_30d": 10 * user, "avg_order_value": None}
        feast.rows.append(((user,), known_us, known_us, values))
    lines = [(1, NOW, 1), (2, NOW, 0), (2, NOW - 2 * hour, 1), (3, NOW, 0), (1, NOW - 9 * hour, "")]
    text = "".join(f"{user},{at:%Y-%m-%dT%H:%M:%SZ},{label}\n" for user, at, label in lines)
    (tmp_path / "labels.csv").write_text("user_id,event_timestamp,y\n" + text)
    lookup = {"service": "user_activity", "defaults": {"purchase_count_30d": 0}}
    (tmp_path / "seatrial.yaml").write_text(
        json.dumps({"features": {"endpoints": {"churn": lookup}}})
    )
    workspace = open_workspace(home=tmp_path / "home", config=tmp_path / "seatrial.yaml")
    store = workspace.open_store()
    yield workspace, store
    store.close()


@pytest.mark.parametrize("taken", [(), ("purchase_count_30d", "user_id")])
def test_features_are_joined_as_of_the_time_of_each_label(
    shop: tuple[Workspace, Store], tmp_path: Path, taken: tuple[str, ...]
) -> None:
    """The join key is no feature, unless the model in production takes it."""
    signature = None
    if taken:
        signature = Signature(
            features=tuple(Feature(name=name, dtype=Dtype.FLOAT64) for name in taken),
            outputs=(Output(name="label", dtype=Dtype.INT64, classes=(0, 1)),),
            task=Task.CLASSIFICATION,
            matrix=False,
        )
    said: list[str] = []
    wanted = Wanted(
        endpoint="churn",
        config=config(source="features", entities="labels.csv", window="5h"),
        signature=signature,
        now=NOW,
    )
    rows = gather(*shop, wanted, folder=tmp_path, say=said.append)
    assert tuple(rows.columns) == (taken or ("purchase_count_30d", "avg_order_value"))
    # Two hours before, nothing was known of user 2, and of user 3 nothing ever was.
    assert rows.columns["purchase_count_30d"].tolist() == [0, 10, 20, 0]
    assert rows.labels.tolist() == [1, 1, 0, 0]
    assert said[0] == "5 entities joined with the feature store, as of their times"
    assert said[-1] == "4 rows with a label; 1 have none yet"
    left_out = "left out, since the version in production does not take them: avg_order_value"
    assert said[1:-1] == ([left_out] if taken else [])
    assert [path.name for path in tmp_path.glob("features.parquet*")] == []


def test_a_label_that_is_not_there_is_named(world: World) -> None:
    (world.folder / "rows.csv").write_text("a,z\n1,2\n")
    with pytest.raises(NoSuchColumn, match="no column 'y'"):
        found(world, None, [], source="table", table=str(world.folder / "rows.csv"))


@pytest.mark.parametrize(("flip", "worse"), [(False, False), (True, True)])
def test_a_model_is_asked_whether_it_lost(
    world: World, deployed: Bundle, flip: bool, worse: bool
) -> None:
    from tests.wiring.watching.test_performance import saved

    x, y = drawn(4, 600)
    recent = saved(world.folder, "recent.parquet", x, 1 - y if flip else y)
    loss = production_loss(
        world.workspace, world.store, endpoint="churn", version=1, rows=recent, label="y"
    )
    assert loss.worse is worse
    assert "accuracy" in loss.reason
    assert loss.evidence["n"] == 600


@pytest.mark.parametrize(
    ("name", "value", "worse"),
    [
        ("accuracy", 0.90, False),
        ("accuracy", 0.88, False),
        ("accuracy", 0.80, True),
        ("accuracy", None, True),
        ("mae", 0.92, False),
        ("mae", 0.85, False),
        ("mae", 1.10, True),
    ],
)
def test_a_loss_is_one_that_is_more_than_chance(
    name: str, value: float | None, worse: bool
) -> None:
    reference = Metric(name=name, value=0.9, standard_error=0.01, n=1_000)
    assert judged(reference, value, 400).worse is worse


def test_rows_since_the_last_run_are_those_after_its_time(world: World) -> None:
    wanted = Wanted(
        endpoint="churn",
        config=config(source="log", window="10d"),
        signature=None,
        now=NOW,
        after=NOW - timedelta(days=2),
    )
    assert wanted.since == NOW - timedelta(days=2) + timedelta(microseconds=1)
