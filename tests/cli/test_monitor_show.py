"""How segments are shown in a terminal: the worst first, and what could not be compared."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cli.monitor_show import show_view
from seatrial.cli.output import Console


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
    view = {
        "endpoint": "churn",
        "watching": True,
        "versions": {},
        "filling": {},
        "service": [],
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
            },
            "2": {"problem": {"en": "Deploy again.", "zh": "请重新部署。"}, "segments": []},
        },
        "performance": {
            "1": {
                "metric": "accuracy",
                "segments": {
                    "measured": [worse | {"reference": 0.8, "n": 300}],
                    "estimated": [worse | {"level": "clear"}],
                },
            },
            "2": {"metric": "accuracy", "segments": None},
        },
    }
    show_view(Console(as_json=False), view)
    said = "".join(capsys.readouterr())
    assert "town=Lima" in said
    assert "1,200 rows: b (PSI 2.10), plan 30.0% missing" in said
    assert "town=(new)  1,200 rows, and none in the reference" in said
    assert "1 segments have too few rows" in said
    assert "version 2  Deploy again." in said
    assert "age <= 31  critical" in said.replace("\x1b[31m\x1b[1m", "").replace("\x1b[0m", "")
    assert "measured accuracy 0.50 against 0.80, 300 rows" in said
    assert "Oslo" not in said
