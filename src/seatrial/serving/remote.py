"""The engine of a version whose model needs its own library: a child process, watched.

A child that crashes, hangs or takes too much memory is replaced within the bounds of a policy;
nobody else notices. One that has merely grown is replaced between calls, the new one loaded first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import cast

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.scan import MAX_MODEL_BYTES
from seatrial.registry.signature import Batch, Prediction, Signature
from seatrial.registry.signature_record import signature_to_dict
from seatrial.serving.child import Child, start_child
from seatrial.serving.failures import EngineDown
from seatrial.serving.restart import RestartPolicy, next_restart
from seatrial.serving.spawn import ChildLimits

_MAX_WAIT_S = 30.0


class EngineState(StrEnum):
    """Where the life of a native engine stands."""

    NEW = "new"
    READY = "ready"
    RESTARTING = "restarting"
    DOWN = "down"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeModel:
    """A model file and what it answers to.

    Args:
        path: the file, in a verified bundle.
        signature: its inputs and outputs.
        trust: accept imports outside the known model libraries; whoever made the bundle did.
        any_version: accept another minor version of scikit-learn.
        code_paths: folders its imports may come from, besides this process's own.
        load_s: seconds loading may take, > 0.
    """

    path: Path
    signature: Signature
    trust: bool = False
    any_version: bool = False
    code_paths: tuple[Path, ...] = ()
    load_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """What a native engine says of itself.

    Args:
        state: where its life stands.
        pid: of its process, None while there is none.
        rss_bytes: resident memory after its last call.
        restarts: how often its process was replaced after it had failed.
        replaced: how often it was replaced because it had grown.
        last_error: why it failed last.
        seen: nothing; see `live.NativeStatus`.
    """

    state: EngineState
    pid: int | None
    rss_bytes: int
    restarts: int
    replaced: int
    last_error: str | None
    seen: None = None


@dataclass(slots=True)
class _Past:
    restarts: int = 0
    replaced: int = 0
    recent: tuple[float, ...] = ()
    last_error: str | None = None
    again_at: float = 0.0


class NativeEngine:
    """A model in a process of its own (a `RemoteEngine`). Lives on one event loop."""

    def __init__(
        self,
        model: NativeModel,
        *,
        limits: ChildLimits | None = None,
        policy: RestartPolicy | None = None,
    ) -> None:
        self._model = model
        self._limits = limits or ChildLimits()
        self._policy = policy or RestartPolicy()
        self._state = EngineState.NEW
        self._child: Child | None = None
        self._past = _Past()
        self._loaded_bytes = 0
        self._supervisor: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether a call would be answered."""
        return self._state is EngineState.READY

    async def start(self) -> None:
        """Start the process and load the model.

        Raises: EngineTimeout, EngineCrashed, and what loading raises; the engine stays unstarted.
        """
        self._child = await self._loaded()
        self._state = EngineState.READY
        self._supervisor = asyncio.create_task(self._supervise())

    async def predict(self, batch: Batch, timeout_s: float) -> Prediction:
        """Predict a batch that fits the signature.

        Args:
            batch: at least one row.
            timeout_s: seconds to the answer, > 0.
        Raises: EngineDown, EngineTimeout, EngineCrashed, EngineOutOfMemory, EngineFailed.
        """
        child = self._child
        if child is None or not self.ready or not child.alive:
            raise self._down()
        reply = await child.call("predict", {"batch": batch}, timeout_s=timeout_s)
        if child.rss_bytes > self._grown_bytes and self._renewal is None and child is self._child:
            self._renewal = asyncio.create_task(self._renew(child))
        return cast("Prediction", reply)

    @property
    def _grown_bytes(self) -> int:
        """Resident memory from which a child is replaced: most of the way to what ends it."""
        limit = self._limits.memory_bytes
        return max(limit * 3 // 4, (self._loaded_bytes + limit) // 2)

    def _down(self) -> EngineDown:
        left = self._past.again_at - monotonic()
        # A start that is overdue may take as long again as it has taken: nobody knows better.
        wait = round(max(0.1, left if left > 0 else min(-left, _MAX_WAIT_S)), 1)
        cause = (self._past.last_error or "it ended").rstrip(".")
        return EngineDown(
            f"The process of the model is {self._state}: {cause}.",
            remedy=f"Try again in {wait:g} s.",
            retry_after_s=wait,
        )

    async def _loaded(self) -> Child:
        """A new process with the model in it."""
        model = self._model
        child = await start_child(self._limits, code_paths=model.code_paths)
        try:
            for op, arguments in (
                (
                    "load",
                    {
                        "path": str(model.path.resolve()),
                        "trust": model.trust,
                        "any_version": model.any_version,
                        "limit": MAX_MODEL_BYTES,
                    },
                ),
                ("configure", {"signature": signature_to_dict(model.signature)}),
            ):
                await child.call(op, arguments, timeout_s=model.load_s, run_s=model.load_s)
        except BaseException:
            await child.close()
            raise
        self._loaded_bytes = child.rss_bytes
        return child

    async def _supervise(self) -> None:
        while True:
            child = self._child
            assert child is not None
            await child.exited.wait()
            if child is not self._child:  # renewed meanwhile
                continue
            self._past.last_error = child.epitaph().problem
            await child.close()
            await self._restart()

    async def _restart(self) -> None:
        """Try until the model is loaded again, ever slower."""
        while True:
            step = next_restart(self._policy, self._past.recent, now=monotonic())
            self._state = EngineState.DOWN if step.down else EngineState.RESTARTING
            self._past.again_at = monotonic() + step.delay_s
            await asyncio.sleep(step.delay_s)
            self._past.recent = (*step.recent, monotonic())
            self._past.restarts += 1
            try:
                self._child = await self._loaded()
            except (SeatrialError, OSError) as error:
                self._past.last_error = str(error)
                continue
            self._state = EngineState.READY
            return

    async def _renew(self, old: Child) -> None:
        """Replace a child that has grown; it answers until the new one can."""
        try:
            new = await self._loaded()
        except (SeatrialError, OSError) as error:
            self._past.last_error = str(error)
            return
        finally:
            self._renewal = None
        if self._child is not old or not self.ready:  # it died meanwhile and was restarted
            await new.close()
            return
        self._child = new
        self._past.replaced += 1
        try:
            await old.retire()
        finally:
            await old.close()

    async def close(self) -> None:
        """End the process; no call may follow. A second close does nothing."""
        self._state = EngineState.CLOSED
        await _stopped((self._supervisor, self._renewal))
        self._supervisor = self._renewal = None
        if self._child is not None:
            await self._child.close()
            self._child = None

    def status(self) -> EngineStatus:
        """What it says of itself."""
        child = self._child
        return EngineStatus(
            state=self._state,
            pid=child.pid if child is not None and child.alive else None,
            rss_bytes=child.rss_bytes if child is not None else 0,
            restarts=self._past.restarts,
            replaced=self._past.replaced,
            last_error=self._past.last_error,
        )


async def _stopped(tasks: Sequence[asyncio.Task[None] | None]) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
