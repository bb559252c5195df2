"""Requests that wait for one engine: bounded, in order of arrival, run together.

The shell around `batching.decide`: it holds futures and timers, all on one event loop.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from seatrial.kernel.errors import (
    DeadlineExceeded,
    LimitExceeded,
    SeatrialError,
    Unavailable,
)
from seatrial.registry.signature import Batch, Prediction, n_rows
from seatrial.serving.batching import (
    BatchLimits,
    CostModel,
    QueueState,
    Run,
    decide,
    drain_s,
    n_fitting,
    patience_after,
)
from seatrial.serving.failures import EngineFailed, EngineOutOfMemory
from seatrial.serving.merging import merge, split

_log = logging.getLogger(__name__)

_TICK_S = 0.005


class Overloaded(LimitExceeded):
    """So much waits already that this request would only make everybody late."""

    code = "serving.overloaded"
    retryable = True


class Late(DeadlineExceeded):
    """The answer would come after the deadline of its request."""

    code = "serving.timeout"


class Closed(Unavailable):
    """The version is no longer loaded."""

    code = "serving.closed"


class RunBatch(Protocol):
    """What runs a batch."""

    def __call__(self, batch: Batch) -> Awaitable[Prediction]:
        """Predict. Raises: SeatrialError."""
        ...


class Inspect(Protocol):
    """What looks at the prediction of one request before it is sent."""

    def __call__(self, prediction: Prediction, rows: int) -> None:
        """Raises: SeatrialError: the prediction must not be sent."""
        ...


class _Part:
    """One request that waits or runs."""

    __slots__ = ("answer", "batch", "rows", "timer")

    def __init__(self, batch: Batch, answer: asyncio.Future[Prediction]) -> None:
        self.batch = batch
        self.rows = n_rows(batch)
        self.answer = answer
        self.timer: asyncio.TimerHandle | None = None

    @property
    def gone(self) -> bool:
        """Whether nobody waits for the answer any more: it ran late, or its caller left."""
        return self.answer.done()

    def finish(self, prediction: Prediction) -> None:
        self._stop_timer()
        if not self.gone:
            self.answer.set_result(prediction)

    def fail(self, problem: SeatrialError) -> None:
        self._stop_timer()
        if not self.gone:
            self.answer.set_exception(problem)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class _Line:
    """What waits, in order of arrival."""

    def __init__(self, limits: BatchLimits) -> None:
        self.parts: deque[_Part] = deque()
        self.n_rows = 0
        self._limits = limits

    def takes(self, rows: int) -> bool:
        """Whether ``rows`` more may wait; makes room by forgetting those who are gone."""
        if not self._full(rows):
            return True
        self.parts = deque(part for part in self.parts if not part.gone)
        self.n_rows = sum(part.rows for part in self.parts)
        return not self._full(rows)

    def _full(self, rows: int) -> bool:
        # A lone request larger than the bound is still taken: alone it makes nobody wait.
        return len(self.parts) >= self._limits.max_waiting or (
            bool(self.parts) and self.n_rows + rows > self._limits.max_waiting_rows
        )

    def put(self, part: _Part) -> None:
        self.parts.append(part)
        self.n_rows += part.rows

    def take(self) -> list[_Part]:
        """The next requests to run together; empty when all who waited are gone."""
        taken: list[_Part] = []
        while self.parts and not taken:
            n = n_fitting((part.rows for part in self.parts), self._limits.max_rows)
            first = [self.parts.popleft() for _ in range(n)]
            self.n_rows -= sum(part.rows for part in first)
            taken = [part for part in first if not part.gone]
        return taken


class BatchQueue:
    """Micro-batching in front of one engine that runs one batch at a time.

    Args:
        run: runs a merged batch; returns as many rows as it got.
        inspect: looks at each request's part of the answer.
        name: of the version, for messages.
        limits: bounds.
        cost: what calls are known to cost.
        now: the clock of deadlines. The loop's own may stand still while a callback runs, and
            count whole milliseconds.
    """

    def __init__(
        self,
        run: RunBatch,
        *,
        inspect: Inspect,
        name: str,
        limits: BatchLimits,
        cost: CostModel | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._inspect = inspect
        self._name = name
        self._limits = limits
        self._line = _Line(limits)
        self._cost = cost or CostModel()
        self._now = now
        self._ended_at = self._arrived_at = -math.inf
        self._n_expected = 0
        self._n_left = 0
        self._patience = 1.0
        self._running: asyncio.Task[None] | None = None
        self._n_running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def n_waiting(self) -> int:
        """Requests that wait."""
        return len(self._line.parts)

    @property
    def n_in_flight(self) -> int:
        """Requests that wait or run."""
        return self.n_waiting + self._n_running

    def submit(self, batch: Batch, deadline: float | None = None) -> asyncio.Future[Prediction]:
        """Put a batch in line.

        Args:
            deadline: by ``now``, or None. A batch that is late before it runs never runs.
        Returns: the prediction to come; it raises Late at the deadline whatever the engine does.
        Raises: Overloaded; Late; Closed.
        """
        loop = asyncio.get_running_loop()
        now = self._now()
        if self._closed:
            raise self._gone()
        if deadline is not None and now >= deadline:
            raise self._late()
        part = _Part(batch, loop.create_future())
        if not self._line.takes(part.rows):
            raise self._overloaded()
        if deadline is not None:
            part.timer = loop.call_later(deadline - now, lambda: part.fail(self._late()))
        self._arrived_at = now
        self._line.put(part)
        self._pump()
        return part.answer

    async def drain(self, timeout_s: float) -> bool:
        """Let what is here end; says whether all did within ``timeout_s``."""
        end = self._now() + timeout_s
        while self.n_in_flight and self._now() < end:
            await asyncio.sleep(_TICK_S)
        return not self.n_in_flight

    async def close(self) -> None:
        """Refuse what waits and what comes, and let the running batch end."""
        self._closed = True
        while parts := self._line.take():
            _fail(parts, self._gone())
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            await asyncio.wait([self._running])

    def _overloaded(self) -> Overloaded:
        n_rows = self._line.n_rows
        wait_s = drain_s(n_rows, self._cost, self._limits)
        return Overloaded(
            f"{self.n_waiting} requests with {n_rows} rows wait for {self._name} already.",
            remedy=f"Send it again in {max(1, math.ceil(wait_s))} s, or add workers.",
            retry_after_s=wait_s,
        )

    def _late(self) -> Late:
        return Late(
            f"{self._name} could not answer before the deadline of the request.",
            remedy="Allow more time, send fewer rows, or add workers.",
        )

    def _gone(self) -> Closed:
        return Closed(
            f"{self._name} is being unloaded.", remedy="Send the request again: another answers."
        )

    def _pump(self) -> None:
        """Do what the policy says; called whenever something changed."""
        if self._running is not None:
            return
        state = QueueState(
            busy=False,
            n_waiting=self.n_waiting,
            n_rows=self._line.n_rows,
            ended_at=self._ended_at,
            arrived_at=self._arrived_at,
            n_expected=self._n_expected,
            patience=self._patience,
        )
        now = self._now()
        decision = decide(state, now, self._cost, self._limits)
        if isinstance(decision, Run):
            self._start()
        elif decision.until < math.inf and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(decision.until - now, self._linger_over)

    def _linger_over(self) -> None:
        self._timer = None
        self._patience = patience_after(self._patience, n_came=self.n_waiting - self._n_left)
        self._pump()

    def _start(self) -> None:
        if self._timer is not None:  # all are back before the linger is over
            self._timer.cancel()
            self._timer = None
            self._patience = patience_after(self._patience, n_came=1)
        if parts := self._line.take():
            self._n_running = len(parts)
            self._running = asyncio.get_running_loop().create_task(self._serve(parts))

    async def _serve(self, parts: list[_Part]) -> None:
        try:
            await self._answer(parts)
        except Exception as problem:  # noqa: BLE001 - the border of an engine's call
            _log.error("%s broke its port", self._name, exc_info=problem)
            said = f"{self._name} failed: {type(problem).__name__}: {problem}"
            _fail(parts, EngineFailed(said, remedy="See the worker's log."))
        finally:
            _fail(parts, self._gone())  # only when this task was cancelled is any part left
            self._running = None
            self._n_running = 0
            self._ended_at = self._now()
            self._n_left = self.n_waiting
            self._n_expected = len(parts) + self._n_left
            if not self._closed:
                self._pump()

    async def _answer(self, parts: Sequence[_Part]) -> None:
        """Answer all parts; when the model fails on them together, find the guilty by halving."""
        alive = [part for part in parts if not part.gone]
        if not alive:
            return
        try:
            predictions = await self._predict(alive)
        except SeatrialError as problem:
            if len(alive) == 1 or not isinstance(problem, _PERHAPS_ONE_ROW):
                _fail(alive, problem)
                return
            middle = len(alive) // 2
            await self._answer(alive[:middle])
            await self._answer(alive[middle:])
        else:
            for part, prediction in zip(alive, predictions, strict=True):
                self._finish(part, prediction)

    def _finish(self, part: _Part, prediction: Prediction) -> None:
        try:
            self._inspect(prediction, part.rows)
        except SeatrialError as problem:
            part.fail(problem)
        else:
            part.finish(prediction)

    async def _predict(self, parts: Sequence[_Part]) -> list[Prediction]:
        rows = [part.rows for part in parts]
        started = self._now()
        prediction = await self._run(merge([part.batch for part in parts]))
        self._cost = self._cost.learn(sum(rows), self._now() - started)
        return split(prediction, rows)


_PERHAPS_ONE_ROW = (EngineFailed, EngineOutOfMemory)
"""Failures that may be one request's own; of others, running the parts alone gets more."""


def _fail(parts: Sequence[_Part], problem: SeatrialError) -> None:
    """Fail each part with an error of its own: each caller adds its own traceback."""
    for part in parts:
        if not part.gone:
            part.fail(copy.copy(problem))
