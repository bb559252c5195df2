"""Scorers as processes of this machine, each with its own engines and within limits."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.serving.child import Child, start_child
from seatrial.serving.scoring import Piece, Scored, scored_from
from seatrial.serving.spawn import ChildLimits

_PROGRAM = "seatrial.adapters.scoring_program"
_CALL_S = 600.0
"""A piece that takes longer counts as hung."""


class ProcessScorer:
    """A process that scores; `serving.scoring.Scorer`. Made by `start_process`."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def score(self, piece: Piece) -> Scored:
        """See Scorer."""
        found = await self._child.call(
            "score", {"content": piece.content}, timeout_s=_CALL_S, run_s=_CALL_S
        )
        return scored_from(found, piece.position)

    async def close(self) -> None:
        """See Scorer."""
        await self._child.close()


async def start_process(order: Mapping[str, object], limits: ChildLimits) -> ProcessScorer:
    """Start a process and have it load the model.

    Args: order: arguments of `ScoringProgram.open`.
    Raises: EngineTimeout, EngineCrashed, EngineFailed and their kin.
    """
    child = await start_child(limits, program=_PROGRAM)
    try:
        await child.call("open", order, timeout_s=_CALL_S)
    except BaseException:
        await child.close()
        raise
    return ProcessScorer(child)
