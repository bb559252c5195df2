"""The performance of a log under watch: labels with the rows, late, corrected, from elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import StoreFull
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.watching.telling import Telling
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.testing.clock import FakeClock
from seatrial.wiring.watching.folder import WatchChanged, WatchFolder
from seatrial.wiring.watching.late_labels import LabelColumnsMissing
from seatrial.wiring.watching.log_watch import LogWatch

EXAMPLE = Path(__file__).parents[3] / "examples" / "monitoring"


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def no_workspace() -> object:
    raise NotFound("There is no workspace here.", remedy="None is needed.")


class Log:
    """The example's rows in a folder, and a watch over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = pq.read_table(EXAMPLE / "current.parquet")
        pq.write_table(pq.read_table(EXAMPLE / "reference.parquet"), folder / "reference.parquet")
        (folder / "log").mkdir()
        self.clock = FakeClock()
        self.said: list[str] = []
        self.open: LogWatch | None = None
        self.content: dict[str, Any] = {
            "endpoint": "houses",
            "data": "log",
            "reference": {"source": "reference.parquet", "holdout": True},
            "windows": {"rows": 500},
            "performance": {"keep": "400d"},
            "alerts": {"default": {"for": "0s"}},
            "out": "out",
        }

    def write(self, first: int, n: int, *, labels: bool, name: str = "") -> None:
        some = self.rows.slice(first, n)
        some = some if labels else some.drop(["label"])
        pq.write_table(some, self.folder / "log" / f"{name or f'part-{first:05d}'}.parquet")

    def label(self, first: int, n: int, *, flipped: bool = False, new: bool = False) -> None:
        some = self.rows.slice(first, n).select(["prediction_id", "label"]).to_pylist()
        path = self.folder / "came.csv"
        if new or not path.exists():
            path.write_text("prediction_id,label\n")
        with path.open("a") as file:
            for row in some:
                file.write(f"{row['prediction_id']},{row['label'] ^ flipped}\n")

    def watch(self, **more: object) -> LogWatch:
        self.close()
        file = MonitoringFile.model_validate({**self.content, **more})
        WatchFolder.of(file, self.folder).make()
        self.open = LogWatch(
            file,
            folder=self.folder,
            workspace=no_workspace,  # type: ignore[arg-type]
            clock=self.clock,
            env={},
            say=self.said.append,
            once=True,
        )
        return self.open

    def ticked(self, **more: object) -> dict[str, Any]:
        """What is known of the performance after a look of a new process."""
        watch = self.watch(**more)
        watch.tick()
        found: dict[str, Any] = WatchDesk(watch.store).view("houses")["performance"]["1"]
        return found

    def view(self) -> dict[str, Any]:
        assert self.open is not None
        return WatchDesk(self.open.store).view("houses")

    def right(self, first: int, n: int) -> float:
        some = self.rows.slice(first, n)
        return float((some["prediction"].to_numpy() == some["label"].to_numpy()).mean())

    def close(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None


@pytest.fixture
def log(tmp_path: Path) -> Any:
    found = Log(tmp_path)
    yield found
    found.close()


def counts(record: dict[str, Any]) -> tuple[int, int, int]:
    return record["n_seen"], record["n_labelled"], record["n_corrected"]


def real(record: dict[str, Any]) -> list[float | None]:
    return [point["real"] for point in record["series"]]


def test_labels_in_the_log_are_alerts_triggers_metrics_and_a_page(log: Log) -> None:
    log.write(0, 2_000, labels=True)
    quorum = {"k": 1, "n": 1}
    rule = {"name": "worse", "kind": "performance", "metric": "f1", "under": 0.8, "quorum": quorum}
    found = log.ticked(triggers=[rule])
    assert counts(found) == (2_000, 2_000, 0)
    assert real(found) == [0.85, 0.678, 0.552, 0.806]
    assert log.open is not None
    view = WatchDesk(log.open.store).view("houses")
    firing = {a["labels"]["kind"]: a["severity"] for a in view["alerts"] if a["phase"] == "firing"}
    assert firing["performance"] == firing["estimated_performance"] == "critical"
    assert [request["rule"] for request in view["triggers"]] == ["worse"]
    text = log.open.metrics()
    for line in (
        'seatrial_real_accuracy{endpoint="houses",version="1"} 0.806',
        'seatrial_real_performance{endpoint="houses",version="1",metric="f1"}',
        'seatrial_reference_performance{endpoint="houses",version="1",metric="auc"}',
        'seatrial_estimate_trusted{endpoint="houses",version="1"} 0',
    ):
        assert line in text
    page = (log.folder / "out" / "report.html").read_text()
    assert '<svg class="performance"' in page
    assert "Do not trust the estimate" in page


def test_without_labels_all_metrics_are_estimated_and_nothing_is_measured(log: Log) -> None:
    log.write(0, 500, labels=False)
    found = log.ticked()
    assert counts(found) == (500, 0, 0)
    assert found["measured"] is None
    assert found["estimated"]["trust"]["trust"] == "unverified"
    names = [one["name"] for one in found["estimated"]["others"]]
    assert names == ["precision", "recall", "f1", "auc"]
    for one in found["estimated"]["others"]:
        assert one["lower"] < one["value"] < one["upper"]
    assert log.open is not None
    assert 'seatrial_estimated_performance{endpoint="houses",version="1",metric="auc"}' in (
        log.open.metrics()
    )


def test_labels_that_come_later_are_joined_and_corrected_ones_replace_them(log: Log) -> None:
    log.write(0, 1_000, labels=False)
    log.content["labels"] = "came.csv"
    assert counts(log.ticked()) == (1_000, 0, 0)  # nothing has come, not even the file
    assert any("came.csv" in said for said in log.said)
    log.label(0, 500)
    found = log.ticked()
    assert counts(found) == (1_000, 500, 0)
    assert real(found) == [log.right(0, 500), None]
    log.label(0, 50, flipped=True)
    log.label(0, 50)
    log.label(500, 500)
    log.label(1_500, 10)  # of rows that nobody knows yet
    found = log.ticked()
    assert real(found) == [log.right(0, 500), log.right(500, 500)]
    assert found["n_labelled"] == 1_000
    assert found["n_waiting"] == 10
    log.write(1_000, 1_000, labels=False)
    found = log.ticked()
    assert (found["n_labelled"], found["n_waiting"]) == (1_010, 0)


def test_in_one_go_and_in_many_it_is_the_same(log: Log, tmp_path: Path) -> None:
    for first, n in ((0, 130), (130, 700), (830, 20), (850, 1_150)):
        log.write(first, n, labels=first != 130)
        parts = log.ticked()
    folder = tmp_path / "whole"
    folder.mkdir()
    whole = Log(folder)
    whole.write(0, 130, labels=True)
    whole.write(130, 700, labels=False)
    whole.write(830, 1_170, labels=True)
    at_once = whole.ticked()
    whole.close()
    assert counts(parts) == counts(at_once) == (2_000, 1_300, 0)
    assert real(parts) == real(at_once)
    for name in ("value", "lower", "label_free"):
        assert parts["estimated"][name] == pytest.approx(at_once["estimated"][name])


def test_a_kill_before_waiting_labels_are_let_go_loses_and_doubles_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.content["labels"] = "came.csv"
    log.label(0, 600)
    log.write(0, 1_000, labels=False)

    def killed(self: SqliteInbox, positions: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SqliteInbox, "drop", killed)
        watch = log.watch()
        with pytest.raises(Killed):
            watch.tick()
    found = log.ticked()
    assert counts(found) == (1_000, 600, 0)
    assert real(found)[0] == log.right(0, 500)
    assert found["n_waiting"] == 0


def test_a_kill_before_people_are_told_delays_alerts_and_triggers_and_loses_none(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(0, 2_000, labels=True)
    rule = {"name": "worse", "kind": "performance", "metric": "f1", "under": 0.8}
    pass_on = Telling.pass_on

    def killed(self: Telling, findings: Sequence[Finding] = ()) -> None:
        if any(one.labels.kind == "performance" for one in findings):
            raise Killed
        pass_on(self, findings)

    with monkeypatch.context() as patched:
        patched.setattr(Telling, "pass_on", killed)
        with pytest.raises(Killed):
            log.ticked(triggers=[rule])
    assert log.view()["triggers"] == []
    assert counts(log.ticked(triggers=[rule])) == (2_000, 2_000, 0)
    firing = {a["labels"]["kind"] for a in log.view()["alerts"] if a["phase"] == "firing"}
    assert {"performance", "estimated_performance"} <= firing
    assert [request["rule"] for request in log.view()["triggers"]] == ["worse"]


def test_late_labels_that_cannot_be_kept_stop_nothing_else_and_are_handed_in_later(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"source": "came.csv"}
    log.write(0, 1_000, labels=False)
    log.label(0, 1_000)

    def full(*_: object, **__: object) -> None:
        raise StoreFull("The drive is full.", remedy="Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteInbox, "put", full)
        assert counts(log.ticked(labels=labels)) == (1_000, 0, 0)
    (trouble,) = log.view()["troubles"]
    assert trouble["about"] == "labels that come later"
    assert "The drive is full" in trouble["problem"]
    assert counts(log.ticked(labels=labels)) == (1_000, 1_000, 0)
    assert log.view()["troubles"] == []


def test_a_log_whose_labels_are_filled_in_later_is_its_own_source_of_labels(log: Log) -> None:
    log.content["labels"] = "log"
    at = log.rows.column_names.index("label")
    empty = log.rows.set_column(at, "label", pa.nulls(log.rows.num_rows, pa.int8()))
    pq.write_table(empty.slice(0, 500), log.folder / "log" / "all.parquet")
    found = log.ticked()
    assert counts(found) == (500, 0, 0)
    log.write(0, 1_000, labels=True, name="all")
    log.ticked()
    found = log.ticked()  # a file that was read is read again, once it was written to
    assert counts(found) == (1_000, 1_000, 0)
    assert real(found) == [log.right(0, 500), log.right(500, 500)]


@pytest.mark.parametrize("asked", [{"table": "truth"}, {"query": "SELECT * FROM truth"}])
def test_rows_of_a_database_that_are_written_over_count_within_a_minute(
    asked: dict[str, str], log: Log
) -> None:
    log.write(0, 500, labels=False)
    with sqlite3.connect(log.folder / "labels.db") as db:
        db.execute("CREATE TABLE truth (prediction_id TEXT, label INTEGER)")
        rows = log.rows.slice(0, 500).select(["prediction_id", "label"]).to_pylist()
        db.executemany(
            "INSERT INTO truth VALUES (?, ?)",
            [(r["prediction_id"], r["label"] if k < 100 else None) for k, r in enumerate(rows)],
        )
    log.content["labels"] = {"source": "sqlite:///labels.db", **asked}
    assert counts(log.ticked()) == (500, 100, 0)
    with sqlite3.connect(log.folder / "labels.db") as db:
        db.executemany(
            "UPDATE truth SET label = ? WHERE prediction_id = ?",
            [(r["label"], r["prediction_id"]) for r in rows],
        )
    assert counts(log.ticked()) == (500, 500, 0)
    assert log.open is not None
    with sqlite3.connect(log.folder / "labels.db") as db:
        db.execute("UPDATE truth SET label = 1 - label WHERE prediction_id = 'c04500'")
    log.open.tick()
    view = WatchDesk(log.open.store).view("houses")["performance"]["1"]
    assert view["n_corrected"] == 0  # it was read a moment ago
    log.clock.advance(61)
    log.open.tick()
    view = WatchDesk(log.open.store).view("houses")["performance"]["1"]
    assert view["n_corrected"] == 1


def test_rows_without_an_id_count_once_each_and_with_their_own_labels(log: Log) -> None:
    table = log.rows.drop(["prediction_id"])
    pq.write_table(table.slice(0, 700), log.folder / "log" / "a.parquet")
    assert counts(log.ticked()) == (700, 700, 0)
    pq.write_table(table.slice(700, 300), log.folder / "log" / "b.parquet")
    found = log.ticked()
    assert counts(found) == (1_000, 1_000, 0)
    assert real(found) == [log.right(0, 500), log.right(500, 500)]


def test_a_classifier_without_probabilities_is_measured_by_labels_alone(log: Log) -> None:
    reference = pq.read_table(EXAMPLE / "reference.parquet").drop(["probability"])
    pq.write_table(reference, log.folder / "reference.parquet")
    log.rows = log.rows.drop(["probability"])
    log.write(0, 1_000, labels=True)
    found = log.ticked()
    assert (found["estimates"], found["estimated"]["value"]) == (False, None)
    assert found["estimated"]["reason"].startswith("without probabilities nothing is known")
    assert real(found) == [log.right(0, 500), log.right(500, 500)]
    page = (log.folder / "out" / "report.html").read_text()
    assert "labels alone show it" in page


def test_vectors_of_numbers_are_joined_with_vectors_of_labels(log: Log) -> None:
    rng = np.random.default_rng(1)

    def rows(n: int, *, noise: float) -> pa.Table:
        said = rng.normal(size=(n, 2))
        return pa.table(
            {
                "prediction_id": [f"v{k}" for k in range(n)],
                "x": rng.normal(size=n),
                "prediction": said.tolist(),
                "label": (said + rng.normal(0, noise, (n, 2))).tolist(),
            }
        )

    pq.write_table(rows(1_000, noise=1.0), log.folder / "reference.parquet")
    current = rows(600, noise=2.0)
    pq.write_table(current.drop(["label"]), log.folder / "log" / "a.parquet")
    pq.write_table(current.select(["prediction_id", "label"]), log.folder / "came.parquet")
    found = log.ticked()
    assert found["estimated"]["reason"].startswith("of several numbers a row")
    found = log.ticked(labels="came.parquet")
    said, label = (np.array(current[name].to_pylist()) for name in ("prediction", "label"))
    assert counts(found) == (1_200, 1_200, 0)
    assert found["series"][0]["real"] == pytest.approx(
        np.abs(said - label).ravel()[:500].mean(), rel=1e-9
    )


def test_another_reference_is_refused_and_labels_without_an_id_are_named(log: Log) -> None:
    log.write(0, 500, labels=False)
    log.ticked()
    reference = pq.read_table(EXAMPLE / "reference.parquet")
    at = reference.column_names.index("label")
    turned = pa.array(1 - reference["label"].to_numpy())
    pq.write_table(reference.set_column(at, "label", turned), log.folder / "reference.parquet")
    with pytest.raises(WatchChanged, match="began with another reference"):
        log.watch()
    pq.write_table(reference, log.folder / "reference.parquet")
    (log.folder / "odd.csv").write_text("who,label\nc04500,1\n")
    watch = log.watch(labels="odd.csv")
    with pytest.raises(LabelColumnsMissing, match=r"'odd.csv' have no column of prediction ids"):
        watch.tick()


def test_a_log_that_is_not_there_yet_and_one_switched_off_have_no_performance(log: Log) -> None:
    watch = log.watch()
    watch.tick()
    assert WatchDesk(watch.store).view("houses")["performance"]["1"]["n_seen"] == 0
    log.write(0, 500, labels=True)
    watch = log.watch(performance={"enabled": False}, out="elsewhere")
    watch.tick()
    assert WatchDesk(watch.store).view("houses")["performance"] == {}
