"""How a view is shown in a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cli.monitor_show import show_view
from seatrial.cli.output import Console


def view(variants: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"versions": {}, "filling": {}, "service": [], "alerts": []}
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
