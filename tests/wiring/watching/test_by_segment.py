"""The performance of a log by segment: in the report and under watch, labels beside it and late."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seatrial
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.testing.clock import FakeClock
from seatrial.wiring.watching.batch_report import Compared, compared
from seatrial.wiring.watching.check import check_log
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.watching.log_watch import LogWatch

TOWNS = ("Oslo", "Lima", "Wuhan", "Bonn")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_BEGAN = np.datetime64("2026-02-01T00:00:00")


def rows(
    seed: int, n: int, *, first: int = 0, wrong: str = "", gone: str = "", few: str = ""
) -> pd.DataFrame:
    """What a model answered in four towns, and what came true.

    Args:
        first: number of the first row.
        wrong: there a coin decides what comes true, whatever the scores say.
        gone: rows of this town come from one that nobody knows.
        few: only twelve rows are of this town.
    """
    rng = np.random.default_rng(seed)
    town = rng.choice(TOWNS, n, p=[0.45, 0.08, 0.43, 0.04])
    if few:
        town = np.where((town == few) & (np.cumsum(town == few) > 12), "Oslo", town)
    p = 0.01 + 0.98 * (rng.beta(0.5, 0.5, n).round(2))
    y = rng.random(n) < np.where(town == wrong, 0.5, p)
    number = np.arange(first, first + n)
    return pd.DataFrame(
        {
            "prediction_id": [f"r{i}" for i in number],
            "timestamp": _BEGAN + number * np.timedelta64(60, "s"),
            "a": rng.normal(size=n),
            "town": np.where(town == gone, "Nowhere", town),
            "prediction": (p > 0.5).astype(np.int64),
            "probability": p,
            "label": y.astype(np.int64),
        }
    )


def no_workspace() -> Any:
    raise AssertionError("no bundle is meant")


class Log:
    """A log in a folder, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "log").mkdir()
        rows(0, 6_000).to_parquet(folder / "reference.parquet")
        self.clock = FakeClock()
        self.open: LogWatch | None = None
        self.content: dict[str, Any] = {
            "endpoint": "churn",
            "data": "log",
            "reference": {"source": "reference.parquet", "holdout": True},
            "segments": "town",
            "windows": {"rows": 1_000},
            "performance": {"keep": "400d"},
            "alerts": {"default": {"for": "0s"}},
            "out": "out",
        }
        self.n = 0

    def write(self, n: int, *, labels: bool = True, **more: Any) -> pd.DataFrame:
        """Rows that follow those before."""
        found = rows(100 + self.n, n, first=self.n, **more)
        kept = found if labels else found.drop(columns="label")
        kept.to_parquet(self.folder / "log" / f"part-{self.n:06d}.parquet")
        self.n += n
        return found

    def label(self, some: pd.DataFrame) -> None:
        path = self.folder / "came.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            lines = csv.writer(file)
            if new:
                lines.writerow(["prediction_id", "label"])
            lines.writerows(zip(some["prediction_id"], some["label"], strict=True))

    def file(self, **more: Any) -> MonitoringFile:
        return MonitoringFile.model_validate({**self.content, **more})

    def report(self, **more: Any) -> Compared:
        return compared(
            self.file(**more),
            folder=self.folder,
            workspace=no_workspace,
            rules=(RuleName.DEFAULT,),
            now=NOW,
        )

    def ticked(self, **more: Any) -> dict[str, Any]:
        """What is known by segment after a look of a new process."""
        self.close()
        file = self.file(**more)
        WatchFolder.of(file, self.folder).make()
        self.open = LogWatch(
            file,
            folder=self.folder,
            workspace=no_workspace,
            clock=self.clock,
            env={},
            say=lambda _: None,
            once=True,
        )
        self.open.tick()
        found: dict[str, Any] = self.view()["performance"]["1"]["segments"]
        return found

    def view(self) -> dict[str, Any]:
        assert self.open is not None
        return WatchDesk(self.open.store).view("churn")

    def firing(self) -> dict[str, dict[str, Any]]:
        alerts = self.view()["alerts"]
        return {a["labels"]["kind"]: a for a in alerts if a["phase"] == "firing"}

    def close(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None


@pytest.fixture
def log(tmp_path: Path) -> Any:
    found = Log(tmp_path)
    yield found
    found.close()


def by_value(verdicts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["value"]: one for one in verdicts}


def right(some: pd.DataFrame, town: str) -> float:
    mine = some[some["town"] == town]
    return float((mine["prediction"] == mine["label"]).mean())


def test_a_report_names_the_segment_that_got_worse_though_the_whole_hardly_did(log: Log) -> None:
    some = log.write(5_000, wrong="Lima")
    found = log.report()
    assert found.performance is not None
    drop = found.performance["measured"]["metrics"][0]["drop"]
    assert drop < 0.04
    assert found.verdict.outcome is Outcome.ALARM
    assert "The measured accuracy is worse in 1 of 4 segments: town=Lima" in found.verdict.reason
    shown = by_value(found.performance["segments"]["measured"])
    assert shown["Lima"]["level"] == "critical"
    assert shown["Lima"]["performance"] == pytest.approx(right(some, "Lima"))
    assert {name: one["level"] for name, one in shown.items() if name != "Lima"} == {
        "Oslo": "clear",
        "Wuhan": "clear",
        "Bonn": "clear",
    }
    reference = pd.read_parquet(log.folder / "reference.parquet")
    assert shown["Lima"]["reference"] == pytest.approx(right(reference, "Lima"))
    assert sum(one["n"] for one in shown.values()) == 5_000


def test_quiet_rows_are_clear_and_no_segment_is_called(log: Log) -> None:
    log.write(4_000)
    found = log.report()
    assert found.verdict.outcome is Outcome.CLEAR
    assert found.performance is not None
    for kind in ("measured", "estimated"):
        assert {one["level"] for one in found.performance["segments"][kind]} == {"clear"}


def test_without_labels_segments_are_estimated_and_rare_ones_are_not_judged(log: Log) -> None:
    log.write(2_000, labels=False, few="Bonn")
    found = log.report()
    assert found.performance is not None
    segments = found.performance["segments"]
    assert (segments["measured"], segments["trusted"]) == ([], True)
    shown = by_value(segments["estimated"])
    assert shown["Bonn"]["level"] == "unknown"
    assert shown["Bonn"]["n"] == 12
    assert shown["Bonn"]["performance"] is None
    for town in ("Oslo", "Lima", "Wuhan"):
        assert shown[town]["level"] == "clear"
        assert shown[town]["performance"] == pytest.approx(shown[town]["reference"], abs=0.05)


def test_rows_that_are_cut_in_parts_give_the_same_report(log: Log) -> None:
    for _ in range(4):
        log.write(700, wrong="Wuhan")
    parts = log.report()
    whole = pd.concat(pd.read_parquet(p) for p in sorted((log.folder / "log").iterdir()))
    whole.to_parquet(log.folder / "whole.parquet")
    at_once = log.report(data="whole.parquet")
    assert parts.performance is not None
    assert at_once.performance is not None
    for kind in ("measured", "estimated"):
        one, other = (
            by_value(each.performance["segments"][kind])  # type: ignore[index]
            for each in (parts, at_once)
        )
        assert one.keys() == other.keys()
        for town, said in one.items():
            assert (said["n"], said["level"]) == (other[town]["n"], other[town]["level"])
            assert said["performance"] == pytest.approx(other[town]["performance"], rel=1e-9)


def test_frames_in_memory_are_judged_by_segment(log: Log) -> None:
    found = seatrial.compare(
        rows(0, 6_000),
        rows(1, 5_000, wrong="Lima"),
        settings={"segments": "town"},
    )
    assert "town=Lima" in found.reason
    segments = found.as_dict()["performance"]["segments"]
    assert segments["measured"][0]["value"] == "Lima"
    page = found.page()
    assert "Performance by segment" in page
    assert "各分组的模型性能" in found.page("zh")
    assert page.index("Performance by segment") < page.index("Input drift")


def test_labels_of_another_table_are_those_of_their_segments(log: Log) -> None:
    some = log.write(4_000, labels=False, wrong="Lima")
    log.label(some.iloc[:3_000])
    found = log.report(labels="came.csv")
    assert found.performance is not None
    shown = by_value(found.performance["segments"]["measured"])
    assert sum(one["n"] for one in shown.values()) == 3_000
    assert shown["Lima"]["performance"] == pytest.approx(right(some.iloc[:3_000], "Lima"))
    assert shown["Lima"]["level"] == "critical"


def test_a_watched_log_alerts_on_the_segment_and_shows_it(log: Log) -> None:
    log.write(2_000)
    quiet = log.ticked()
    assert {one["level"] for one in quiet["measured"]} == {"clear"}
    assert "segment_performance" not in log.firing()
    for _ in range(4):
        log.write(1_000, wrong="Lima")
    found = log.ticked()
    alert = log.firing()["segment_performance"]
    assert (alert["severity"], alert["finding"]["segments"]) == ("critical", ["town=Lima"])
    assert "town=Lima" in alert["finding"]["what"]["zh"]
    assert found["measured"][0]["value"] == "Lima"
    assert sum(one["n"] for one in quiet["estimated"]) == 2_000
    # Lima alone moves the whole by more than scores know, so they are believed no more.
    assert (found["trusted"], found["estimated"]) == (False, [])
    page = (log.folder / "out" / "report.html").read_text()
    assert "Performance by segment" in page
    assert "Lima" in page


def test_late_labels_of_a_log_count_once_in_the_segments_of_their_rows(log: Log) -> None:
    log.content["labels"] = "came.csv"
    parts = [log.write(1_000, labels=False, wrong="Lima") for _ in range(4)]
    found = log.ticked()
    assert found["measured"] == []
    assert sum(one["n"] for one in found["estimated"]) == 4_000
    assert "segment_performance" not in log.firing()
    for some in parts:
        log.label(some)
        found = log.ticked()
    assert log.firing()["segment_performance"]["finding"]["segments"] == ["town=Lima"]
    once = by_value(found["measured"])
    whole = pd.concat(parts)
    for town in ("Oslo", "Wuhan", "Bonn"):
        assert once[town]["n"] == (whole["town"] == town).sum()
        assert once[town]["performance"] == pytest.approx(right(whole, town))
    log.label(parts[0].assign(label=1 - parts[0]["label"]))
    assert by_value(log.ticked()["measured"])["Wuhan"]["performance"] < once["Wuhan"]["performance"]
    log.label(parts[0])
    assert by_value(log.ticked()["measured"]) == once


def test_in_one_go_and_in_many_a_log_says_the_same_of_its_segments(
    log: Log, tmp_path: Path
) -> None:
    for n in (130, 700, 20, 1_150):
        log.write(n)
        parts = log.ticked()
    folder = tmp_path / "whole"
    folder.mkdir()
    other = Log(folder)
    for path in (log.folder / "log").iterdir():
        pd.read_parquet(path).to_parquet(other.folder / "log" / path.name)
    at_once = other.ticked()
    other.close()
    for kind in ("measured", "estimated"):
        one, two = by_value(parts[kind]), by_value(at_once[kind])
        assert one.keys() == two.keys() != set()
        for town, said in one.items():
            assert (said["n"], said["windows"]) == (two[town]["n"], two[town]["windows"])
            assert said["performance"] == pytest.approx(two[town]["performance"], rel=1e-9)


def test_a_value_the_reference_lacks_is_held_against_the_whole(log: Log) -> None:
    log.write(3_000, gone="Lima")
    found = log.report()
    assert found.performance is not None
    new = by_value(found.performance["segments"]["measured"])["(new)"]
    assert new["reference_of_whole"]
    assert new["reference"] == found.performance["reference"]["value"]


def test_a_regressor_is_judged_by_segment_too(log: Log) -> None:
    def amounts(some: pd.DataFrame, *, noise: float) -> pd.DataFrame:
        rng = np.random.default_rng(len(some))
        said = 10 * some["probability"]
        worse = np.where(some["town"] == "Lima", noise, 1.0)
        return some.drop(columns="probability").assign(
            prediction=said, label=said + worse * rng.normal(size=len(some))
        )

    amounts(rows(0, 6_000), noise=1.0).to_parquet(log.folder / "reference.parquet")
    amounts(rows(1, 5_000), noise=2.5).to_parquet(log.folder / "log" / "part.parquet")
    found = log.report()
    assert found.performance is not None
    worst = found.performance["segments"]["measured"][0]
    assert (worst["value"], worst["level"]) == ("Lima", "critical")
    assert worst["performance"] == pytest.approx(2.5 * worst["reference"], rel=0.15)
    assert "mae is worse in 1 of 4 segments" in found.verdict.reason
    # The whole got worse too; where it did is said beside it.
    assert "Measured mae" in found.verdict.reason


def test_what_would_be_watched_says_by_which_segments(log: Log) -> None:
    log.write(200)
    said = check_log(log.file(), folder=log.folder, workspace=no_workspace)["performance"]
    assert "by segment of town too" in said
    said = check_log(log.file(segments=[]), folder=log.folder, workspace=no_workspace)
    assert "segment" not in said["performance"]


def test_without_segments_and_without_labelled_reference_rows_nothing_is_said_of_them(
    log: Log,
) -> None:
    log.write(1_000)
    found = log.report(segments=[])
    assert found.performance is not None
    assert found.performance["segments"] is None
    rows(0, 6_000).drop(columns="label").to_parquet(log.folder / "reference.parquet")
    assert log.report().performance is None
