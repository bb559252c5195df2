"""Training sets: held against a loop over all rows, and never half written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from seatrial.adapters.features.entity_table import EntityTable
from seatrial.adapters.training.table import METADATA, write_training_table
from seatrial.features.config import LookupConfig
from seatrial.features.failures import EntityInvalid, FeastFailed
from seatrial.features.join import point_in_time
from seatrial.features.plan import Plan, plan_of
from seatrial.features.training_set import TrainingSet
from seatrial.features.view import Field, Repository, ValueType, View
from seatrial.kernel.errors import Invalid

STAMP = pa.timestamp("us", "UTC")
TTL_US = 10
VIEW = View(
    name="stats",
    online_name="stats",
    join_keys=(Field("user_id", ValueType.INT64),),
    features=(Field("count", ValueType.INT64), Field("flag", ValueType.BOOL)),
    ttl_us=TTL_US,
)
PLAN = plan_of(
    LookupConfig(features=("stats:count", "stats:flag")), Repository(project="p", views=(VIEW,))
)
Moment = tuple[int, int]


def stamps(times: list[int]) -> Any:
    return pa.array(times, pa.int64()).cast(STAMP)


def joined(source: list[Moment]) -> Any:
    """A store of (user, event time), whose count is the place in it; as a data frame gives it."""

    def join(keys: pa.Table) -> pa.Table:
        times = keys["event_timestamp"].cast(pa.int64()).to_numpy()
        found = point_in_time(
            key=keys["user_id"].to_numpy(),
            time_us=times,
            source_key=np.array([user for user, _ in source], np.int64),
            event_us=np.array([event for _, event in source], np.int64),
            ttl_us=TTL_US,
        )
        counts = [float("nan") if row < 0 else float(row) for row in found]
        return pa.table({"a": counts, "b": [None if row < 0 else True for row in found]})

    return join


def written(
    folder: Path, asked: list[Moment], join: Any, *, plan: Plan = PLAN, rows_at_once: int = 3
) -> TrainingSet:
    rows = {"at": stamps([time for _, time in asked]), "label": list(range(len(asked)))}
    users = pa.array([user for user, _ in asked], pa.int64())
    parquet.write_table(pa.table({"user_id": users, **rows}), folder / "rows.parquet")
    table = EntityTable(folder / "rows.parquet", keys=plan.keys, time_column="at", zone=None)
    return write_training_table(
        table,
        plan,
        join,
        folder / "out.parquet",
        time_column="at",
        described={"project": "p"},
        rows_at_once=rows_at_once,
        told=lambda done, of: None,
    )


moments = st.tuples(st.integers(1, 3), st.integers(0, 40))


@settings(max_examples=60, deadline=None)
@given(
    source=st.lists(moments, max_size=25, unique=True),
    asked=st.lists(moments, min_size=1, max_size=20),
    rows_at_once=st.integers(1, 25),
)
def test_no_row_sees_the_future_or_what_expired(
    tmp_path_factory: pytest.TempPathFactory,
    source: list[Moment],
    asked: list[Moment],
    rows_at_once: int,
) -> None:
    """Held against a loop over all rows of the source for each row."""
    folder = tmp_path_factory.mktemp("set")
    done = written(folder, asked, joined(source), rows_at_once=rows_at_once)
    found = parquet.read_table(folder / "out.parquet").to_pylist()
    assert [row["label"] for row in found] == list(range(len(asked)))
    for (user, time), row in zip(asked, found, strict=True):
        seen = [
            (event, place)
            for place, (of, event) in enumerate(source)
            if of == user and time - TTL_US <= event <= time
        ]
        assert row["count"] == (max(seen)[1] if seen else None)
        assert row["flag"] == (True if seen else None)
    assert done.columns[0].n_null == sum(row["count"] is None for row in found)


def test_types_are_those_of_the_view_whatever_a_piece_holds(tmp_path: Path) -> None:
    written(tmp_path, [(1, 5), (2, 5)], joined([(2, 5)]), rows_at_once=1)
    schema = parquet.read_schema(tmp_path / "out.parquet")
    assert [str(schema.field(name).type) for name in ("count", "flag")] == ["int64", "bool"]
    assert json.loads(schema.metadata[METADATA]) == {"project": "p"}


def test_defaults_stand_in_as_they_do_in_serving(tmp_path: Path) -> None:
    config = LookupConfig(
        features=("stats:count", "stats:flag"),
        columns={"count": "n"},
        defaults={"count": -1, "flag": None},
    )
    plan = plan_of(config, Repository(project="p", views=(VIEW,)))
    done = written(tmp_path, [(1, 5), (2, 5)], joined([(2, 5)]), plan=plan)
    found = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(row["n"], row["flag"]) for row in found] == [(-1, None), (0, True)]
    assert [one.n_null for one in done.columns] == [1, 1]


def test_what_fails_midway_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(b"before")
    calls = []

    def failing(keys: pa.Table) -> pa.Table:
        calls.append(len(keys))
        if len(calls) == 2:
            raise FeastFailed("It failed.", remedy="See.")
        return joined([])(keys)

    with pytest.raises(FeastFailed):
        written(tmp_path, [(1, 5)] * 9, failing)
    assert out.read_bytes() == b"before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.parquet", "rows.parquet"]


def test_the_draft_of_one_that_was_killed_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"out.parquet.{ended.pid}.part").write_bytes(b"half")
    (tmp_path / "out.parquet.1.part").write_bytes(b"of one that runs")
    written(tmp_path, [(1, 5)], joined([]))
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["out.parquet", "out.parquet.1.part", "rows.parquet"]


def test_no_rows_and_columns_that_are_there_already_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EntityInvalid, match="no rows"):
        written(tmp_path, [], joined([]))
    config = LookupConfig(features=("stats:count",), columns={"count": "label"})
    plan = plan_of(config, Repository(project="p", views=(VIEW,)))
    with pytest.raises(Invalid, match="have a column 'label'"):
        written(tmp_path, [(1, 1)], joined([]), plan=plan)
    assert not (tmp_path / "out.parquet").exists()
