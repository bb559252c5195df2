"""Copies of requests for a shadow: made after the reply, one at a time, dropped under pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.signature import Batch, Prediction, n_rows
from seatrial.serving.outcome import OK, outcome_of

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion
    from seatrial.serving.router import Pick

_BUSY_SHARE = 0.2
"""Copies may take this share of the time; more would slow the answers that count."""


class Copies:
    """The queue of copies of one worker; used on its event loop.

    Args:
        max_waiting: copies that may wait, >= 1.
        max_rows: rows that may wait, >= 1.
    """

    def __init__(self, *, max_waiting: int = 256, max_rows: int = 16_384) -> None:
        self._max_waiting = max_waiting
        self._max_rows = max_rows
        self._waiting: deque[tuple[Pick[LiveVersion], Batch]] = deque()
        self._n_rows = 0
        self._task: asyncio.Task[None] | None = None
        self.n_dropped = 0

    def offer(self, pick: Pick[LiveVersion], batch: Batch) -> None:
        """Copy a request to the shadow of its pick, if it has one; never raises, never waits."""
        if pick.shadow is None:
            return
        rows = n_rows(batch)
        if len(self._waiting) >= self._max_waiting or self._n_rows + rows > self._max_rows:
            self.n_dropped += 1
            return
        self._waiting.append((pick, batch))
        self._n_rows += rows
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Drop what waits and end what runs."""
        self.n_dropped += len(self._waiting)
        self._waiting.clear()
        self._n_rows = 0
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(0)  # the reply goes out first
                pick, batch = self._waiting.popleft()
                self._n_rows -= n_rows(batch)
                started = loop.time()
                await self._copy(pick, batch)
                await asyncio.sleep((loop.time() - started) * (1 / _BUSY_SHARE - 1))
        finally:
            self._task = None

    async def _copy(self, pick: Pick[LiveVersion], batch: Batch) -> None:
        from seatrial.serving.queue import Closed  # noqa: PLC0415 - loads numpy

        if pick.shadow is None or pick.observe_copy is None:
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer: Prediction | Awaitable[Prediction] = pick.shadow.predict(batch)
            if isinstance(answer, Awaitable):
                await answer
        except Closed:
            self.n_dropped += 1
            return
        except SeatrialError as problem:
            outcome = outcome_of(problem)
        else:
            outcome = OK
        pick.observe_copy(loop.time() - started, outcome)
