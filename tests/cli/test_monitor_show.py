"""How a view is shown in a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cli.monitor_show import show_view
from seatrial.cli.output import Console


def view(variants: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"versions": {}, "filling": {}, "service": [], "alerts": []}
    nothing |= {"performance": {}, "segments": {}, "troubles": []}
    return nothing | {"endpoint": "churn", "watching": True, "variants": variants}


def shown(capsys: pytest.CaptureFixture[str], record: dict[str, Any]) -> list[str]:
    show_view(Console(), record)
    return [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]


def test_versions_that_serve_together_are_held_against_the_one_in_production(capsys) -> None:
    metrics = {"error_rate": {"value": 0.01}, "p95_ms": {"value": 40.0}}
    apart = {"error_rate": {"value": -0.001}, "p95_ms": {"value": 20.0}}
    stable = {"version": 1, "n": 900, "metrics": metrics, "differences": {}, "differs": []}
    slow = {"version": 2, "n": 50, "metrics": metrics, "differences": apart, "differs": ["p95_ms"]}
    good = slow | {"version": 3, "differs": ["error_rate"]}
    same = slow | {"version": 4, "differs": []}
    side = {"since": "2026-11-02T06:00:00+00:00", "compared_with": 1}
    lines = shown(capsys, view(side | {"variants": [stable, slow, good, same]}))
    assert lines[1:6] == [
        "side by side since 2026-11-02 06:00:",
        "version 1 900 answers 1.00 % errors, p95 40.00 ms in production",
        "version 2 50 answers 1.00 % errors, p95 40.00 ms p95 worse",
        "version 3 50 answers 1.00 % errors, p95 40.00 ms error rate better",
        "version 4 50 answers 1.00 % errors, p95 40.00 ms within chance",
    ]


def test_a_version_alone_is_held_against_none(capsys) -> None:
    assert not any("side by side" in line for line in shown(capsys, view(None)))


def test_what_is_not_watched_is_said(capsys) -> None:
    trouble = {"about": "version 2: its segments", "problem": "The file is damaged."}
    lines = shown(capsys, view(None) | {"troubles": [trouble]})
    assert lines[1:2] == ["not watched version 2: its segments: The file is damaged."]


def segment(value: str, **more: Any) -> dict[str, Any]:
    return {
        "column": "town",
        "value": value,
        "n": 1_200,
        "severity": "none",
        "not_compared": None,
        "moved": [],
        "quality": [],
        **more,
    }


def test_the_worst_segments_of_each_version_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    worse = {"column": "age", "value": "<= 31", "level": "critical", "performance": 0.5}
    worse |= {"lower": 0.45, "upper": 0.55, "reference_of_whole": False}
    of_performance = {
        "metric": "accuracy",
        "n_seen": 1_200,
        "n_unusable": 0,
        "reference": {"value": 0.8, "flatters": False},
        "estimated": {"value": None, "reason": "no labels"},
        "measured": None,
    }
    record = {
        "endpoint": "churn",
        "watching": True,
        "versions": {},
        "filling": {},
        "troubles": [],
        "service": [],
        "variants": None,
        "alerts": [],
        "segments": {
            "1": {
                "problem": None,
                "segments": [
                    segment(
                        "Lima",
                        severity="critical",
                        moved=[{"name": "b", "effect": 2.1}],
                        quality=[{"column": "plan", "value": "30.0% missing"}],
                    ),
                    segment("(new)", not_compared="no_reference"),
                    segment("rare", not_compared="few_rows"),
                    segment("Oslo"),
                ],
                "n_more": 0,
                "unjudged": {"en": "How well by town is not judged.", "zh": "分组性能未作评判。"},
            },
            "2": {
                "problem": {"en": "Deploy again.", "zh": "请重新部署。"},
                "segments": [],
                "n_more": 0,
            },
        },
        "performance": {
            "1": {
                **of_performance,
                "segments": {
                    "measured": [worse | {"reference": 0.8, "n": 300}],
                    "estimated": [worse | {"level": "clear"}],
                    "n_more": [0, 0],
                },
            },
            "2": {**of_performance, "segments": None},
        },
    }
    show_view(Console(as_json=False), record)
    said = "".join(capsys.readouterr())
    assert "town=Lima" in said
    assert "1,200 rows: b (PSI 2.10), plan 30.0% missing" in said
    assert "town=(new)  1,200 rows, and none in the reference" in said
    assert "1 segments have too few rows" in said
    assert "version 2  Deploy again." in said
    assert "version 1  How well by town is not judged." in said
    assert "age <= 31  critical" in said.replace("\x1b[31m\x1b[1m", "").replace("\x1b[0m", "")
    assert "measured accuracy 50.0 % (45.0 % to 55.0 %) against 80.0 %, 300 rows" in said
    assert "Oslo" not in said
