"""Pieces go out to scorers and come back in order, few at a time, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.failures import EngineCrashed
from seatrial.serving.scoring import AHEAD, Flaw, Piece, Scored, in_order, scored_from

NOTHING = np.empty(0, np.uint8)


class Echo:
    """Answers a piece with as many rows as its position; waits as long as told to."""

    def __init__(self, waits: dict[int, int], log: list[int], *, fails_at: int = -1) -> None:
        self._waits = waits
        self._log = log
        self._fails_at = fails_at
        self.busy = False

    async def score(self, piece: Piece) -> Scored:
        assert not self.busy
        self.busy = True
        for _ in range(self._waits.get(piece.position, 0)):
            await asyncio.sleep(0)
        self.busy = False
        if piece.position == self._fails_at:
            raise EngineCrashed("It crashed.", remedy="Test it.")
        self._log.append(piece.position)
        return Scored(n_rows=piece.position, flaws=(), table=NOTHING, position=piece.position)

    async def close(self) -> None: ...


async def here(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def counted(n: int, taken: list[int]) -> Iterator[Piece]:
    for i in range(n):
        taken.append(i)
        yield Piece(content=NOTHING, position=i)


@given(
    n=st.integers(0, 30),
    n_scorers=st.integers(1, 4),
    waits=st.dictionaries(st.integers(0, 29), st.integers(0, 20)),
)
def test_answers_come_in_the_order_of_the_pieces_and_few_are_held(
    n: int, n_scorers: int, waits: dict[int, int]
) -> None:
    async def run() -> None:
        log: list[int] = []
        taken: list[int] = []
        scorers = [Echo(waits, log) for _ in range(n_scorers)]
        given_back = 0
        async for scored in in_order(counted(n, taken), scorers, apart=here):
            assert scored.position == given_back
            given_back += 1
            assert len(taken) - given_back <= AHEAD * n_scorers
        assert given_back == n
        assert sorted(log) == list(range(n))

    asyncio.run(run())


async def test_a_scorer_that_fails_ends_it_and_nothing_runs_on() -> None:
    log: list[int] = []
    scorers = [Echo({0: 3, 1: 50, 2: 50}, log, fails_at=0) for _ in range(3)]

    async def all_of_it() -> None:
        async with aclosing(in_order(counted(9, []), scorers, apart=here)) as found:
            async for _ in found:
                pass

    with pytest.raises(EngineCrashed):
        await all_of_it()
    before = list(log)
    for _ in range(100):
        await asyncio.sleep(0)
    assert log == before


def test_an_answer_survives_being_sent() -> None:
    scored = Scored(
        n_rows=4, flaws=[Flaw(row=1, code="a.b", problem="No.", field="x")], table=NOTHING
    )
    back = scored_from(scored.as_dict(), 7)
    assert (back.n_rows, back.flaws, back.position) == (4, scored.flaws, 7)
