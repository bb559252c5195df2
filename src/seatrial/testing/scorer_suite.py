"""What every scorer of files must do; see `serving.scoring.Scorer`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.failures import EngineCrashed
from seatrial.serving.scoring import Piece, Scored, Scorer

GOOD = b"1,2,3\n4,5,6\n"
MIXED = b"1,2,3\n-9,1,1\n4,five,6\n7,8\n4,5,6\n"
BAD = b"-9,1,1\n-9,1,2\n"


class ScorerSuite:
    """Subclass it as ``Test...`` with three methods.

    Pieces are lines of CSV without a head. The model has features a, b and c, floats, and answers
    the logarithm of their sum; below zero that is none, and the row is bad.
    """

    async def start(self, **changed: object) -> Scorer:
        """Start one; given arguments of its order in place of the right ones."""
        raise NotImplementedError

    def end(self, scorer: Scorer) -> None:
        """Kill what it runs on, as a machine that is out of memory does."""
        raise NotImplementedError

    def answers(self, scored: Scored) -> list[float]:
        """The logarithms in its table."""
        raise NotImplementedError

    def scored(self, *contents: bytes, before: Callable[[Any], None] | None = None) -> list[Scored]:
        """Have one score pieces one after the other; ``before`` is called ahead of the last."""

        async def run() -> list[Scored]:
            scorer = await self.start()
            try:
                found = []
                for position, content in enumerate(contents, start=1):
                    if before is not None and position == len(contents):
                        before(scorer)
                    rows = np.frombuffer(content, np.uint8)
                    found.append(await scorer.score(Piece(content=rows, position=position)))
                return found
            finally:
                await scorer.close()

        return asyncio.run(run())

    def test_rows_are_answered_in_their_order_and_bad_ones_are_named(self) -> None:
        """All rows are counted; what is bad in one piece is nothing to the next."""
        found = self.scored(GOOD, MIXED, BAD, GOOD)
        assert [one.position for one in found] == [1, 2, 3, 4]
        assert [one.n_rows for one in found] == [2, 5, 2, 2]
        logs = [pytest.approx(1.791759), pytest.approx(2.70805)]
        assert [self.answers(one) for one in found] == [logs, logs, [], logs]
        assert [[flaw.row for flaw in one.flaws] for one in found] == [[], [1, 2, 3], [0, 1], []]
        assert all(flaw.code and flaw.problem for one in found for flaw in one.flaws)

    def test_the_same_piece_has_the_same_answer_to_the_byte(self) -> None:
        """So that a file does not depend on who scores its pieces."""
        first, again = self.scored(MIXED, MIXED)
        assert bytes(first.table) == bytes(again.table)
        assert first.flaws == again.flaws

    def test_one_that_dies_says_so(self) -> None:
        """It neither hangs nor makes something up."""
        with pytest.raises(EngineCrashed) as crashed:
            self.scored(GOOD, GOOD, before=self.end)
        assert crashed.value.remedy

    def test_what_cannot_be_loaded_is_told_at_the_start(self) -> None:
        """A bundle that was changed since it was named."""
        with pytest.raises(SeatrialError, match=r"0{64}") as refused:
            asyncio.run(self.start(digest="0" * 64))
        assert refused.value.remedy
