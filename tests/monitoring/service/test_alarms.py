"""Service findings as findings that alerts live through."""

from __future__ import annotations

import pytest

from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.service.alarms import service_findings
from seatrial.monitoring.service.finding import Level as Stands
from seatrial.monitoring.service.finding import ServiceFinding
from seatrial.stats.counts import Interval
from seatrial.stats.trend import Crossing


def found(signal: str, level: Stands, **more: object) -> ServiceFinding:
    return ServiceFinding(
        signal=signal,
        level=level,
        code="service.over_level",
        reason=f"{signal} is {level}",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((Stands.OK, Stands.OK), Level.CLEAR),
        ((Stands.OK, Stands.INCONCLUSIVE), Level.CLEAR),
        ((Stands.INCONCLUSIVE, Stands.INCONCLUSIVE), Level.UNKNOWN),
        ((Stands.INCONCLUSIVE, Stands.WARNING), Level.WARNING),
        ((Stands.CRITICAL, Stands.WARNING), Level.CRITICAL),
    ],
)
def test_the_worst_signal_speaks_for_its_kind_and_silence_for_nothing(
    levels: tuple[Stands, Stands], expected: Level
) -> None:
    both = [found("p95", levels[0]), found("p99", levels[1])]
    (one,) = service_findings(both, endpoint="churn")
    assert (one.labels.kind, one.level) == (Kind.LATENCY, expected)


def test_kinds_are_apart_and_every_trouble_is_in_the_evidence() -> None:
    some = [
        found("p95", Stands.CRITICAL),
        found("p99", Stands.WARNING),
        found("error_budget", Stands.OK),
        found("memory", Stands.WARNING),
    ]
    by_kind = {one.labels.kind: one for one in service_findings(some, endpoint="churn")}
    assert set(by_kind) == {Kind.LATENCY, Kind.ERRORS, Kind.SATURATION}
    slow = by_kind[Kind.LATENCY]
    assert slow.what.en == "p95 is critical; p99 is warning"
    assert len(slow.evidence) == 2
    assert by_kind[Kind.ERRORS].level is Level.CLEAR


def test_a_queue_of_another_endpoint_is_its_own_trouble() -> None:
    full = found("queue", Stands.CRITICAL, labels={"endpoint": "fraud", "version": "1"})
    assert service_findings([full], endpoint="churn") == []
    (one,) = service_findings([full], endpoint="fraud")
    assert one.level is Level.CRITICAL


def test_figures_are_told_in_both_languages() -> None:
    rate = found(
        "error_rate",
        Stands.WARNING,
        unit="share",
        value=0.0042,
        limit=0.001,
        interval=Interval(lower=0.002, upper=0.007),
        n=12_345,
        crossing=Crossing(in_s=2400.0, interval=Interval(lower=1800.0, upper=3600.0)),
    )
    (one,) = service_findings([rate], endpoint="churn")
    assert one.what.zh == "错误率为 0.42%，阈值为 0.1%；按目前趋势，约 40 分钟后越过阈值。"
    assert one.sure.en == "Between 0.2 % and 0.7 % of 12,345 requests."
