"""Lookups follow what is applied, and nothing fails on the way."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.features.snapshot import to_record
from seatrial.features.view import Field, Reference, Repository, Service, ValueType
from tests.conformance.feast_rows import SqliteRows
from tests.wiring.features.test_lookups import FIRST, REPOSITORY, VIEW, Serving, workspace


@pytest.fixture
def rows(tmp_path: Path) -> SqliteRows:
    """Of the users 1 to 3, the last of which expired two hours ago."""
    folder = tmp_path / "features"
    (folder / "data").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text("project: shop\n")
    open_folder(folder).keep(to_record(REPOSITORY))
    rows = SqliteRows(folder / "data" / "online.db", "shop", VIEW)
    now_us = int(time.time()) * 10**6
    for user, age_h in ((1, 0), (2, 0), (3, 2)):
        rows.write((user,), now_us - age_h * 3600 * 10**6, {"average": float(user), "visits": 4.0})
    return rows


def apply(folder: Path, repository: Repository) -> None:
    """As `seatrial features apply` does; times of files count for more than a tick of the clock."""
    kept = open_folder(folder / "features")
    kept.keep(to_record(repository))
    file = kept.path / "seatrial_features.json"
    at_ns = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(at_ns, at_ns))


async def test_a_ttl_that_was_applied_counts_without_a_restart(
    tmp_path: Path, rows: SqliteRows
) -> None:
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert serving.renewal is not None
    assert (await serving.answer(3))[1]["code"] == "features.stale"
    apply(tmp_path, replace(REPOSITORY, views=(replace(VIEW, ttl_us=3 * VIEW.ttl_us),)))  # type: ignore[operator]
    await serving.renewal.turn()
    assert (await serving.answer(3))[0] == 200
    labels = [[*key[:2], s] for *key, s in serving.tally.snapshot()["limits_s"]]
    assert labels == [["churn", "user_stats:average", 3 * 3600]]
    await serving.lookups.close()


async def test_nothing_fails_while_lookups_are_swapped(tmp_path: Path, rows: SqliteRows) -> None:
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert serving.renewal is not None
    done = False

    async def ask() -> list[int]:
        statuses = []
        while not done:
            statuses.append((await serving.answer(1, 2))[0])
        return statuses

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    for n in range(2, 22):
        view = replace(VIEW, ttl_us=n * VIEW.ttl_us)  # type: ignore[operator]
        apply(tmp_path, replace(REPOSITORY, views=(view,)))
        await serving.renewal.turn()
    done = True
    statuses = [status for one in await asyncio.gather(*asking) for status in one]
    assert set(statuses) == {200}
    assert len(statuses) > 100
    await serving.lookups.close()


async def test_a_feature_may_be_applied_before_a_version_takes_it(
    tmp_path: Path, rows: SqliteRows
) -> None:
    """And before it is materialized: the version in production takes it not."""
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert serving.renewal is not None
    wider = replace(VIEW, features=(*VIEW.features, Field("recent", ValueType.DOUBLE)))
    both = (Reference("user_stats", "average"), Reference("user_stats", "recent"))
    service = Service(name="activity", features=both)
    apply(tmp_path, Repository(project="shop", views=(wider,), services=(service,)))
    await serving.renewal.turn()
    status, body = await serving.answer(1, 2)
    assert (status, body["predictions"]) == (200, [await serving.whole(v) for v in (1.0, 2.0)])
    counted = {(feature, state) for _, feature, state, _ in serving.tally.snapshot()["values"]}
    assert ("user_stats:recent", "missing") in counted
    await serving.lookups.close()


async def test_what_would_take_an_input_away_is_refused_and_told(
    tmp_path: Path, rows: SqliteRows
) -> None:
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert serving.renewal is not None
    other = Service(name="activity", features=(Reference("user_stats", "visits"),))
    wider = replace(VIEW, features=(*VIEW.features, Field("visits", ValueType.DOUBLE)))
    apply(tmp_path, Repository(project="shop", views=(wider,), services=(other,)))
    await serving.renewal.turn()
    assert (await serving.answer(1))[0] == 200
    ((endpoint, why, _),) = serving.tally.snapshot()["refused"]
    assert endpoint == "churn"
    assert FIRST in why
    (tmp_path / "features" / "seatrial_features.json").write_text("{")
    await serving.renewal.turn()
    assert (await serving.answer(1))[0] == 200
    assert "cannot be read" in serving.tally.snapshot()["refused"][0][1]
    apply(tmp_path, REPOSITORY)
    await serving.renewal.turn()
    assert serving.tally.snapshot()["refused"] == []
    assert (await serving.answer(1))[0] == 200
    await serving.lookups.close()


async def test_another_online_store_is_opened(tmp_path: Path, rows: SqliteRows) -> None:
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert serving.renewal is not None
    elsewhere = SqliteRows(tmp_path / "features" / "data" / "other.db", "shop", VIEW)
    elsewhere.write((1,), int(time.time()) * 10**6, {"average": 9.0})
    settings = tmp_path / "features" / "feature_store.yaml"
    settings.write_text("project: shop\nonline_store: {type: sqlite, path: data/other.db}\n")
    await serving.renewal.turn()
    status, body = await serving.answer(1)
    assert (status, body["predictions"]) == (200, [await serving.whole(9.0)])
    await serving.lookups.close()


async def test_tensors_that_name_entities_are_looked_up(tmp_path: Path, rows: SqliteRows) -> None:
    """With defaults, staleness and errors as plain rows have them."""
    strict = Serving(workspace(tmp_path, deadline="10s"))
    assert await strict.infer(1, 2) == (200, [10, 20])
    assert (await strict.infer(1, 3))[0] == 503
    assert (await strict.infer(1, 8))[0] == 404
    status, told = await strict.infer(1.5, 2)
    assert (status, told["code"]) == (400, "features.entity_invalid")
    await strict.lookups.close()
    lenient = Serving(workspace(tmp_path, deadline="10s", defaults={"average": 7.0}))
    assert await lenient.infer(1, 3, 8) == (200, [10, 70, 70])
    await lenient.lookups.close()
