"""One loaded version of a model: its engines, and the queue in front of the slow ones.

Made off the event loop (loading blocks), then used on the loop only.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from seatrial.kernel.errors import Invalid, NotFound, SeatrialError
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows
from seatrial.serving.apart import Apart
from seatrial.serving.batching import BatchLimits, CostModel
from seatrial.serving.engine import (
    OUTSIDE,
    Choice,
    Engine,
    EngineKind,
    EnginePlan,
    RemoteEngine,
    Seen,
)
from seatrial.serving.failures import EngineFailed
from seatrial.serving.merging import join, merge, pieces, split
from seatrial.serving.queue import BatchQueue, Closed
from seatrial.serving.reach import Blame
from seatrial.serving.soundness import check, check_rows, floating

_log = logging.getLogger(__name__)

_LINGER_S = 4e-3
"""The most a batch waits for company. How long it does is the queue's to say, which sees how many
wait and what calls cost; a plan's own linger is for servers elsewhere, which see neither."""

_TRY_AGAIN_S = 30.0
"""Pause after a native engine beside an ONNX one could not be started."""


class NativeStatus(Protocol):
    """What a native engine says of itself."""

    @property
    def restarts(self) -> int:
        """How often its process was replaced after it had failed."""
        ...

    @property
    def pid(self) -> int | None:
        """Of its process; None while there is none."""
        ...

    @property
    def seen(self) -> Seen | None:
        """What a server elsewhere last said of the model; None of a process of ours."""
        ...


class NativeEngine(RemoteEngine, Protocol):
    """A remote engine with a life of its own."""

    @property
    def ready(self) -> bool:
        """Whether its process is there and answers."""
        ...

    def status(self) -> NativeStatus:
        """What it says of itself."""
        ...

    async def start(self) -> None:
        """Start the process and load the model.   Raises: SeatrialError."""
        ...


