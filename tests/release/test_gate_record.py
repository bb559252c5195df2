"""Gates as they are stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seatrial.release.gate import (
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
)
from seatrial.release.gate_config import GateConfig
from seatrial.release.gate_record import (
    GatesUnreadable,
    absolute,
    gates_from_dict,
    gates_to_dict,
)

ALL = GateConfig().gates()


def test_gates_survive_the_store() -> None:
    stored = json.loads(json.dumps(gates_to_dict(ALL)))
    assert gates_from_dict(stored) == ALL


def test_the_default_has_every_kind() -> None:
    assert {type(gate) for gate in ALL.gates} == {
        ErrorRateGate,
        LatencyGate,
        ErrorRateAgainstStable,
        LatencyAgainstStable,
        RefusedAgainstStable,
    }


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"alpha": 0.05},
        {"gates": [], "alfa": 0.05},
        {"alpha": 0.05, "gates": [{}]},
        {"alpha": 0.05, "gates": [{"kind": "mood", "limit": 1}]},
        {"alpha": 0.05, "gates": [{"kind": "latency", "limt": 1}]},
        {"alpha": 0.05, "gates": None},
    ],
)
def test_what_this_version_does_not_know_is_never_guessed(record: dict[str, Any]) -> None:
    with pytest.raises(GatesUnreadable):
        gates_from_dict(record)


def test_absolute_gates_need_no_stable() -> None:
    kept = absolute(ALL)
    assert {type(gate) for gate in kept.gates} == {ErrorRateGate, LatencyGate}
    assert kept.alpha == ALL.alpha
    assert absolute(Gates(gates=(), alpha=0.05)).gates == ()
