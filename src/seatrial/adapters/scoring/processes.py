"""Scorers as processes of this machine, each with its own engines and within limits."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.adapters.scoring.slab import Slab
from seatrial.serving.child import Child, start_child
from seatrial.serving.scoring import Piece, Scored, scored_from
from seatrial.serving.spawn import ChildLimits

_PROGRAM = "seatrial.adapters.scoring.program"
_CALL_S = 600.0
"""A piece that takes longer counts as hung."""


class ProcessScorer:
    """A process that scores; `serving.scoring.Scorer`. Made by `start_process`."""

    def __init__(self, child: Child, slab: Slab) -> None:
        self._child = child
        self._slab = slab

    async def score(self, piece: Piece) -> Scored:
        """See Scorer."""
        n = len(piece.content)
        self._slab.put(piece.content)
        found = await self._child.call(
            "score_slab", {"content_bytes": n}, timeout_s=_CALL_S, run_s=_CALL_S
        )
        if isinstance(found["table"], int):
            found["table"] = self._slab.answers(n, found["table"]).copy()
        return scored_from(found, piece.position)

    async def close(self) -> None:
        """See Scorer."""
        await self._child.close()
        self._slab.close()


async def start_process(order: Mapping[str, object], limits: ChildLimits) -> ProcessScorer:
    """Start a process and have it load the model.

    Args: order: arguments of `ScoringProgram.open`; the bundle is one that this process verified.
    Raises: EngineTimeout, EngineCrashed, EngineFailed and their kin.
    """
    slab = Slab.made()
    try:
        child = await start_child(limits, program=_PROGRAM, shared=(slab.fd,))
    except BaseException:
        slab.close()
        raise
    scorer = ProcessScorer(child, slab)
    try:
        known = {**order, "verified": True, "slab": slab.fd}
        await child.call("open", known, timeout_s=_CALL_S)
    except BaseException:
        await scorer.close()
        raise
    return scorer
