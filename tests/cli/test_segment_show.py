"""Segments in a terminal: the worst named, the rest counted."""

from __future__ import annotations

from typing import Any

import click

from seatrial.cli.segment_show import drift_lines, performance_segment_lines, worst_segment


def verdict(value: str, level: str, **more: Any) -> dict[str, Any]:
    known = level != "unknown"
    return {
        "column": "town",
        "value": value,
        "level": level,
        "n": 1_200,
        "performance": 0.61 if known else None,
        "lower": 0.58 if known else None,
        "upper": 0.64 if known else None,
        "reference": 0.83,
        "reference_of_whole": False,
        **more,
    }


def record(**kinds: Any) -> dict[str, Any]:
    known = {"measured": [], "estimated": [], "trusted": True, "n_more": [0, 0]}
    return {"metric": "accuracy", "segments": known | kinds}


def said(found: dict[str, Any]) -> list[str]:
    return [click.unstyle(line) for line in performance_segment_lines(found)]


def test_each_segment_that_does_worse_has_its_figures_and_what_they_are_held_against() -> None:
    worse = [
        verdict("Lima", "critical"),
        verdict("(new)", "warning", reference_of_whole=True),
        verdict("Oslo", "clear"),
        verdict("Bonn", "unknown"),
    ]
    assert said(record(measured=worse)) == [
        "town=Lima  critical  measured accuracy 61.0 % (58.0 % to 64.0 %) against 83.0 %, "
        "1,200 rows",
        "town=(new)  warning   measured accuracy 61.0 % (58.0 % to 64.0 %) against 83.0 % of the "
        "whole, 1,200 rows",
        "measured accuracy of 1 segments: too few rows to judge",
    ]
    assert worst_segment(record(measured=worse)) == "town=Lima"


def test_no_more_than_five_are_named_and_the_others_are_counted() -> None:
    lines = said(record(estimated=[verdict(f"t{i}", "warning") for i in range(8)]))
    assert len(lines) == 6
    assert lines[-1] == "and 3 more segments whose estimated accuracy is worse"


def test_quiet_and_unjudged_segments_are_counted_and_not_named() -> None:
    quiet = [verdict("Oslo", "clear"), verdict("Lima", "clear")]
    found = record(measured=quiet, estimated=[verdict("Oslo", "unknown")])
    assert said(found) == [
        "measured accuracy of 2 segments: none is worse for sure",
        "estimated accuracy of 1 segments: too few rows to judge",
    ]
    assert worst_segment(found) == ""


def test_what_labels_contradict_is_said_and_rows_that_are_not_split_say_nothing() -> None:
    assert said(record(trusted=False)) == [
        "labels contradict the scores, so nothing is estimated of segments"
    ]
    assert said({"metric": "mae", "segments": None}) == []
    assert worst_segment({"segments": None}) == ""
    assert worst_segment({}) == ""


def test_segments_that_moved_come_before_those_that_were_not_compared() -> None:
    def segment(value: str, **more: Any) -> dict[str, Any]:
        quiet = {"severity": "none", "not_compared": None, "moved": [], "quality": []}
        return {"column": "town", "value": value, "n": 40, **quiet, **more}

    lines = [
        click.unstyle(line)
        for line in drift_lines(
            [
                segment("Lima", severity="warning", moved=[{"name": "b", "effect": None}]),
                segment("x" * 40, not_compared="no_reference"),
                segment("rare", not_compared="few_rows"),
                segment("Oslo"),
            ],
            0,
        )
    ]
    assert lines == [
        "town=Lima  warning   40 rows: b (PSI -)",
        f"town={'x' * 23}…  40 rows, and none in the reference",
        "1 segments have too few rows to be compared",
    ]


def test_segments_that_no_record_holds_are_counted() -> None:
    found = record(measured=[verdict("Oslo", "clear")], n_more=[0, 70])
    assert said(found)[-1] == "and 70 more segments whose measured accuracy is not worse for sure"
    assert list(drift_lines([], 12)) == [
        "and 12 more segments: nothing is shown in them, or their rows are too few"
    ]
