"""Does one step of a run and no other, for an orchestrator that keeps the order of the steps.

It is a worker like any other: it takes the lease of the run, and what it does is kept as facts. So
two that are told to do the same step do it once, and the second learns what came of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import Conflict, NotFound
from seatrial.kernel.store import Store, StoreUnavailable
from seatrial.steps.decide import RunConflict
from seatrial.steps.run import DONE, Run, Status, StepState
from seatrial.steps.runs import Runs
from seatrial.steps.worker import LEASE_TTL_S, Spawn, Worker, on_a_thread
from seatrial.steps.workflow import Workflow

_TICK_S = 0.1


class UnknownStep(NotFound):
    """The run has no step of this name."""

    code = "steps.unknown_step"


class Came(StrEnum):
    """What came of a step that was to be done."""

    DONE = "done"
    """It has its output, by this call or before it."""
    OVER = "over"
    """The run is over, and not by this step's output."""
    WAITS = "waits"
    """It waits, for a person or a time."""
    AGAIN = "again"
    """An attempt failed, and another may help."""
    FAILED = "failed"
    """It failed for good; a person decides."""


class Stopped(Conflict):
    """The process that does a step was told to end; the step was given back."""

    code = "steps.stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Performs steps of runs.

    Args:
        store: facts, leases and presence.
        workflows: whose runs may be asked for.
        clock: as of `Worker`.
        holder: unique name of this process start.
        stop: once set, the step is given back.
        on_line: told each line of the step's log.
        on_wait: told what is waited for, now and then.
        spawn, lease_ttl_s: as of `Worker`.
    """

    store: Store
    workflows: Sequence[Workflow]
    clock: Clock
    holder: str
    stop: threading.Event
    on_line: Callable[[str], None] = lambda _: None
    on_wait: Callable[[str], None] = lambda _: None
    spawn: Spawn = on_a_thread
    lease_ttl_s: float = LEASE_TTL_S

    def perform(self, run_id: str, step: str, *, once: bool = False) -> tuple[Came, Run]:
        """Do a step, or wait until another process has. Blocks.

        One attempt at most is begun here: whether there is another is the caller's to say.

        Args: once: ask a step that waits once, instead of waiting with it.
        Raises: UnknownRun; UnknownStep; RunConflict: an earlier step has not been done;
            WorkflowChanged; Stopped: it was told to stop; StoreUnavailable: and nothing is at work.
        """
        runs = Runs(self.store, clock=self.clock)
        runs.refresh()
        before = _step(runs.get(run_id), step)
        worker = Worker(
            self.store,
            self.workflows,
            clock=self.clock,
            holder=self.holder,
            n_parallel=1,
            spawn=self.spawn,
            only=(run_id, step),
            on_line=self.on_line,
            lease_ttl_s=self.lease_ttl_s,
        )
        try:
            while True:
                run = self._seen(runs, run_id, worker)
                came = _came(run, step, before, asked=once and worker.n_kept > 0, once=once)
                if came is not None and worker.idle:
                    return came, run
                if run_id in worker.stuck:
                    raise worker.stuck[run_id]
                self._go_on(worker, run, step)
        finally:
            worker.close()

    def _seen(self, runs: Runs, run_id: str, worker: Worker) -> Run:
        """The run as it stands; as it stood, where the store is away and a step is at work."""
        try:
            runs.refresh()
        except StoreUnavailable:
            if worker.idle:
                raise
        return runs.get(run_id)

    def _go_on(self, worker: Worker, run: Run, step: str) -> None:
        if self.stop.is_set():
            raise Stopped(
                f"The step {step} of {run.id} was given back: this process was told to end.",
                remedy="Do it again; what was kept stays.",
                run=run.id,
            )
        idle, n_kept = worker.idle, worker.n_kept
        worker.tick()
        if idle and worker.idle and worker.n_kept == n_kept and run.current is not None:
            self.on_wait(run.current.reason or f"{run.current.name} is {run.current.status}")
        self.clock.sleep(_TICK_S)


def _step(run: Run, name: str) -> StepState:
    found = next((step for step in run.steps if step.name == name), None)
    if found is None:
        raise UnknownStep(
            f"The run {run.id} has no step {name!r}.",
            remedy=f"Name one of: {', '.join(step.name for step in run.steps)}.",
            run=run.id,
        )
    return found


def _came(run: Run, name: str, before: StepState, *, asked: bool, once: bool) -> Came | None:
    """What came of a step; None where it is to be gone on with."""
    step = run.step(name)
    if step.status in DONE and step.output is not None:
        return Came.DONE
    if run.current is None:
        return Came.OVER
    if run.current.name != name:
        raise RunConflict(
            f"The run {run.id} stands at {run.current.name}, before {name}.",
            remedy="Do its steps in their order.",
            run=run.id,
        )
    match step.status:
        case Status.FAILED:
            return Came.FAILED
        case Status.RETRYING if step.n_failures > before.n_failures:
            return Came.AGAIN
        case Status.WAITING if once and (asked or step.due_at is None):
            return Came.WAITS
        case _:
            return None