class LiveVersion:
    """A version that can answer.

    Args:
        endpoint: the name it is served under.
        version: its number.
        digest: of its bundle.
        signature: what batches must fit.
        plan: which engine runs how many rows.
        engines: the engines in this process, by kind.
        native: the engine outside this process, in a child or in a server elsewhere; needed when
            the plan names one.
        limits: bounds of the queue; None for those of the plan.
        call_timeout_s: after this time a native call counts as hung. Not the deadline of any
            client: a client in a hurry must not end the process others share.
        blame: tells failures of the model from rows no model could answer; None blames it for all.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        version: int,
        digest: str,
        signature: Signature,
        plan: EnginePlan,
        engines: Mapping[EngineKind, Engine],
        native: NativeEngine | None = None,
        limits: BatchLimits | None = None,
        call_timeout_s: float = 30.0,
        blame: Blame | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.version = version
        self.digest = digest
        self.signature = signature
        self.plan = plan
        self.blame = blame
        self._name = f"{endpoint} version {version}"
        self._engines = dict(engines)
        self._native = native
        self._call_timeout_s = call_timeout_s
        self._floats = floating(signature)
        self._first = plan.steps[0].choice
        self._inline_rows = plan.inline_rows
        self._second_from = plan.steps[1].from_rows if len(plan.steps) > 1 else sys.maxsize
        limits = limits or limits_of(plan)
        self._max_waiting = limits.max_waiting
        self._queue: BatchQueue | Apart
        if plan.remote is None:
            cost = CostModel.of(plan.fixed_s, plan.per_row_s, plan.max_batch_rows)
            self._queue = BatchQueue(
                self._run, inspect=self._inspect, name=self._name, limits=limits, cost=cost
            )
        else:
            self._queue = Apart(
                self._run, inspect=self._inspect, name=self._name, most=limits.max_waiting
            )
        self._thread: ThreadPoolExecutor | None = None
        self._starting: asyncio.Task[None] | None = None
        self._start_again_at = 0.0
        self._closed = False

    def predict(
        self, batch: Batch, deadline: float | None = None
    ) -> Prediction | Awaitable[Prediction]:
        """Predict a batch that fits the signature.

        Args:
            batch: at least one row.
            deadline: by `time.monotonic`, or None.
        Returns: the prediction itself when it is quick enough to be made here, else one to wait
            for.
        Raises: Overloaded, Late, Closed; EngineFailed, BadOutput and what a native engine raises:
            the version's fault.
        """
        rows = n_rows(batch)
        choice = self._first if rows < self._second_from else self.plan.choose(rows)
        if not choice.inline:
            return self._queue.submit(batch, deadline)
        if self._closed:
            raise Closed(f"{self._name} is no longer loaded.", remedy="Send the request again.")
        prediction = self._predict_here(choice, batch, rows)
        check(self._name, prediction, rows, self._floats)
        return prediction

    def predict_together(self, batches: Sequence[Batch]) -> list[Prediction]:
        """Predict the batches of several requests in one call, if that is quick enough to be here.

        Returns: the predictions of the first ones, in order; `predict` is for the rest. None at all
            when something is wrong, which `predict` then finds in the batch that is to blame.
        """
        rows: list[int] = []
        total = 0
        for batch in batches:
            total += n_rows(batch)
            if total > self._inline_rows:
                break
            rows.append(n_rows(batch))
        if len(rows) < 2 or self._closed:
            return []
        total = sum(rows)
        try:
            merged = merge(batches[: len(rows)])
            prediction = self._predict_here(self.plan.choose(total), merged, total)
            check(self._name, prediction, total, self._floats)
        except SeatrialError:
            return []
        return split(prediction, rows)

    @property
    def n_waiting(self) -> int:
        """Requests in the queue."""
        return self._queue.n_waiting

    @property
    def n_in_flight(self) -> int:
        """Requests in the queue or running; those answered inline never show."""
        return self._queue.n_in_flight

    @property
    def n_restarts(self) -> int:
        """How often the native engine had to be started again."""
        return self._native.status().restarts if self._native else 0

    @property
    def max_waiting(self) -> int:
        """Requests the queue takes."""
        return self._max_waiting

    @property
    def pid(self) -> int | None:
        """Of the native engine's process; None without one."""
        return self._native.status().pid if self._native else None

    @property
    def seen_elsewhere(self) -> Seen | None:
        """What the server elsewhere last said of the model; None where none runs it."""
        return self._native.status().seen if self._native else None

    async def start(self) -> None:
        """Start what must be there before the first request.   Raises: SeatrialError."""
        if self._native is not None and self.plan.engines <= OUTSIDE:
            await self._native.start()

    async def close(self, *, drain_s: float = 0.0) -> None:
        """End it; what still waits after ``drain_s`` seconds is refused."""
        await self._queue.drain(drain_s)
        self._closed = True
        await self._queue.close()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._native is not None:
            await self._native.close()
        if self._thread is not None:
            self._thread.shutdown(wait=False)
        for engine in self._engines.values():
            engine.close()

    async def _run(self, batch: Batch) -> Prediction:
        """Run a merged batch for the queue."""
        rows = n_rows(batch)
        choice = self.plan.choose(rows)
        if choice.engine in OUTSIDE and (native := self._native_engine()) is not None:
            parts = pieces(batch, choice.chunk_rows)
            try:
                prediction = join([await native.predict(p, self._call_timeout_s) for p in parts])
            except Exception as problem:
                if _engines_own(problem):
                    raise
                raise self._failed(problem) from problem
        else:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, f"engine-{self.endpoint}-{self.version}")
            loop = asyncio.get_running_loop()
            prediction = await loop.run_in_executor(
                self._thread, self._predict_here, choice, batch, rows
            )
        check_rows(self._name, prediction, rows)
        return prediction

    def _predict_here(self, choice: Choice, batch: Batch, rows: int) -> Prediction:
        engine = self._engines.get(choice.engine) or next(iter(self._engines.values()))
        try:
            if choice.chunk_rows is None or rows <= choice.chunk_rows:
                prediction = engine.predict(batch)
            else:
                prediction = join([engine.predict(p) for p in pieces(batch, choice.chunk_rows)])
        except Exception as problem:
            if _engines_own(problem):
                raise
            raise self._failed(problem) from problem
        return prediction

    def _failed(self, problem: Exception) -> EngineFailed:
        return EngineFailed(
            f"{self._name} failed: {type(problem).__name__}: {problem}",
            remedy="Abort the release if this version is on trial; else see the worker's log.",
        )

    def _inspect(self, prediction: Prediction, rows: int) -> None:
        check(self._name, prediction, rows, self._floats)

    def _native_engine(self) -> NativeEngine | None:
        """The native engine if it shall run this batch; None to let another do it.

        Beside an ONNX engine it is started at first need, off the path of any request, and while
        it is not ready the other answers: slower for so many rows, but right.
        """
        native = self._native
        if native is None or native.ready or not self._engines:
            return native
        loop = asyncio.get_running_loop()
        if self._starting is None and loop.time() >= self._start_again_at:
            self._start_again_at = loop.time() + _TRY_AGAIN_S
            self._starting = loop.create_task(self._start_native(native))
        return None

    async def _start_native(self, native: NativeEngine) -> None:
        try:
            await native.start()
        except SeatrialError as problem:
            _log.warning("%s runs without its native engine: %s", self._name, problem)
            self._starting = None


def _engines_own(problem: Exception) -> bool:
    """Whether an error of an engine can stand as it is.

    One that blames its input cannot: the batch was valid, so the fault is never the client's.
    """
    return isinstance(problem, SeatrialError) and not isinstance(problem, Invalid | NotFound)


def limits_of(plan: EnginePlan, *, max_waiting: int = 1024) -> BatchLimits:
    """The bounds of a queue in front of engines that a plan was measured for."""
    return BatchLimits(
        max_waiting=max_waiting,
        max_rows=plan.max_batch_rows if plan.batching else 1,
        linger_s=_LINGER_S if plan.batching else 0.0,
    )
