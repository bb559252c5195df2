"""Pictures of drift: what is drawn, where, and that nothing breaks out of it."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.web.console.drawings import (
    is_cut,
    overlay,
    shown_range,
    sparkline,
    twin_bars,
)

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


def histogram(edges: list[float], reference: list[float], current: list[float]) -> dict[str, Any]:
    return {"edges": edges, "names": [], "reference": reference, "current": current}


def bars(drawn: str, side: str) -> list[tuple[float, float, float]]:
    """Place and width in %, height, of the bars of one side."""
    group = ET.fromstring(drawn).find(f"./g[@class='{side}']")
    assert group is not None
    return [
        (float(r.attrib["x"][:-1]), float(r.attrib["width"][:-1]), float(r.attrib["height"]))
        for r in group
    ]


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    drawn = sparkline([0.1, 0.2, None, 0.3, 0.1])
    assert drawn.count("<polyline") == 2
    assert sparkline([None, None]) == ""
    assert sparkline([]) == ""


def test_a_lone_value_is_a_point_and_what_is_not_finite_is_a_gap() -> None:
    drawn = sparkline([math.nan, 0.2, math.inf])
    assert drawn.count("<polyline") == 1
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_the_level_of_a_warning_is_in_the_picture_before_it_is_reached() -> None:
    calm, wild = sparkline([0.01], limits=[0.1, 0.2]), sparkline([0.5], limits=[0.1, 0.2])
    assert calm.count('class="level"') == 1
    assert wild.count('class="level"') == 2


def test_only_the_newest_values_are_drawn() -> None:
    points = re.search(r'points="([^"]+)"', sparkline([1.0] * 500))
    assert points is not None
    assert len(points[1].split()) == 60


def test_the_area_of_a_bar_is_its_share_however_wide_its_bin() -> None:
    drawn = overlay(histogram([0, 1, 3, 4], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]), label="x")
    for side, shares in (("reference", [0.25, 0.5, 0.25]), ("current", [0.5, 0.25, 0.25])):
        areas = [width * height for _, width, height in bars(drawn, side)]
        total = sum(areas)
        assert [area / total for area in areas] == pytest.approx(shares, abs=0.02)


def test_both_sides_stand_on_the_same_bins() -> None:
    drawn = overlay(histogram([0, 1, 2, 10], [0.3, 0.3, 0.4], [0.1, 0.2, 0.7]), label="x")
    places = [[bar[:2] for bar in bars(drawn, side)] for side in ("reference", "current")]
    assert places[0] == places[1]


def test_a_label_cannot_break_out_of_its_attribute() -> None:
    drawn = overlay(histogram([0, 1], [1.0], [1.0]), label="\"><script>'")
    assert "<script>" not in drawn
    assert ET.fromstring(drawn).attrib["aria-label"] == "\"><script>'"


def test_an_outlier_leaves_the_rest_room_and_the_cut_is_known() -> None:
    edges = [-5.0, 0.0, 1.0, 2.0, 3.0, 1e9]
    assert shown_range(edges) == (-1.0, 4.0)
    assert is_cut(edges)
    assert not is_cut([0.0, 1.0, 2.0, 3.0])


@pytest.mark.parametrize("edges", [[5.0, 5.0], [0.0, 0.0], [-3.0, -3.0, -3.0, -3.0], [0, 1, 1, 1]])
def test_constants_are_drawn(edges: list[float]) -> None:
    n = len(edges) - 1
    low, high = shown_range(edges)
    assert low < high
    drawn = overlay(histogram(edges, [1 / n] * n, [0.0] * n), label="x")
    assert bars(drawn, "reference")
    assert bars(drawn, "current") == []


@given(st.lists(st.tuples(NUMBERS, st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=25))
def test_whatever_the_histogram_it_is_xml_and_stays_in_its_box(
    rows: list[tuple[float, float, float]],
) -> None:
    edges = sorted(edge for edge, _, _ in rows)
    reference, current = [r for _, r, _ in rows[1:]], [c for _, _, c in rows[1:]]
    drawn = overlay(histogram(edges, reference, current), label="x")
    for side in ("reference", "current"):
        for place, width, height in bars(drawn, side):
            assert -0.01 <= place <= 100.01
            assert 0 <= width <= 100.01
            assert 0 <= height <= 120


def test_two_bars_of_a_name_share_a_scale() -> None:
    drawn = twin_bars(0.2, 0.4, 0.4)
    assert 'width="50.0%"' in drawn
    assert 'width="100.0%"' in drawn
