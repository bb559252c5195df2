"""Intervals as texts."""

from __future__ import annotations

import math

from seatrial.stats.counts import Interval
from seatrial.stats.interval_text import bounds, span, span_or_dash

OPEN = Interval(lower=-math.inf, upper=math.inf)


def test_an_interval_is_told_by_its_ends():
    assert span(Interval(lower=-0.1, upper=0.25)) == "-0.100 … 0.250"
    assert span(OPEN) == "−∞ … ∞"


def test_what_says_nothing_is_a_dash_in_a_table():
    assert span_or_dash(OPEN) == "–"
    assert span_or_dash(Interval(lower=0.0, upper=math.inf)) == "0.000 … ∞"


def test_open_ends_are_nothing_in_json():
    assert bounds(Interval(lower=0.5, upper=math.inf)) == [0.5, None]
