"""seatrial takes a trained model to production behind gates that ask for evidence.

The names below are what a program needs most. Each loads its module when it is first used:
importing seatrial itself loads nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.kernel.errors import SeatrialError
    from seatrial.registry.bundle import Bundle
    from seatrial.registry.signature import Batch, Prediction, Signature
    from seatrial.release.desk import Desk
    from seatrial.release.gate import (
        ErrorRateAgainstStable,
        ErrorRateGate,
        Gates,
        LatencyAgainstStable,
        LatencyGate,
    )
    from seatrial.release.judge import judge
    from seatrial.release.measurement import Summary
    from seatrial.release.plan import time_to_verdict
    from seatrial.release.verdict import Judgement, Outcome, Verdict
    from seatrial.wiring.evaluation.evaluating import evaluate
    from seatrial.wiring.gateway import open_gateway
    from seatrial.wiring.knowledge.opened import open_knowledge
    from seatrial.wiring.watching.compare import compare
    from seatrial.wiring.workspace import open_store, open_workspace

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Bundle",
    "Desk",
    "ErrorRateAgainstStable",
    "ErrorRateGate",
    "Gates",
    "Judgement",
    "LatencyAgainstStable",
    "LatencyGate",
    "Outcome",
    "Prediction",
    "SeatrialError",
    "Signature",
    "Summary",
    "Verdict",
    "compare",
    "evaluate",
    "judge",
    "open_gateway",
    "open_knowledge",
    "open_store",
    "open_workspace",
    "time_to_verdict",
]

_HOMES = {
    "Batch": "registry.signature",
    "Bundle": "registry.bundle",
    "Desk": "release.desk",
    "ErrorRateAgainstStable": "release.gate",
    "ErrorRateGate": "release.gate",
    "Gates": "release.gate",
    "Judgement": "release.verdict",
    "LatencyAgainstStable": "release.gate",
    "LatencyGate": "release.gate",
    "Outcome": "release.verdict",
    "Prediction": "registry.signature",
    "SeatrialError": "kernel.errors",
    "Signature": "registry.signature",
    "Summary": "release.measurement",
    "Verdict": "release.verdict",
    "compare": "wiring.watching.compare",
    "evaluate": "wiring.evaluation.evaluating",
    "judge": "release.judge",
    "open_gateway": "wiring.gateway",
    "open_knowledge": "wiring.knowledge.opened",
    "open_store": "wiring.workspace",
    "open_workspace": "wiring.workspace",
    "time_to_verdict": "release.plan",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - importing seatrial loads nothing

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
