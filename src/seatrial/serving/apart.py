"""Requests to an engine that runs many at once: each by itself, bounded in number and time.

A server elsewhere puts requests together as it sees fit, so here nobody waits for company.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.signature import Batch, Prediction, n_rows
from seatrial.serving.failures import EngineTimeout
from seatrial.serving.queue import Closed, Inspect, Overloaded, RunBatch

_TICK_S = 0.005
_TRY_AGAIN_S = 1.0


class Apart:
    """A line without waiting: `queue.BatchQueue` for an engine that runs many batches at once.

    Args:
        run: runs one batch.
        inspect: looks at the answer.
        name: of the version, for messages.
        most: requests under way at once, >= 1; more are refused.
        now: the clock of deadlines.
    """

    def __init__(
        self,
        run: RunBatch,
        *,
        inspect: Inspect,
        name: str,
        most: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._inspect = inspect
        self._name = name
        self._most = most
        self._now = now
        self._n = 0
        self._closed = False

    @property
    def n_waiting(self) -> int:
        """Nobody waits here: see `n_in_flight`."""
        return 0

    @property
    def n_in_flight(self) -> int:
        """Requests under way."""
        return self._n

    def submit(
        self, batch: Batch, deadline: float | None = None
    ) -> Coroutine[None, None, Prediction]:
        """The prediction to come, for somebody who awaits it.

        Args: deadline: by ``now``, or None.
        Raises: Overloaded; Closed; the prediction raises EngineTimeout and what the engine raises.
        """
        if self._closed:
            raise Closed(
                f"{self._name} is being unloaded.",
                remedy="Send the request again: another answers.",
            )
        if self._n >= self._most:
            raise Overloaded(
                f"{self._n} requests are with the engine of {self._name} already.",
                remedy=f"Send it again in {_TRY_AGAIN_S:g} s, or give the engine more replicas.",
                retry_after_s=_TRY_AGAIN_S,
            )
        return self._answer(batch, deadline)

    async def drain(self, timeout_s: float) -> bool:
        """Let what is here end; says whether all did within ``timeout_s``."""
        end = self._now() + timeout_s
        while self._n and self._now() < end:
            await asyncio.sleep(_TICK_S)
        return not self._n

    async def close(self) -> None:
        """Refuse what comes; what is under way fails with its engine."""
        self._closed = True

    async def _answer(self, batch: Batch, deadline: float | None) -> Prediction:
        left_s = None if deadline is None else deadline - self._now()
        self._n += 1
        try:
            async with asyncio.timeout(left_s):
                prediction = await self._run(batch)
            self._inspect(prediction, n_rows(batch))
        except TimeoutError:
            raise self._late() from None
        finally:
            self._n -= 1
        return prediction

    def _late(self) -> SeatrialError:
        return EngineTimeout(
            f"The engine of {self._name} did not answer before the deadline of the request.",
            remedy="See how busy its server is; give it more replicas, or raise server.deadline_s.",
        )
