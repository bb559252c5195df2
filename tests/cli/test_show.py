"""How the versions of a prompt stand side by side in a terminal."""

from __future__ import annotations

from seatrial.cli.show import versions_lines


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
