import math

import pytest

from seatrial.monitoring.service.finding import Level, ServiceFinding, forecast
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
