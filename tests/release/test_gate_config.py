import pytest
from pydantic import ValidationError

from seatrial.release.gate import (
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
)
from seatrial.release.gate_config import GateConfig


def test_the_default_is_what_a_release_promises() -> None:
    assert GateConfig().gates() == Gates(
        alpha=0.05,
        gates=(
            ErrorRateGate(limit=0.001),
            LatencyGate(limit_ms=100),
            ErrorRateAgainstStable(margin=0.001),
            LatencyAgainstStable(ratio=1.5, slack_ms=5),
            RefusedAgainstStable(margin=0.01),
        ),
    )


def test_null_switches_a_gate_off() -> None:
    config = GateConfig.model_validate({"error_rate": None, "p99_ms": 250, "against_stable": None})
    assert [g.name for g in config.gates().gates] == ["p95", "p99"]
    config = GateConfig.model_validate(
        {"p95_ms": None, "against_stable": {"error_rate": None, "p95_ratio": 2}}
    )
    assert [g.name for g in config.gates().gates] == [
        "error_rate",
        "p95_against_stable",
        "refused_rate_against_stable",
    ]
    config = GateConfig.model_validate({"against_stable": {"refused_rate": None}})
    assert "refused_rate_against_stable" not in [g.name for g in config.gates().gates]
    config = GateConfig.model_validate({"against_stable": {"p95_ratio": None}})
    assert "p95_against_stable" not in [g.name for g in config.gates().gates]


def test_dry_run_marks_the_gates_it_names_and_no_other() -> None:
    for name in ("error_rate", "p95", "p99", "error_rate_against_stable", "p95_against_stable"):
        config = GateConfig.model_validate({"p99_ms": 250, "dry_run": [name]})
        assert [g.name for g in config.gates().gates if g.dry_run] == [name]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"eror_rate": 0.1}, "eror_rate"),
        ({"against_stable": {"margin": 0.1}}, "against_stable.margin"),
        ({"error_rate": 0}, "error_rate"),
        ({"error_rate": 5}, "error_rate"),
        ({"alpha": float("nan")}, "alpha"),
        ({"p95_ms": -1}, "p95_ms"),
        ({"p95_ms": float("inf")}, "p95_ms"),
        ({"against_stable": {"p95_ratio": 0.5}}, "p95_ratio"),
        ({"dry_run": ["p96"]}, "dry_run"),
        ({"dry_run": ["p99"]}, "'p99', which is switched off"),
        ({"error_rate": None, "p95_ms": None, "against_stable": None}, "nothing could ever pass"),
        (
            {"dry_run": ["error_rate", "p95"], "against_stable": None},
            "nothing could ever pass",
        ),
    ],
)
def test_a_section_that_makes_no_sense_is_refused_by_name(section: dict, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        GateConfig.model_validate(section)
