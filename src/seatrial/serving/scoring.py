"""Files scored from end to end: pieces handed out to scorers, answers taken back in order.

A piece is some whole rows as they lie in the file; a scorer parses, checks and predicts it away
from here. Nothing here knows a file's format or where scorers run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict, Invalid, Unavailable

Bytes: TypeAlias = NDArray[np.uint8]

AHEAD = 2
"""Pieces on the way for each scorer: one that runs and one that waits, so that none idles."""


class InputUnreadable(Invalid):
    """The file to score is absent, damaged, or of no format that is read."""

    code = "scoring.input_unreadable"


class InputUnfit(Invalid):
    """The columns of the file to score do not fit the model's signature."""

    code = "scoring.input_unfit"


class RowUnfit(Invalid):
    """A row cannot be scored, and bad rows were not to be skipped; ``row`` counts from 0."""

    code = "scoring.row_unfit"


class NothingScored(Invalid):
    """Bad rows were to be skipped, and every row was bad."""

    code = "scoring.nothing_scored"


class OutputExists(Conflict):
    """There is a file already where the answers were to go."""

    code = "scoring.output_exists"


class OutputNotWritten(Unavailable):
    """The operating system refused to write the answers."""

    code = "scoring.output_not_written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why a row was not scored.

    Args:
        row: counted from 0, in its piece or in the file.
        code: of the error that a request with this row would get.
        problem: in words.
        field: the feature that is to blame, if one is.
    """

    row: int
    code: str
    problem: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Whole rows as they lie in the file.

    Args:
        content: for the scorer to parse.
        position: how far into the file it reaches, in the unit of the file's length.
    """

    content: Bytes
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What came of a piece.

    Args:
        n_rows: rows it had, bad ones included.
        flaws: its bad rows, ascending by ``row``.
        table: answers to all others, in order, as an Arrow stream.
        position: of the piece.
    """

    n_rows: int
    flaws: Sequence[Flaw]
    table: Bytes
    position: int = 0

    def as_dict(self) -> dict[str, object]:
        """What `scored_from` reads; ``frames.pack`` can send it."""
        return {
            "n_rows": self.n_rows,
            "flaws": msgspec.to_builtins(list(self.flaws)),
            "table": self.table,
        }


def scored_from(record: Mapping[str, Any], position: int) -> Scored:
    """The answer that a scorer sent as a record."""
    return Scored(
        n_rows=int(record["n_rows"]),
        flaws=msgspec.convert(record["flaws"], list[Flaw]),
        table=record["table"],
        position=position,
    )


class Scorer(Protocol):
    """A model somewhere else that scores one piece at a time."""

    async def score(self, piece: Piece) -> Scored:
        """Parse, check and predict.   Raises: EngineFailed, EngineCrashed and their kin."""
        ...

    async def close(self) -> None:
        """End it; no call may follow."""
        ...


async def in_order(
    pieces: Iterator[Piece],
    scorers: Sequence[Scorer],
    *,
    apart: Callable[..., Awaitable[Any]] = asyncio.to_thread,
) -> AsyncGenerator[Scored, None]:
    """Score pieces side by side; answers come in the order of the pieces.

    At most `AHEAD` pieces a scorer are held, whatever the length of the file and however slow one
    of them is.

    Args:
        pieces: read one by one, as they are needed.
        scorers: at least one.
        apart: runs a function that blocks, such as reading the next piece.
    Raises: what reading and scoring raise; nothing runs on afterwards.
    """
    idle: asyncio.Queue[Scorer] = asyncio.Queue()
    for scorer in scorers:
        idle.put_nowait(scorer)

    async def score(piece: Piece) -> Scored:
        scorer = await idle.get()
        try:
            return await scorer.score(piece)
        finally:
            idle.put_nowait(scorer)

    running: deque[asyncio.Task[Scored]] = deque()
    try:
        while (piece := await apart(next, pieces, None)) is not None:
            running.append(asyncio.create_task(score(piece)))
            del piece
            if len(running) >= AHEAD * len(scorers):
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError, Exception):
                await task
