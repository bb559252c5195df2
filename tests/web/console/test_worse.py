"""The head of a report names what got worse: the whole, the segments, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.monitoring.summaries.segments import MISSING
from seatrial.web.console.worse import worse_of


def record(**more: Any) -> dict[str, Any]:
    quiet = {"level": "clear", "value": 0.82}
    return {
        "metric": "accuracy",
        "reference": {"value": 0.83},
        "estimated": quiet,
        "n_more": [0, 0],
        "measured": None,
        "segments": None,
        **more,
    }


def segments(*levels: tuple[str, str], column: str = "town") -> dict[str, Any]:
    return {
        "columns": [column],
        "estimated": [],
        "n_more": [0, 0],
        "measured": [
            {"column": column, "value": value, "level": level, "drop": 0.1}
            for value, level in levels
        ],
    }


def said(language: str = "en", **more: Any) -> list[tuple[str, str]]:
    return [(one.level, one.said) for one in worse_of({"1": record(**more)}, language)]


def test_all_is_well_says_nothing() -> None:
    assert said() == []
    assert said(segments=segments(("Oslo", "clear"), ("Lima", "unknown"))) == []
    assert worse_of({}, "en") == []


def test_labels_go_before_scores_and_the_worst_level_before_both() -> None:
    measured = {"level": "critical", "metrics": [{"value": 0.612}]}
    estimated = {"level": "critical", "value": 0.7}
    assert said(measured=measured, estimated=estimated) == [
        ("critical", "Accuracy got worse: by labels 61.2 %, reference 83.0 %.")
    ]
    assert said(measured=measured | {"level": "warning"}, estimated=estimated) == [
        ("critical", "Accuracy got worse: estimated 70.0 %, reference 83.0 %.")
    ]
    assert said("zh", measured=measured) == [
        ("critical", "准确率变差：按标签 61.2%，参考值 83.0%。")
    ]
    amounts = {"metric": "mae", "reference": {"value": 1.5}}
    assert said(estimated={"level": "warning", "value": 2.25}, **amounts) == [
        ("warning", "Mean absolute error got worse: estimated 2.25, reference 1.5.")
    ]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Worse in 4 of 5 segments: town=Lima, town=Oslo, town=no value and 1 more."),
        ("zh", "5 个分组中有 4 个变差：town=Lima、town=Oslo、town=缺失值，另有 1 个。"),
    ],
)
def test_the_worst_segments_are_named_and_the_others_counted(language: str, line: str) -> None:
    found = segments(
        ("Lima", "critical"),
        ("Oslo", "warning"),
        (MISSING, "warning"),
        ("Bonn", "warning"),
        ("Wuhan", "clear"),
    )
    assert said(language, segments=found) == [("critical", line)]


def test_a_quarter_is_called_by_its_numbers_and_a_long_name_is_cut() -> None:
    [(_, told)] = said(segments=segments(("<= 31", "warning"), column="age"))
    assert told == "Worse in 1 of 1 segments: age <= 31."
    [(_, told)] = said(segments=segments(("x" * 500, "warning")))
    assert len(told) < 120
