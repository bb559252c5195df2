"""From a deployed model and its prediction log to performance: real bundles, files and SQLite."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.adapters.tables.parquet_log import convert
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.watching.config import PerformanceConfig
from seatrial.registry.bundle import Bundle
from seatrial.serving.sample import Record, encode, values_of
from seatrial.serving.spool import Spool
from seatrial.testing.clock import FakeClock
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.watching.label_sheet import sheet
from seatrial.wiring.watching.performance import LabelFiles, Performances
from seatrial.wiring.workspace import Workspace, open_workspace

pytestmark = pytest.mark.slow

CONFIG = PerformanceConfig(window_rows=300)
DAY_S = 86_400.0
BEGAN_S = datetime(2026, 3, 1, tzinfo=UTC).timestamp()


def drawn(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, (x @ [2.0, -1.0] + rng.logistic(size=n) > 0).astype(np.int64)


def saved(folder: Path, name: str, x: NDArray[Any], y: NDArray[Any]) -> Path:
    import pandas as pd

    path = folder / name
    pd.DataFrame({"age": x[:, 0], "n_rows": x[:, 1], "y": y}).to_parquet(path)
    return path


class World:
    """A workspace, and requests whose answers are logged as workers log them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace: Workspace = open_workspace(home=folder / "home", environment={})
        self.clock = FakeClock()
        self.store: Store = self.workspace.open_store()
        self.model: Any = None
        self.n = 0

    def deploy(
        self, model: Any, name: str, y: NDArray[Any], x: NDArray[Any], **more: Any
    ) -> Bundle:
        import joblib
        import pandas as pd

        self.model = model.fit(pd.DataFrame({"age": x[:, 0], "n_rows": x[:, 1]}), y)
        joblib.dump(self.model, self.folder / f"{name}.pkl")
        steps: list[tuple[str, str, str]] = []
        order = Order(
            model=self.folder / f"{name}.pkl",
            data=saved(self.folder, f"{name}.parquet", x, y),
            label="y",
            **more,
        )
        placed = deploy_order(
            self.workspace,
            order,
            on_step=lambda *step: steps.append(step),
            on_progress=lambda *_: None,
        )
        placed.store.close()
        self.said = {name: text for _, name, text in steps}
        return Bundle.open(self.workspace.bundles / placed.version.digest)

    def ask(
        self,
        name: str,
        x: NDArray[np.float64],
        *,
        rows_each: int = 10,
        at_s: float = BEGAN_S,
        fails: bool = False,
    ) -> list[str]:
        """Log requests; the ids of their rows."""
        import pandas as pd

        frame = pd.DataFrame({"age": x[:, 0], "n_rows": x[:, 1]})
        outputs: dict[str, NDArray[Any]] = {}
        if not fails and hasattr(self.model, "predict_proba"):
            outputs["label"] = self.model.predict(frame).astype(np.int64)
            outputs["probabilities"] = self.model.predict_proba(frame).astype(np.float32)
        elif not fails:
            outputs["prediction"] = self.model.predict(frame)
        spool = Spool(self.workspace.spool, name="w0", clock=self.clock)
        ids: list[str] = []
        records = []
        for start in range(0, len(x), rows_each):
            part = slice(start, start + rows_each)
            n = len(x[part])
            self.n += 1
            records.append(
                Record(
                    request_id=f"q{self.n}",
                    at=at_s + self.n * 0.01,
                    endpoint=name,
                    version=1,
                    revision=1,
                    outcome="error" if fails else "ok",
                    latency_s=0.01,
                    n_rows=n,
                    rows=n,
                    inputs={"age": values_of(x[part, 0]), "n_rows": values_of(x[part, 1])},
                    outputs={key: values_of(value[part]) for key, value in outputs.items()},
                )
            )
            ids += [f"q{self.n}"] if n == 1 else [f"q{self.n}/{i}" for i in range(n)]
        spool.append([encode(one) for one in records])
        spool.close()
        convert(self.workspace.spool, self.workspace.log)
        return ids

    def monitor(self) -> PerformanceMonitor:
        opened = Performances(self.store, self.workspace, CONFIG)
        return PerformanceMonitor(
            self.store,
            clock=self.clock,
            opened=opened,
            wait_s=3_600,
            troubles=Troubles(logging.getLogger("seatrial"), self.clock),
        )

    def turn(self, monitor: PerformanceMonitor, name: str) -> dict[str, Any]:
        self.clock.advance(2)
        monitor.turn({name: [1]}, lambda *_: None)
        return monitor.records(name).get(1, {})

    def desk(self) -> LabelDesk:
        return LabelDesk(self.store, LabelFiles(self.workspace.labels), now=self.clock.now)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def pairs(ids: Sequence[str], y: NDArray[Any]) -> list[tuple[str, str]]:
    return [(key, str(label)) for key, label in zip(ids, y.tolist(), strict=True)]


def test_a_holdout_becomes_the_reference_and_is_in_the_bundle(world: World) -> None:
    hold = saved(world.folder, "hold.parquet", *drawn(2, 1_000))
    x, y = drawn(1, 1_000)
    bundle = world.deploy(classifier(), "clf", y, x, holdout=hold)
    record = bundle.performance()
    assert (record["schema"], record["origin"], record["n"]) == (1, "holdout", 1_000)
    assert "was not trained on" in world.said["reference"]
    again = world.deploy(classifier(), "other", y, x, holdout=hold)
    assert again.performance() == record


