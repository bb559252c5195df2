"""From a deployed model and its prediction log to segments: real bundles, files and SQLite."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.adapters.tables.parquet_log import convert
from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.drift.segments import NoSegmentReference
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.importance import Origin
from seatrial.monitoring.watching.batch import RuleName
from seatrial.monitoring.watching.segment_monitor import SegmentMonitor
from seatrial.monitoring.watching.server_monitor import ServerMonitor
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.monitoring.watching.watch_file import MonitoringFile, ReferenceConfig
from seatrial.packaging.sample import SampleMismatch
from seatrial.registry.bundle import Bundle
from seatrial.release.projection import Endpoints
from seatrial.serving.sample import Record, encode, values_of
from seatrial.serving.spool import Spool
from seatrial.testing.clock import FakeClock
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.watching.backfill import backfilled, log_folder
from seatrial.wiring.watching.batch_report import compared
from seatrial.wiring.watching.log_reference import Known, known_reference
from seatrial.wiring.watching.monitor import Watches
from seatrial.wiring.watching.performance import LabelFiles, Performances
from seatrial.wiring.watching.segment_watches import SegmentWatches
from seatrial.wiring.workspace import open_workspace

pytestmark = pytest.mark.slow

TOWNS = np.array(["Oslo", "Lima", "Wuhan", "Bonn"], dtype=object)
BEGAN_S = 1_772_323_200.0
ROWS = 400

Rows = dict[str, NDArray[Any]]


def drawn(
    seed: int, n: int, *, wrong: str = "", moved: str = "", near: str = "", gone: str = ""
) -> tuple[Rows, NDArray[np.int64]]:
    """Rows of four towns and what comes true; in some towns things are otherwise.

    Args:
        wrong: there a coin decides what comes true, whatever the model thinks.
        moved: there ``b``, of which the model makes nothing, is another one.
        near: there rows lie near the model's boundary: it knows less, and knows that.
        gone: rows of this town come from one that nobody knows, and some have none.
    """
    rng = np.random.default_rng(seed)
    a, b, town = rng.normal(size=n), rng.normal(size=n), TOWNS[rng.integers(0, 4, n)]
    a[town == near] *= 0.1
    b[town == moved] += 1.5
    y = (3.0 * a + rng.logistic(size=n) > 0).astype(np.int64)
    y[town == wrong] = rng.integers(0, 2, n)[town == wrong]
    if gone:
        there = np.flatnonzero(town == gone)
        town[there[::2]], town[there[1::2]] = "Nowhere", None
    return {"a": a, "b": b, "town": town}, y


class World:
    """A workspace with a model in production, requests logged as workers log them, a monitor."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.folder = folder
        (folder / "seatrial.yaml").write_text(
            "monitoring:\n  windows: {every: 1s, least_rows: 400}\n"
            f"  performance: {{window_rows: {ROWS}}}\n{config}"
        )
        self.workspace = open_workspace(
            home=folder / "home", config=folder / "seatrial.yaml", environment={}
        )
        self.clock = FakeClock()
        self.store: Store = self.workspace.open_store()
        self.said: dict[str, str] = {}
        self.n = 0

    def deploy(
        self, n: int = 6_000, *, holdout: bool = True, labelled: bool = True, **more: Any
    ) -> Bundle:
        import joblib
        import pandas as pd
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        files = []
        for seed in (1, 2):
            rows, y = drawn(seed, n)
            files.append(self.folder / f"{seed}.parquet")
            frame = pd.DataFrame(rows)
            (frame.assign(y=y) if labelled else frame).to_parquet(files[-1])
        coded = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough"
        )
        rows, y = drawn(1, n)
        self.model = make_pipeline(coded, LogisticRegression()).fit(pd.DataFrame(rows), y)
        joblib.dump(self.model, self.folder / "m.pkl")
        order = Order(
            model=self.folder / "m.pkl",
            name="churn",
            data=files[0],
            label="y" if labelled else None,
            holdout=files[1] if holdout else None,
            target="production",
            **more,
        )
        placed = deploy_order(
            self.workspace,
            order,
            on_step=lambda _, name, text: self.said.__setitem__(name, text),
            on_progress=lambda *_: None,
        )
        placed.store.close()
        about = {"release": placed.release, "version": placed.version.number, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        promoted = Draft(kind="release.promoted", data=about, by="test")
        endpoints = Endpoints(self.store)
        endpoints.refresh()
        endpoints.append("churn", [passed, promoted])
        return Bundle.open(self.workspace.bundles / placed.version.digest)

    def ask(self, rows: Rows, *, fails: bool = False) -> list[str]:
        """Log the rows, ten a request and a request a second; their ids."""
        import pandas as pd

        n, ids, records = len(rows["a"]), [], []
        frame = pd.DataFrame(rows)
        outputs: Rows = (
            {}
            if fails
            else {
                "label": self.model.predict(frame).astype(np.int64),
                "probabilities": self.model.predict_proba(frame).astype(np.float32),
            }
        )
        spool = Spool(self.workspace.spool, name="w0", clock=self.clock)
        for start in range(0, n, 10):
            part = slice(start, start + 10)
            self.n += 1
            records.append(
                Record(
                    request_id=f"q{self.n}",
                    at=BEGAN_S + self.n,
                    endpoint="churn",
                    version=1,
                    revision=1,
                    outcome="error" if fails else "ok",
                    latency_s=0.01,
                    n_rows=10,
                    rows=10,
                    inputs={name: values_of(column[part]) for name, column in rows.items()},
                    outputs={name: values_of(column[part]) for name, column in outputs.items()},
                )
            )
            ids += [f"q{self.n}/{i}" for i in range(10)]
        spool.append([encode(one) for one in records])
        spool.close()
        convert(self.workspace.spool, self.workspace.log)
        return ids

    def label(self, ids: list[str], y: NDArray[np.int64]) -> None:
        desk = LabelDesk(self.store, LabelFiles(self.workspace.labels), now=self.clock.now)
        desk.add("churn", [(key, str(label)) for key, label in zip(ids, y.tolist(), strict=True)])

    def monitor(self, holder: str = "one") -> ServerMonitor:
        config = self.workspace.settings.monitoring
        book = AlertBook(self.store, timing=config.alerts.timing)
        opened = Performances(self.store, self.workspace, config.performance)
        troubles = Troubles(logging.getLogger("seatrial"), self.clock)
        return ServerMonitor(
            self.store,
            clock=self.clock,
            config=config,
            open_watch=Watches(self.store, self.workspace.bundles, config),
            alarms=Alarms(book, Couriers([]), clock=self.clock),
            book=book,
            holder=holder,
            troubles=troubles,
            performance=PerformanceMonitor(
                self.store, clock=self.clock, opened=opened, wait_s=1e9, troubles=troubles
            ),
            segments=SegmentMonitor(
                self.store,
                clock=self.clock,
                opened=SegmentWatches(self.store, self.workspace),
                troubles=troubles,
            ),
        )

    def tick(self, monitor: ServerMonitor) -> None:
        self.clock.advance(5)
        assert monitor.tick()

    def firing(self) -> dict[str, Any]:
        book = AlertBook(self.store)
        book.refresh()
        return {a.labels.kind: a for a in book.alerts() if a.phase is Phase.FIRING}

    def view(self) -> dict[str, Any]:
        return WatchDesk(self.store).view("churn")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def test_a_segment_that_moves_gets_worse_and_is_labelled_so_is_named_in_each_alert(
    world: World,
) -> None:
    bundle = world.deploy(segments=("town",))
    assert "town (4 segments)" in world.said["segments"]
    assert set(bundle.performance()["segments"]["columns"]["town"]) == set(TOWNS)
    monitor = world.monitor()
    world.tick(monitor)
    rows, y = drawn(3, 2 * ROWS)
    ids = world.ask(rows)
    world.ask(drawn(4, 200)[0], fails=True)
    world.tick(monitor)
    world.label(ids, y)
    world.tick(monitor)
    assert world.firing() == {}
    view = world.view()
    assert view["segments"]["1"]["columns"] == ["town"]
    assert view["segments"]["1"]["n"] == 2 * ROWS  # what failed was not answered and is left out
    assert {s["value"] for s in view["segments"]["1"]["segments"]} == set(TOWNS)
    quiet = view["performance"]["1"]["segments"]
    assert [(s["level"], s["n"] > 100) for s in quiet["measured"]] == [("clear", True)] * 4

    for seed in (5, 6, 7):
        rows, y = drawn(seed, 2 * ROWS, wrong="Lima", moved="Wuhan", near="Bonn")
        ids = world.ask(rows)
        world.tick(monitor)
        world.label(ids, y)
        world.tick(monitor)
    firing = world.firing()
    drifted = firing["segment_drift"]
    assert set(drifted.finding.segments) == {"town=Wuhan", "town=Bonn"}
    assert "b" in drifted.finding.features
    assert firing["segment_estimated_performance"].finding.segments == ("town=Bonn",)
    measured = firing["segment_performance"].finding
    assert set(measured.segments) == {"town=Lima", "town=Bonn"}
    assert "town=Lima" in measured.what.en
    told = world.view()["performance"]["1"]["segments"]["measured"]
    worst = {one["value"]: one for one in told}
    assert worst["Lima"]["level"] == worst["Bonn"]["level"] == "critical"
    assert worst["Lima"]["lower"] < 0.5 < worst["Lima"]["upper"]
    assert worst["Oslo"]["level"] == "clear"
    assert not worst["Lima"]["reference_of_whole"]


def test_a_new_value_and_missing_ones_are_shown_and_held_against_the_whole(world: World) -> None:
    world.deploy(segments=("town",))
    monitor = world.monitor()
    world.tick(monitor)
    for seed in (3, 4):
        rows, y = drawn(seed, 2 * ROWS, wrong="Lima", gone="Lima")
        ids = world.ask(rows)
        world.tick(monitor)
        world.label(ids, y)
        world.tick(monitor)
    shown = {s["value"]: s for s in world.view()["segments"]["1"]["segments"]}
    assert shown["(new)"]["not_compared"] == shown["(missing)"]["not_compared"] == "no_reference"
    measured = world.firing()["segment_performance"].finding
    assert set(measured.segments) == {"town=(new)", "town=(missing)"}
    assert "of the whole" in measured.what.en
    assert "取全体的参考值" in measured.what.zh


def test_a_kill_reads_the_open_window_again_and_counts_nothing_twice(world: World) -> None:
    world.deploy(segments=("town", "a"))
    monitor = world.monitor()
    for seed in range(3, 9):
        rows, y = drawn(seed, 250)
        ids = world.ask(rows)
        if seed % 2:  # nothing was closed, as after a kill
            monitor = world.monitor()
        world.tick(monitor)
        world.label(ids, y)
        world.tick(monitor)
    view = world.view()
    assert (view["segments"]["1"]["n"], view["segments"]["1"]["filling"]) == (500, 0)
    measured = view["performance"]["1"]["segments"]["measured"]
    assert sum(s["n"] for s in measured if s["column"] == "town") == 1_500
    assert sum(s["n"] for s in measured if s["column"] == "a") == 1_500


def test_a_label_that_is_corrected_counts_once(world: World) -> None:
    world.deploy(segments=("town",))
    monitor = world.monitor()
    rows, y = drawn(3, ROWS)
    ids = world.ask(rows)
    world.tick(monitor)
    for truth in (1 - y, y):
        world.label(ids, truth)
        world.tick(monitor)
    corrected = world.view()["performance"]["1"]["segments"]["measured"]
    assert sum(s["n"] for s in corrected) == ROWS
    assert all(s["performance"] > 0.7 for s in corrected)


def test_columns_of_the_configuration_are_kept_of_the_models_that_have_them(tmp_path: Path) -> None:
    world = World(tmp_path, "  segments: [town, plan]\n")
    bundle = world.deploy()
    assert list(bundle.performance()["segments"]["columns"]) == ["town"]
    world.store.close()


def test_a_version_without_the_segments_asked_for_says_so_and_what_to_do(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deploy()
    world.store.close()
    world = World(tmp_path, "  segments: [town, plan]\n")
    monitor = world.monitor()
    world.tick(monitor)
    problem = world.view()["segments"]["1"]["problem"]
    assert "deploy the model again with --segments town." in problem["en"]
    assert "--segments town 重新部署" in problem["zh"]
    world.store.close()


def test_a_version_without_labelled_rows_is_watched_by_segment_and_says_what_is_not_judged(
    world: World,
) -> None:
    world.deploy(segments=("town",), holdout=False, labelled=False)
    monitor = world.monitor()
    world.ask(drawn(3, ROWS)[0])
    world.tick(monitor)
    segments = world.view()["segments"]["1"]
    assert segments["n"] == ROWS
    assert segments["problem"] is None
    assert "churn@1 does by segment is not judged" in segments["unjudged"]["en"]
    assert "--segments town and labelled rows" in segments["unjudged"]["en"]
    assert "--segments town 并附带标签数据" in segments["unjudged"]["zh"]


def test_without_segments_nothing_is_said_of_any(world: World) -> None:
    world.deploy()
    monitor = world.monitor()
    world.ask(drawn(3, ROWS)[0])
    world.tick(monitor)
    view = world.view()
    assert view["segments"] == {}
    assert view["performance"]["1"]["segments"] is None


@pytest.mark.parametrize(("asked", "said"), [("plan", "no input 'plan'"), ("y", "no input 'y'")])
def test_what_is_no_input_of_the_model_is_refused(world: World, asked: str, said: str) -> None:
    with pytest.raises(SampleMismatch, match=said) as bad:
        world.deploy(600, segments=(asked,))
    assert "a, b, town" in bad.value.remedy


def test_the_past_is_judged_by_segment_too(world: World) -> None:
    world.deploy(segments=("town",))
    world.ask(drawn(3, ROWS)[0])
    world.ask(drawn(4, ROWS, moved="Lima")[0])
    past = list(
        backfilled(
            world.workspace,
            "churn",
            log=log_folder(world.workspace, "churn"),
            windows=Windows(n_rows=ROWS),
        )
    )
    found = [one.report["segments"] for one in past]
    assert [{s["value"] for s in window} for window in found] == [set(TOWNS)] * 2
    worst = [(s["value"], s["severity"]) for w in found for s in w if s["severity"] != "none"]
    assert worst == [("Lima", "critical")]


def test_a_log_beside_a_bundle_is_judged_by_the_segments_the_bundle_kept(world: World) -> None:
    import pandas as pd

    bundle = world.deploy(segments=("a", "town"))
    rows, y = drawn(3, 4_000, wrong="Lima")
    frame = pd.DataFrame(rows)
    frame.assign(
        prediction=world.model.predict(frame),
        probability=world.model.predict_proba(frame)[:, 1],
        label=y,
    ).to_parquet(world.folder / "log.parquet")

    def report(*segments: str) -> dict[str, Any]:
        found = compared(
            MonitoringFile.model_validate(
                {
                    "endpoint": "churn",
                    "data": "log.parquet",
                    "reference": "churn@1",
                    "segments": list(segments),
                }
            ),
            folder=world.folder,
            workspace=lambda: world.workspace,
            rules=(RuleName.DEFAULT,),
            now=world.clock.now(),
        )
        assert found.performance is not None
        assert ("town=Lima" in found.verdict.reason) is ("town" in segments)
        return found.performance

    segments = report("town")["segments"]
    assert segments["columns"] == ["town"]
    assert (segments["measured"][0]["value"], segments["measured"][0]["level"]) == (
        "Lima",
        "critical",
    )
    kept = bundle.performance()["segments"]["columns"]["town"]["Lima"]
    # Labelled rows and those of them that the model was right about, as the bundle has them.
    assert segments["measured"][0]["reference"] == pytest.approx(kept[5] / kept[4])
    assert report()["segments"] is None


def test_a_bundle_without_segments_of_labelled_rows_says_so_beside_a_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(600, segments=("town",))
    whole = Bundle.performance
    monkeypatch.setattr(
        Bundle, "performance", lambda b: {k: v for k, v in whole(b).items() if k != "segments"}
    )
    known = known_reference(
        ReferenceConfig(source="churn@1"),
        columns=Columns(),
        segments=["town"],
        folder=world.folder,
        workspace=lambda: world.workspace,
    )
    assert known.by_segment is None
    assert "How well churn@1 does by segment is not judged" in known.notes[0]
    assert known.importance.origin is Origin.MODEL
    assert "of the model" in known.told[0]["en"]


def test_a_log_beside_a_bundle_is_split_by_what_the_bundle_kept(world: World) -> None:
    world.deploy(600, segments=("town",))

    def known(*segments: str) -> Known:
        return known_reference(
            ReferenceConfig(source="churn@1"),
            columns=Columns(),
            segments=segments,
            folder=world.folder,
            workspace=lambda: world.workspace,
        )

    kept = known("town").segments
    assert kept is not None
    assert set(kept.segments["town"]) == set(TOWNS)
    with pytest.raises(NoSegmentReference, match="segments of 'a'") as bad:
        known("town", "a")
    assert "--segments a" in bad.value.remedy
