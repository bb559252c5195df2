import math

import pytest

from seatrial.monitoring.service.finding import Level, ServiceFinding, forecast, standings
from seatrial.stats.counts import Interval
from seatrial.stats.trend import Crossing


def crossing(in_s: float, lower: float, upper: float) -> Crossing:
    return Crossing(in_s=in_s, interval=Interval(lower=lower, upper=upper))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (crossing(2460, 1800, 3900), "crosses 200 ms in about 40 min (30 min to 1 h 5 min)"),
        (crossing(200, 120, 360), "crosses 200 ms in about 3 min (2 min to 6 min)"),
        (crossing(20, 0, 60), "crosses 200 ms in about a minute (0.0 s to 1 min)"),
        (crossing(3600, 1800, math.inf), "crosses 200 ms in about 1 h (30 min to never)"),
    ],
)
def test_a_forecast_is_no_more_exact_than_it_is(found: Crossing, said: str) -> None:
    assert forecast(found, "200 ms") == said


def test_what_is_endless_is_null_in_a_record() -> None:
    one = ServiceFinding(
        signal="p95",
        level=Level.OK,
        code="x",
        reason="y",
        interval=Interval(lower=0.0, upper=math.inf),
        crossing=crossing(60, 30, math.inf),
    )
    record = one.as_dict()
    assert record["interval"] == {"lower": 0.0, "upper": None}
    assert record["crosses_interval_s"] == {"lower": 30, "upper": None}
    assert record["crosses_in_s"] == 60


def one(signal: str, level: Level, code: str = "x.y") -> ServiceFinding:
    return ServiceFinding(signal=signal, level=level, code=code, reason="")


@pytest.mark.parametrize(
    ("found", "level"),
    [
        ([one("p95", Level.OK), one("p99", Level.WARNING)], Level.WARNING),
        ([one("p95", Level.CRITICAL), one("p99", Level.WARNING)], Level.CRITICAL),
        ([one("p95", Level.INCONCLUSIVE), one("p99", Level.WARNING)], Level.WARNING),
        ([one("p95", Level.OK), one("p99", Level.INCONCLUSIVE)], Level.OK),
        ([one("p95", Level.OK), one("p99", Level.INCONCLUSIVE, "a.unproven")], Level.INCONCLUSIVE),
        ([one("p95", Level.INCONCLUSIVE), one("p99", Level.INCONCLUSIVE)], Level.INCONCLUSIVE),
    ],
)
def test_signs_of_one_trouble_stand_together(found: list[ServiceFinding], level: Level) -> None:
    (standing,) = standings(found)
    assert (standing.kind, standing.level) == ("latency", level)
    assert set(map(id, standing.findings)) == set(map(id, found))
    assert standing.findings[0].level in (level, Level.INCONCLUSIVE)


def test_each_kind_of_trouble_stands_for_itself() -> None:
    found = [one("memory", Level.CRITICAL), one("error_rate", Level.OK), one("cpu", Level.OK)]
    levels = {standing.kind: standing.level for standing in standings(found)}
    assert levels == {"saturation": Level.CRITICAL, "errors": Level.OK}
    assert standings([]) == ()
