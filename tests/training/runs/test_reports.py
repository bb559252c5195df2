"""What a training says of itself, read as it comes."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.training.runs.reports import MAX_LINE, MAX_METRICS, Reports, read_line


def test_one_metric_and_several_are_read():
    one = read_line(b'{"metric": "loss", "value": 0.5, "step": 3}', at_s=1.5)
    assert [(p.metric, p.value, p.step, p.at_s) for p in one.points] == [("loss", 0.5, 3, 1.5)]
    two = read_line(b'{"metrics": {"loss": 1, "val/auc": 0.9}, "of": 10}', at_s=0)
    assert [(p.metric, p.step) for p in two.points] == [("loss", None), ("val/auc", None)]
    assert two.of == 10


def test_what_is_not_finite_is_read_as_such():
    (point,) = read_line(b'{"metric": "loss", "value": NaN}', at_s=0).points
    assert math.isnan(point.value)
    (point,) = read_line(b'{"metric": "loss", "value": -Infinity}', at_s=0).points
    assert point.value == -math.inf
    (point,) = read_line(b'{"metric": "loss", "value": 1' + b"0" * 400 + b"}", at_s=0).points
    assert point.value == math.inf


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"loss 0.3", "no JSON"),
        (b"[1]", "no JSON object"),
        (b"{}", "neither"),
        (b'{"metrics": {}}', "neither"),
        (b'{"metric": "loss", "value": "low"}', "no number"),
        (b'{"metric": "loss", "value": true}', "no number"),
        (b'{"metric": "loss", "value": 1, "step": -1}', "whole number"),
        (b'{"metric": "loss", "value": 1, "step": 1.5}', "whole number"),
        (b'{"metric": "lo\\u0000ss", "value": 1}', "name of a metric"),
        (b'{"metric": "\xe6", "value": 1}', "no JSON"),
        (b'{"metric": "' + b"x" * MAX_LINE + b'", "value": 1}', "more than"),
    ],
)
def test_a_line_that_is_wrong_says_why_and_changes_nothing(line, why):
    said = read_line(line, at_s=0)
    assert said.points == ()
    assert why in said.problem


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_line_nothing_is_raised(line):
    said = read_line(line, at_s=0)
    assert said.points or said.problem


@settings(max_examples=30)
@given(st.lists(st.integers(0, 1000), max_size=30), st.data())
def test_lines_are_read_alike_however_they_come_in(values, data):
    text = b"".join(json.dumps({"metric": "m", "value": v}).encode() + b"\n" for v in values)
    reports, found, rest = Reports(), [], text
    while rest:
        n = data.draw(st.integers(1, len(rest)))
        found += [p.value for said in reports.read(rest[:n], at_s=0) for p in said.points]
        rest = rest[n:]
    assert found == values


def test_metrics_beyond_the_limit_are_left_out_and_told():
    reports = Reports()
    lines = b"".join(
        json.dumps({"metric": f"m{i:04}", "value": i}).encode() + b"\n"
        for i in range(MAX_METRICS + 5)
    )
    said = list(reports.read(lines, at_s=0))
    assert sum(len(one.points) for one in said) == MAX_METRICS
    assert "more than" in said[-1].problem
