"""A scorer in this process, for few rows: to start another takes longer than they do.

Only for models that are graphs, which servers run in their own process too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from seatrial.adapters.scoring.program import ScoringProgram
from seatrial.serving.scoring import Piece, Scored, scored_from


class ScorerHere:
    """`serving.scoring.Scorer` on a thread. Made by `start_here`."""

    def __init__(self, program: ScoringProgram) -> None:
        self._program = program

    async def score(self, piece: Piece) -> Scored:
        """See Scorer."""
        found = await asyncio.to_thread(self._program.score, piece.content)
        return scored_from(found, piece.position)

    async def close(self) -> None:
        """See Scorer."""


async def start_here(order: Mapping[str, Any]) -> ScorerHere:
    """Load the model.

    Args: order: arguments of `ScoringProgram.open`; the bundle is one that this process verified.
    Raises: GraphUnusable and its kin.
    """
    program = ScoringProgram()
    await asyncio.to_thread(program.open, **order, verified=True)
    return ScorerHere(program)
