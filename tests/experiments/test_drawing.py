"""Pictures of effects: XML, within their box, at the right places."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from seatrial.experiments.drawing import Bar, bar_axis, bar_row, limit, over_time
from seatrial.experiments.verdicts import Point
from seatrial.stats.counts import Interval

NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([math.inf, -math.inf])


def bar(value: float | None, low: float, high: float, *marks: float) -> Bar:
    return Bar(value=value, interval=Interval(lower=low, upper=high), marks=marks)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_bars_stay_in_their_box(rows: list[tuple[float, float, float]]) -> None:
    bars = [bar(v, min(a, b), max(a, b)) for v, a, b in rows]
    most = limit(bars)
    assert 0 < most <= 2.0
    ET.fromstring(bar_axis(most))
    for one in bars:
        drawn = ET.fromstring(bar_row(one, most, label="a & b <c>"))
        reach = drawn.find("./g/line")
        assert reach is not None
        low, high = (float(reach.attrib[x][:-1]) for x in ("x1", "x2"))
        assert 0 <= low <= high <= 100


def test_places_are_those_of_the_axis() -> None:
    one = bar(0.1, -0.2, 0.4, 0.05)
    drawn = ET.fromstring(bar_row(one, 0.4, label="x"))
    reach, best = drawn.find("./g/line"), drawn.find("./g/circle")
    assert reach is not None
    assert best is not None
    assert (reach.attrib["x1"], reach.attrib["x2"]) == ("25.00%", "100.00%")
    assert best.attrib["cx"] == "62.50%"
    assert [line.attrib["x1"] for line in drawn.findall("./line")] == ["50%", "56.25%"]


def test_what_is_not_known_has_no_dot() -> None:
    assert "<circle" not in bar_row(bar(None, -math.inf, math.inf), 0.4, label="x")


@given(st.lists(st.tuples(st.none() | st.floats(-9, 9), NUMBERS, NUMBERS), min_size=2, max_size=9))
def test_a_band_over_time_stays_in_its_box(rows) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    points = [
        Point(
            at=start + timedelta(days=i),
            n=i,
            difference=v,
            interval=Interval(lower=min(a, b), upper=max(a, b)),
        )
        for i, (v, a, b) in enumerate(rows)
    ]
    drawn = ET.fromstring(over_time(points, scale=100, mark=0.5, label="x"))
    band = drawn.find("./svg/polygon")
    assert band is not None
    for place in band.attrib["points"].split():
        x, y = map(float, place.split(","))
        assert 0 <= x <= 1000
        assert 0 <= y <= 200
    assert "2026-03-01" in "".join(drawn.itertext())


def test_one_point_is_no_line() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    point = Point(at=start, n=1, difference=0.0, interval=Interval(lower=-1, upper=1))
    assert over_time([point], scale=1, mark=None, label="x") == ""
