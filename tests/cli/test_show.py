"""How the versions of a prompt stand side by side in a terminal."""

from __future__ import annotations

import pytest

from seatrial.cli.output import Console
from seatrial.cli.show import show_endpoint, versions_lines


def test_versions_stand_side_by_side_and_what_is_not_known_is_a_dash() -> None:
    known = {
        "n": 1_200,
        "error_rate": 0.0125,
        "p95_ms": 812.5,
        "parse_rate": 0.98,
        "cost_usd": 6.45e-06,
        "score": 0.912,
    }
    nothing = {"n": 0, "error_rate": None, "p95_ms": None}
    assert versions_lines({"1": known, "2": nothing}) == [
        "version  answers  errors     p95  parsed            cost  score",
        "      1    1,200  1.25 %  812 ms    98 %  0.00000645 USD  0.912",
        "      2        0       –       –       –               –      –",
    ]


def test_what_engines_elsewhere_say_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    since = "2026-11-27T12:00:05.5+00:00"
    record = {
        "name": "churn",
        "stable": 1,
        "former": [],
        "blocked": None,
        "release": None,
        "engines": {
            "1": {"says": "ready", "since": since},
            "2": {"says": "silent", "since": since},
        },
        "failed": {"3": "The engine refused it."},
        "addresses": [],
        "n_workers": 0,
    }
    show_endpoint(Console(), record)
    lines = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert "engine version 1: ready, says the server elsewhere" in lines
    silent = "engine version 2: the server elsewhere has not answered since 2026-11-27 12:00:05 UTC"
    assert silent in lines
    assert "not loaded version 3: The engine refused it." in lines