def test_the_training_sample_is_a_reference_that_flatters_and_says_so(world: World) -> None:
    x, y = drawn(1, 1_000)
    bundle = world.deploy(classifier(), "clf", y, x)
    assert bundle.performance()["origin"] == "sample"
    assert "flatters" in world.said["reference"]


def test_few_labelled_rows_are_no_reference_and_the_model_is_deployed_all_the_same(
    world: World,
) -> None:
    x, y = drawn(1, 60)
    bundle = world.deploy(classifier(), "clf", y, x)
    assert bundle.performance() == {}
    assert world.said["reference"].startswith("none: ")
    assert "Give at least 100" in world.said["reference"]
    world.ask("clf", x)
    assert world.turn(world.monitor(), "clf") == {}


def test_predictions_are_followed_over_days_files_and_restarts_each_once(world: World) -> None:
    x, y = drawn(1, 1_000)
    world.deploy(classifier(), "clf", y, x)
    monitor = world.monitor()
    assert world.turn(monitor, "clf")["n_seen"] == 0
    ids: list[str] = []
    truth: list[NDArray[np.int64]] = []
    for part in range(4):
        x, y = drawn(10 + part, 200 if part else 1)
        ids += world.ask("clf", x, at_s=BEGAN_S + part * DAY_S / 2)
        truth.append(y)
        if part == 1:
            world.ask("clf", x[:3], fails=True, at_s=BEGAN_S)
        if part == 2:  # nothing was closed, as after a kill
            monitor = world.monitor()
        world.turn(monitor, "clf")
    record = world.turn(monitor, "clf")
    assert record["n_seen"] == 601
    assert ids[0] == "q1"  # the only row of its request
    said = world.desk().add("clf", [*pairs(ids, np.concatenate(truth)), ("q1/7", "1")])
    assert (said["n_known"], said["n_unknown"], said["n_unexpected"]) == (601, 1, 0)
    record = world.turn(monitor, "clf")
    assert (record["n_labelled"], record["measured"]["n_labelled"]) == (601, 300)
    assert record["measured"]["metrics"][0]["value"] == pytest.approx(0.82, abs=0.07)


def test_parts_of_a_day_that_come_late_are_read_too(world: World) -> None:
    x, y = drawn(1, 1_000)
    world.deploy(classifier(), "clf", y, x)
    monitor = world.monitor()
    for at_s in (BEGAN_S, BEGAN_S + DAY_S, BEGAN_S, BEGAN_S + DAY_S):
        world.ask("clf", drawn(5, 50)[0], at_s=at_s)
        record = world.turn(monitor, "clf")
    assert record["n_seen"] == 200


def test_a_regressors_error_is_estimated_from_what_was_asked(world: World) -> None:
    from sklearn.linear_model import LinearRegression

    def regression(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 2, (n, 2))
        return x, 3 * x[:, 0] + rng.normal(0, 0.2 + x[:, 1])

    x, y = regression(1, 3_000)
    world.deploy(LinearRegression(), "reg", y, x)
    monitor = world.monitor()
    x, y = regression(2, 300)
    ids = world.ask("reg", x)
    record = world.turn(monitor, "reg")
    assert record["metric"] == "mae"
    quiet = record["estimated"]["value"]
    assert quiet == pytest.approx(record["reference"]["value"], rel=0.1)
    x[:, 1] = 2.0
    world.ask("reg", x)
    assert world.turn(monitor, "reg")["estimated"]["value"] > 1.4 * quiet
    world.desk().add(
        "reg", [(key, repr(value)) for key, value in zip(ids, y.tolist(), strict=True)]
    )
    record = world.turn(monitor, "reg")
    assert record["measured"]["metrics"][0]["value"] == pytest.approx(quiet, rel=0.15)


def test_a_sheet_holds_what_was_asked_and_comes_back_with_labels(world: World) -> None:
    from seatrial.adapters.labels.label_files import read_labels

    x, y = drawn(1, 1_000)
    world.deploy(classifier(), "clf", y, x)
    monitor = world.monitor()
    x, y = drawn(7, 300)
    ids = world.ask("clf", x)
    world.turn(monitor, "clf")
    planned = world.desk().plan("clf", 40)
    text = sheet(world.workspace, world.store, "clf", planned)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == list(planned.rows.ids)
    assert len(rows) == 40
    truth = dict(zip(ids, y.tolist(), strict=True))
    asked = dict(zip(ids, x.tolist(), strict=True))
    for row in rows:
        assert [float(row["age"]), float(row["n_rows"])] == asked[row["id"]]
        row["label"] = str(truth[row["id"]])
    assert read_labels(text.encode()) == [(key, "") for key in planned.rows.ids]
    filled = io.StringIO()
    writer = csv.DictWriter(filled, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    said = world.desk().add("clf", read_labels(filled.getvalue().encode()))
    assert said["n_known"] == 40
    record = world.turn(monitor, "clf")
    assert record["n_labelled"] == 40
    assert record["estimated"]["trust"]["trust"] != "unverified"


def test_labels_of_strange_endpoints_have_folders_of_their_own(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    for name in ("..", "a/b", "模型"):
        with files.writing(name):
            pass
        assert files.versions(name) == set()
    assert len(list(tmp_path.iterdir())) == 3
    files.ledger("a/b", 3).close()
    assert files.versions("a/b") == {3}
