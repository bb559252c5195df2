"""From configuration and Feast's files to a prediction, without Feast."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.adapters.features.served_features import read_served
from seatrial.features.failures import (
    NotApplied,
    RepositoryMissing,
    Unregistered,
    Unsupported,
)
from seatrial.features.lookup import Lookups
from seatrial.features.online import State
from seatrial.features.snapshot import to_record
from seatrial.features.tally import Tally
from seatrial.features.view import Field, Reference, Repository, Service, ValueType, View
from seatrial.registry.signature import Batch, Prediction
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import FakeEngine, live_version, matrix_signature, router_of
from seatrial.web.errors import error_reply
from seatrial.wiring.features.commands import now_us
from seatrial.wiring.features.lookups import Besides, TectonKeyMissing, open_lookups
from seatrial.wiring.features.skew import served_folder
from seatrial.wiring.server_checks import check_features
from seatrial.wiring.workspace import Workspace, open_workspace
from tests.adapters.tecton_double import KEY, Tecton, running
from tests.conformance.feast_rows import SqliteRows

SIGNATURE = matrix_signature()
FIRST, *OTHERS = SIGNATURE.names
VIEW = View(
    name="user_stats",
    online_name="user_stats",
    join_keys=(Field("user_id", ValueType.INT64),),
    features=(Field("average", ValueType.DOUBLE),),
    ttl_us=3600 * 10**6,
)
REPOSITORY = Repository(
    project="shop",
    views=(VIEW,),
    services=(Service(name="activity", features=(Reference("user_stats", "average"),)),),
)


def workspace(folder: Path, *, rate: float = 0.0, **endpoint: Any) -> Workspace:
    config = folder / "seatrial.yaml"
    lookup = {"service": "activity", "columns": {"average": FIRST}, **endpoint}
    features = {"endpoints": {"churn": lookup}, "log_sample_rate": rate}
    config.write_text(json.dumps({"features": features}))
    return open_workspace(home=folder / "home", config=config, environment={})


@pytest.fixture
def rows(tmp_path: Path) -> SqliteRows:
    """A repository with values of users 1 and 2, the second of which expired."""
    folder = tmp_path / "features"
    (folder / "data").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text("project: shop\n")
    open_folder(folder).keep(to_record(REPOSITORY))
    rows = SqliteRows(folder / "data" / "online.db", "shop", VIEW)
    now_us = int(time.time()) * 10**6
    rows.write((1,), now_us, {"average": 2.5})
    rows.write((2,), now_us - 2 * VIEW.ttl_us, {"average": 9.0})  # type: ignore[operator]
    return rows


class Tenfold(FakeEngine):
    """Its label is ten times the first feature, so that another value is another answer."""

    def predict(self, batch: Batch) -> Prediction:
        found = super().predict(batch)
        assert isinstance(batch, np.ndarray)
        label = next(o for o in self.signature.outputs if o.width is None)
        return {**found, label.name: np.round(10 * batch[:, 0]).astype(label.dtype.numpy)}


class Serving:
    def __init__(self, workspace: Workspace, *, worker: str | None = None) -> None:
        self.tally = Tally()
        opened = open_lookups(workspace, self.tally, worker=worker)
        self.lookups: Lookups = opened.lookups
        self.renewal = opened.renewal
        live = live_version(SIGNATURE, engine=Tenfold(SIGNATURE))
        self.plane = DataPlane(router_of(live), error_reply, completion=self.lookups)

    async def answer(self, *users: int | dict[str, Any]) -> tuple[int, Any]:
        others = dict.fromkeys(OTHERS, 1.0)
        entities = [user if isinstance(user, dict) else {"user_id": user} for user in users]
        body = {"instances": [{**others, "entity": entity} for entity in entities]}
        request = Request("POST", "/v1/models/churn:predict", b"", {}, json.dumps(body).encode())
        made = self.plane.handle(request)
        assert not isinstance(made, Reply)
        reply = await made
        return reply.status, json.loads(reply.body)

    async def infer(self, *users: float) -> tuple[int, Any]:
        """The same by tensors; the numbers of the answer, or all of a refusal."""
        n = len(users)
        kind = "INT64" if all(isinstance(user, int) for user in users) else "FP64"
        keys = {"name": "entity.user_id", "shape": [n], "datatype": kind, "data": list(users)}
        rest = [
            {"name": name, "shape": [n, 1], "datatype": "FP32", "data": [1.0] * n}
            for name in OTHERS
        ]
        body = json.dumps({"inputs": [keys, *rest]}).encode()
        made = self.plane.handle(Request("POST", "/v2/models/churn/infer", b"", {}, body))
        reply = made if isinstance(made, Reply) else await made
        told = json.loads(reply.body)
        return reply.status, told["outputs"][0]["data"] if reply.status == 200 else told

    async def whole(self, value: float) -> Any:
        body = {"instances": [[value, *([1.0] * len(OTHERS))]]}
        request = Request("POST", "/v1/models/churn:predict", b"", {}, json.dumps(body).encode())
        reply = self.plane.handle(request)
        assert isinstance(reply, Reply)
        return json.loads(reply.body)["predictions"][0]


@pytest.fixture
async def serving(tmp_path: Path, rows: SqliteRows) -> AsyncIterator[Serving]:
    serving = Serving(workspace(tmp_path, defaults={"average": 7.0}, deadline="10s"))
    yield serving
    await serving.lookups.close()


async def test_a_prediction_is_that_of_the_features_looked_up(serving: Serving) -> None:
    status, body = await serving.answer(1, 2, 3)
    assert status == 200
    assert body["predictions"] == [await serving.whole(v) for v in (2.5, 7.0, 7.0)]


async def test_what_was_looked_up_is_counted_for_all_workers(serving: Serving) -> None:
    await serving.answer(1, 2, 3, 1)
    snapshot = json.loads(json.dumps(Besides(serving.tally, None).snapshot()))
    told = Besides(serving.tally, None).exposition({"w/0": snapshot, "w/1": snapshot, "w/2": None})
    line = (
        'seatrial_feature_values_total{model="churn",feature="user_stats:average",state="%s",'
        'worker="w/%d"} %d\n'
    )
    for state, n in (("present", 2), ("stale", 1), ("missing", 1)):
        for worker in (0, 1):
            assert line % (state, worker, n) in told
    labels = '{model="churn",feature="user_stats:average",worker="w/0"}'
    assert f"seatrial_feature_limit_seconds{labels} 3600\n" in told
    assert f"seatrial_feature_newest_timestamp_seconds{labels} " in told


async def test_a_sample_of_what_was_looked_up_is_kept(tmp_path: Path, rows: SqliteRows) -> None:
    place = workspace(tmp_path, rate=1.0, defaults={"average": 7.0}, deadline="10s")
    serving = Serving(place, worker="worker/a/0")
    before_us = now_us()
    await serving.answer(1, 2)
    await serving.lookups.close()
    kept = read_served(served_folder(place, "churn"), since_us=before_us, limit=10)
    found = {one.key["user_id"]: one.reads["user_stats:average"] for one in kept}
    assert {user: (read.state, read.value) for user, read in found.items()} == {
        1: (State.PRESENT, 2.5),
        2: (State.STALE, None),
    }


async def test_without_defaults_the_reason_is_told(tmp_path: Path, rows: SqliteRows) -> None:
    serving = Serving(workspace(tmp_path, deadline="10s"))
    assert (await serving.answer(1))[0] == 200
    status, body = await serving.answer(1, 3)
    assert (status, body["code"], body["row"]) == (404, "features.entity_missing", 1)
    status, body = await serving.answer(2)
    assert (status, body["code"], body["field"]) == (503, "features.stale", FIRST)
    await serving.lookups.close()


async def test_a_store_that_is_gone_is_told(tmp_path: Path, rows: SqliteRows) -> None:
    rows.path.unlink()
    serving = Serving(workspace(tmp_path, deadline="10s"))
    status, body = await serving.answer(1)
    assert (status, body["code"]) == (503, "features.online_unavailable")
    assert serving.tally.snapshot()["failures"] == [["churn", "features.online_unavailable", 1]]
    await serving.lookups.close()


def test_what_is_wrong_is_said_before_a_server_starts(tmp_path: Path, rows: SqliteRows) -> None:
    check_features(workspace(tmp_path))
    with pytest.raises(Unregistered, match="did you mean 'activity'"):
        check_features(workspace(tmp_path, service="activty"))
    snapshot = tmp_path / "features" / "seatrial_features.json"
    snapshot.unlink()
    with pytest.raises(NotApplied, match="seatrial features apply"):
        check_features(workspace(tmp_path))
    (tmp_path / "features" / "feature_store.yaml").unlink()
    with pytest.raises(RepositoryMissing, match="seatrial features init"):
        check_features(workspace(tmp_path))


@pytest.fixture
def tecton() -> Iterator[Tecton]:
    with running(Tecton()) as tecton:
        tecton.put(1, "eu", "2026-03-10T12:00:00Z", stats_average=2.5)
        yield tecton


def of_tecton(tecton: Tecton, tmp_path: Path, **lookup: Any) -> Workspace:
    section = {
        "tecton": {"url": tecton.url, "workspace": "prod"},
        "endpoints": {"churn": {"deadline": "10s", **lookup}},
        "log_sample_rate": 0,
    }
    config = tmp_path / "seatrial.yaml"
    config.write_text(json.dumps({"features": section}))
    return open_workspace(home=tmp_path / "home", config=config, environment={})


async def test_features_of_tecton_are_looked_up_the_same(
    tecton: Tecton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TECTON_API_KEY", KEY)
    place = of_tecton(
        tecton,
        tmp_path,
        features=["activity:stats.average"],
        columns={"stats.average": FIRST},
        defaults={"stats.average": 7.0},
    )
    check_features(place)
    serving = Serving(place)
    status, body = await serving.answer({"user_id": 1, "shop": "eu"}, {"user_id": 2, "shop": ""})
    assert status == 200
    assert body["predictions"] == [await serving.whole(2.5), await serving.whole(7.0)]
    await serving.lookups.close()


def test_what_is_wrong_with_tecton_is_said_before_a_server_starts(
    tecton: Tecton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TECTON_API_KEY", raising=False)
    with pytest.raises(TectonKeyMissing, match="TECTON_API_KEY is not set"):
        check_features(of_tecton(tecton, tmp_path, service="activity"))
    monkeypatch.setenv("TECTON_API_KEY", KEY)
    with pytest.raises(Unsupported, match=r"activity:stats\.recent' is no single number"):
        check_features(of_tecton(tecton, tmp_path, service="activity"))
    with pytest.raises(Unregistered, match="404 about 'other'"):
        check_features(of_tecton(tecton, tmp_path, service="other"))
