"""One version under watch: windows in, reports and findings out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.drift.alarm_bins import PREDICTION
from seatrial.monitoring.drift.alarm_state import WatchState
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.gauges import watched_of
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.watch import Span, Watch, WindowReport
from seatrial.monitoring.watching.watch_findings import findings

START = datetime(2026, 3, 1, tzinfo=UTC)


def span(i: int) -> Span:
    return Span(start=START + timedelta(hours=i), end=START + timedelta(hours=i + 1))


def tables(
    n: int, seed: int, *, age: float = 0.0, score: float = 0.0, missing: float = 0.0
) -> tuple[Table, Table]:
    rng = np.random.default_rng(seed)
    ages = rng.normal(40 + 10 * age, 10, n)
    ages[rng.random(n) < missing] = np.nan
    city = Coded(rng.integers(0, 3, n).astype(np.int32), ("Oslo", "Wuhan", "Lima"))
    features = Table(columns={"age": ages, "city": city}, n=n)
    return features, Table(columns={"score": rng.beta(2, 5, n) + score}, n=n)


REFERENCE = tables(10_000, 0)
PROFILE = profile_of(REFERENCE[0], predictions=REFERENCE[1])
WHOLE = Summariser(PROFILE, segments=["city"]).summarise(*REFERENCE)


def run(*windows: dict[str, float], n: int = 1_000) -> list[WindowReport]:
    watch, summariser = Watch(PROFILE, segments=WHOLE), Summariser(PROFILE, segments=["city"])
    state, reports = watch.start(), []
    for i, moved in enumerate(windows):
        window = summariser.summarise(*tables(n, i + 1, **moved))
        state, report = watch.step(state, window, span(i))
        state = WatchState.decode(state.encode())
        reports.append(report)
    return reports


def told(report: WindowReport) -> dict[str, Level]:
    return {f.labels.kind: f.level for f in findings(report, endpoint="churn", version=2)}


def test_windows_like_the_reference_are_clear() -> None:
    reports = run(*[{}] * 5)
    assert {r.alarm.outcome for r in reports} == {DriftOutcome.QUIET}
    assert told(reports[-1]) == {
        Kind.INPUT_DRIFT: Level.CLEAR,
        Kind.PREDICTION_DRIFT: Level.CLEAR,
        Kind.DATA_QUALITY: Level.CLEAR,
        Kind.SEGMENT_DRIFT: Level.CLEAR,
    }


def test_features_and_answers_that_move_are_told_apart() -> None:
    assert told(run({}, {"age": 1.0})[-1])[Kind.INPUT_DRIFT] is Level.CRITICAL
    report = run({}, {"score": 0.2})[-1]
    assert told(report)[Kind.INPUT_DRIFT] is Level.CLEAR
    assert told(report)[Kind.PREDICTION_DRIFT] is Level.CRITICAL
    assert report.alarm.moved[0].column == PREDICTION + "score"


def test_a_drift_says_since_when_and_in_which_segments() -> None:
    report = run({}, {}, {"age": 1.0}, {"age": 1.0})[-1]
    drift, *_ = findings(report, endpoint="churn", version=2)
    assert drift.since == span(2).start
    assert drift.features == ("age",)
    assert set(drift.segments) == {"city=Oslo", "city=Wuhan", "city=Lima"}
    assert "age 水平上升" in drift.what.zh


def test_missing_values_are_a_finding_of_quality_too() -> None:
    report = run({"missing": 0.3})[0]
    assert told(report)[Kind.DATA_QUALITY] is Level.CRITICAL
    quality = findings(report, endpoint="churn", version=2)[2]
    assert quality.features == ("age",)
    assert quality.steps


def test_a_window_without_rows_is_unknown_not_clear() -> None:
    watch = Watch(PROFILE)
    _, report = watch.step(watch.start(), Summary(), span(0))
    assert report.alarm.outcome is DriftOutcome.NO_DATA
    assert told(report)[Kind.INPUT_DRIFT] is Level.UNKNOWN
    assert told(report)[Kind.DATA_QUALITY] is Level.WARNING


def test_the_record_of_a_report_is_plain_json_and_holds_what_pages_show() -> None:
    report = run({}, {"age": 1.0, "missing": 0.2})[-1]
    record = json.loads(json.dumps(report_record(report), allow_nan=False))
    age = next(c for c in record["features"] if c["name"] == "age")
    assert age["severity"] == "critical"
    assert age["histogram"]["edges"] == sorted(age["histogram"]["edges"])
    assert {part["name"] for part in age["parts"]} == {""}
    assert record["alarm"]["alarm"] is True
    assert record["quality"]
    assert record["segments"][0]["moved"]
    assert record["start"] == span(1).start.isoformat()


def test_the_gauges_of_a_report_tell_which_columns_the_alarm_is_about() -> None:
    gauges = watched_of("churn", 2, report_record(run({}, {"age": 1.0})[-1]))
    assert gauges.features["age"].alarm is True
    assert gauges.features["city"].alarm is False
    assert gauges.outputs["score"].alarm is False
    assert (gauges.features["age"].psi or 0) > 0.2


def test_what_matters_more_to_the_model_is_told_first() -> None:
    important = replace(PROFILE, importance={"age": 0.1, "city": 1.9})
    summariser = Summariser(important)
    rows, answers = tables(2_000, 3, age=0.5)
    city = Coded(np.zeros(rows.n, np.int32), ("Oslo", "Wuhan", "Lima"))
    moved = Table(columns={**rows.columns, "city": city}, n=rows.n)
    watch = Watch(important)
    _, report = watch.step(watch.start(), summariser.summarise(moved, answers), span(0))
    ranked = [column.name for column in report.drift.features]
    assert ranked == ["city", "age"]
    assert report.drift.features[0].importance == 1.9


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(Invalid, match="without a zone"):
        Span(start=datetime(2026, 1, 1), end=START)  # noqa: DTZ001


def test_a_column_has_one_psi_where_one_window_is_the_evidence_and_else_its_bins_are_named() -> (
    None
):
    reports = run({"age": 2.0}, {"age": 2.0})
    columns = [{c.name: c for c in r.drift.features} for r in reports]
    first, second = (r.alarm.moved[0] for r in reports[:2])
    assert (first.column, first.n_bins) == ("age", None)
    assert first.effect == columns[0]["age"].effect
    assert f"(PSI {first.effect:.3f});" in reports[0].alarm.reason
    assert second.n == 2 * first.n
    assert f"(PSI {second.effect:.3f} in {second.n_bins} bins)" in reports[1].alarm.reason
    assert f"（PSI {second.effect:.3f}，{second.n_bins} 个分箱）" in "".join(
        f.what.zh for f in findings(reports[1], endpoint="churn", version=2)
    )


def test_missing_values_that_the_psi_of_a_column_leaves_out_are_not_hidden_by_it() -> None:
    (report,) = run({"missing": 0.3})
    moved, column = report.alarm.moved[0], next(c for c in report.drift.features if c.name == "age")
    assert moved.column == column.name
    assert column.effect is not None
    assert moved.effect is not None
    assert column.effect < 0.05 < moved.effect
    assert f"in {moved.n_bins} bins" in report.alarm.reason
