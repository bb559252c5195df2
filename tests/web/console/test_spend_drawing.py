"""Bars over time."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from seatrial.web.console.spend_drawing import bars, call_bars, cost_bars

AT = "2026-11-26T04:00:00+00:00"


def bin_of(cost="0", n=0, n_failed=0, n_hits=0, n_refused=0):
    return {
        "at": AT,
        "cost_usd": cost,
        "n": n,
        "n_failed": n_failed,
        "n_hits": n_hits,
        "n_refused": n_refused,
    }


def drawn(svg, name):
    return [
        (float(y), float(height))
        for y, height in re.findall(rf'class="{name}" [^>]*y="([\d.]+)"[^>]*height="([\d.]+)"', svg)
    ]


def test_nothing_is_drawn_of_nothing():
    assert cost_bars([], label="x") == ""
    assert drawn(cost_bars([bin_of(), bin_of()], label="x"), "cost") == []


def test_bars_stand_on_the_axis_as_tall_as_their_cost():
    found = drawn(cost_bars([bin_of("1"), bin_of("0"), bin_of("4")], label="x"), "cost")
    assert found == [(106.0, 30.0), (16.0, 120.0)]


def test_calls_are_stacked():
    svg = call_bars([bin_of(n=6, n_failed=2, n_hits=4, n_refused=2)], label="x")
    assert drawn(svg, "answered") == [(96.0, 40.0)]
    assert drawn(svg, "cached") == [(56.0, 40.0)]
    assert drawn(svg, "failed") == [(16.0, 40.0)]
    assert "2026-11-26 04:00 UTC: 4 + 4 + 4" in svg


def test_a_label_is_text():
    assert "<b>" not in cost_bars([bin_of("1")], label='<b>"')


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60))
def test_every_bar_is_within_the_picture(costs):
    series = [bin_of() | {"v": one} for one in costs]
    svg = bars(series, [("v", lambda one: one["v"])], label="x", unit="$")
    for y, height in drawn(svg, "v"):
        assert 14.9 <= y <= 136.0
        assert y + height <= 136.2
