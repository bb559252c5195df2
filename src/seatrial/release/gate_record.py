"""Gates as stored in the facts of a release: a record, and the gates of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.release.gate import (
    AbsoluteGate,
    CostAgainstStable,
    CostGate,
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    ParseRateAgainstStable,
    ParseRateGate,
    RefusedAgainstStable,
    ScoreAgainstStable,
    ScoreGate,
)

_KINDS: Mapping[str, type[Gate]] = {
    "error_rate": ErrorRateGate,
    "latency": LatencyGate,
    "error_rate_against_stable": ErrorRateAgainstStable,
    "latency_against_stable": LatencyAgainstStable,
    "refused_rate_against_stable": RefusedAgainstStable,
    "parse_rate": ParseRateGate,
    "parse_rate_against_stable": ParseRateAgainstStable,
    "score": ScoreGate,
    "score_against_stable": ScoreAgainstStable,
    "cost_per_request": CostGate,
    "cost_per_request_against_stable": CostAgainstStable,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class GatesUnreadable(Invalid):
    """A stored record that holds no gates."""

    code = "release.gates_unreadable"


def gates_to_dict(gates: Gates) -> dict[str, object]:
    """A JSON-able record that `gates_from_dict` reads back as equal gates."""
    return {
        "alpha": gates.alpha,
        "gates": [{"kind": _NAMES[type(gate)], **asdict(gate)} for gate in gates.gates],
    }


def gates_from_dict(record: Mapping[str, Any]) -> Gates:
    """The gates of a record.

    Raises: GatesUnreadable: a kind or field this version of seatrial does not know.
    """
    try:
        gates = tuple(
            _KINDS[said["kind"]](**{k: v for k, v in said.items() if k != "kind"})
            for said in record["gates"]
        )
        return Gates(gates=gates, alpha=record["alpha"])
    except (KeyError, TypeError) as problem:
        raise GatesUnreadable(
            f"The gates of the release cannot be read: {problem}.",
            remedy="Read it with the version of seatrial that wrote it.",
        ) from problem


def absolute(gates: Gates) -> Gates:
    """Only the gates that need no stable version."""
    return Gates(
        gates=tuple(g for g in gates.gates if isinstance(g, AbsoluteGate)), alpha=gates.alpha
    )
