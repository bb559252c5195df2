"""What people are told of performance, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seatrial.monitoring.alerts.finding import Finding, Kind, Level
from seatrial.monitoring.performance import verdict
from seatrial.monitoring.performance.findings import estimated_finding, figure, measured_finding
from seatrial.monitoring.performance.verdict import (
    Estimated,
    Measured,
    MeasuredMetric,
    Trust,
    TrustEvidence,
)
from seatrial.stats.counts import Interval

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def estimate(
    level: verdict.Level, *, value: float | None = 0.71, flatters: bool = False
) -> Finding:
    found = Estimated(
        level=level,
        reason="estimated accuracy 71.0 % against 80.0 % on the reference",
        metric="accuracy",
        value=value,
        interval=Interval(lower=0.68, upper=0.74),
        reference=0.8,
        drop=0.09,
        drop_interval=Interval(lower=0.06, upper=0.12),
        warning_chance=0.99,
        critical_chance=0.93,
        label_free=0.7,
        n=1_234,
        trust=TrustEvidence(
            trust=Trust.UNVERIFIED,
            bias=None,
            interval=None,
            chance=None,
            windows_ago=None,
            reason="no label has come that could confirm it",
        ),
    )
    return estimated_finding(found, endpoint="churn", version=3, since=NOW, flatters=flatters)


def measurement(level: verdict.Level) -> Finding:
    metric = MeasuredMetric(
        name="mae",
        value=12.5,
        interval=Interval(lower=12.0, upper=13.0),
        reference=10.0,
        drop=0.25,
        drop_interval=None,
        n=900,
    )
    found = Measured(
        level=level,
        reason="measured mae 12.5 against 10 on the reference",
        window=7,
        n=1_000,
        n_labelled=900,
        metrics=(metric,),
        warning_chance=0.97,
        critical_chance=0.4,
        unexplained=None,
        unexplained_interval=None,
    )
    return measured_finding(found, endpoint="churn", version=3, since=NOW)


def test_an_estimate_says_how_sure_it_is_what_it_rests_on_and_whether_to_trust_it() -> None:
    found = estimate(verdict.Level.CRITICAL)
    assert (found.level, found.labels.kind) == (Level.CRITICAL, Kind.ESTIMATED_PERFORMANCE.value)
    assert found.what.en == "Estimated accuracy 71.0 % against 80.0 % on the reference."
    assert found.sure.en.startswith("93 % sure. It rests on 1,234 logged predictions; no label")
    assert "71.0 %" in found.what.zh
    assert "1,234" in found.sure.zh
    assert found.evidence["rows"] == 1_234
    assert estimate(verdict.Level.WARNING).sure.en.startswith("99 % sure.")


def test_a_reference_that_flatters_is_said_with_the_alarm() -> None:
    assert "may flatter" in estimate(verdict.Level.WARNING, flatters=True).sure.en
    assert "may flatter" not in estimate(verdict.Level.WARNING).sure.en


@pytest.mark.parametrize("level", [verdict.Level.CLEAR, verdict.Level.UNKNOWN])
def test_no_trouble_is_a_finding_that_ends_alerts_or_leaves_them(level: verdict.Level) -> None:
    for found in (estimate(level), measurement(level)):
        assert found.level.value == level.value
        assert not found.sure


def test_a_measurement_says_how_many_labels_it_has() -> None:
    found = measurement(verdict.Level.WARNING)
    assert (found.level, found.labels.kind) == (Level.WARNING, Kind.PERFORMANCE.value)
    assert (
        found.sure.en == "97 % sure. 900 of the 1,000 logged predictions of the window have labels."
    )
    assert "平均绝对误差为 12.5，参考值为 10。" in found.what.zh
    assert found.since == NOW


def test_shares_are_read_as_percentages_and_errors_as_numbers() -> None:
    assert (figure("accuracy", 0.8), figure("mae", 0.8), figure("rmse", 12_345.6)) == (
        "80.0 %",
        "0.8",
        "1.235e+04",
    )
