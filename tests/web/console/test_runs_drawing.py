"""Curves of metrics."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from seatrial.web.console.runs_drawing import curve

FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def places(svg):
    found = re.findall(r'points="([^"]*)"', svg)
    pairs = [place.split(",") for points in found for place in points.split()]
    pairs += re.findall(r'cx="([^"]*)" cy="([^"]*)"', svg)
    return [(float(x), float(y)) for x, y in pairs]


def test_nothing_is_drawn_of_nothing():
    assert curve([], label="x") == ""


def test_a_line_goes_from_the_first_step_to_the_last():
    assert places(curve([[0, 1.0], [5, 0.0], [10, 1.0]], label="x")) == [
        (52.0, 8.0),
        (231.0, 136.0),
        (410.0, 8.0),
    ]


def test_what_is_not_finite_leaves_a_gap_and_a_mark():
    svg = curve([[0, 1.0], [1, 2.0], [2, None], [3, 1.0]], label="x")
    assert svg.count("<polyline") == 1
    assert svg.count("<circle") == 1
    assert svg.count('class="odd"') == 1
    assert "odd" in curve([[0, None]], label="x")


def test_trials_are_points_apart():
    svg = curve([[0, 1.0], [1, 2.0]], label="x", apart=True)
    assert svg.count("<circle") == 2
    assert "<polyline" not in svg


def test_a_label_is_text():
    assert "<b>" not in curve([[0, 1.0]], label='<b>"')


@given(st.lists(st.tuples(st.integers(0, 2**40), FLOATS), min_size=1, max_size=30))
def test_everything_is_within_the_picture(rows):
    rows = sorted(rows, key=lambda row: row[0])
    for x, y in places(curve([list(row) for row in rows], label="x")):
        assert 51.9 <= x <= 410.1
        assert 7.9 <= y <= 136.1
