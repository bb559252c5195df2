"""The worker: brings every run forward, one tick at a time.

A thin shell around `decide`. All it remembers can be lost: a worker that starts anew reads the
facts and goes on at the first step without an output. Any number may run; one lease per run keeps
two from the same step, and one that lost its lease without noticing is refused by the facts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.kernel.store import Lease, Store, StoreFull, StoreUnavailable, StreamChanged
from seatrial.steps import live
from seatrial.steps.context import Context, Stopping
from seatrial.steps.decide import Attempt, Begin, Event, Interrupted
from seatrial.steps.job import Job, TimedOut, event_of, raised
from seatrial.steps.live import Notes
from seatrial.steps.run import KEPT_LINES, PREFIX, Run, Status, StepState
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Step, Wait, Workflow

LEASE_TTL_S = 10.0
"""A run whose worker was killed rests that long before another takes it up."""

_RENEWALS = 4
_BID_AGAIN_S = 1.0
_BEAT_S = 0.5

Spawn: TypeAlias = Callable[[Callable[[], None], str], None]

_log = logging.getLogger(__name__)


class WorkflowChanged(Invalid):
    """A run was started when its workflow had other steps."""

    code = "steps.workflow_changed"


def on_a_thread(work: Callable[[], None], name: str) -> None:
    """Run ``work`` beside; it ends with the process at the latest."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Worker:
    """Runs steps.

    Args:
        store: facts, leases and presence.
        workflows: those whose runs it brings forward; runs of others it leaves alone.
        clock: wall time for what is due, monotonic time for leases and time limits.
        holder: unique name of this process start.
        n_parallel: steps at work at once, >= 1.
        spawn: runs a step beside.
        only: id of a run and name of a step: this one alone is begun, whoever it is left to.
        on_line: told each line that steps say, on their threads.
        on_over: told that a step has answered, on its thread, so that the next tick comes soon.
        lease_ttl_s: see `LEASE_TTL_S`; longer than a tick ever takes.
    """

    def __init__(
        self,
        store: Store,
        workflows: Sequence[Workflow],
        *,
        clock: Clock,
        holder: str,
        n_parallel: int = 4,
        spawn: Spawn = on_a_thread,
        only: tuple[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _: None,
        on_over: Callable[[], None] = lambda: None,
        lease_ttl_s: float = LEASE_TTL_S,
    ) -> None:
        self._store = store
        self._workflows = {workflow.kind: workflow for workflow in workflows}
        self._clock = clock
        self._holder = holder
        self._n_parallel = n_parallel
        self._spawn = spawn
        self._only = only
        self._on_line = on_line
        self._on_over = on_over
        self._ttl_s = lease_ttl_s
        self._runs = Runs(store, clock=clock)
        self._jobs: dict[str, Job] = {}
        self._ask_at_s: dict[str, tuple[int, float]] = {}
        self._trouble = ""
        self.stuck: dict[str, Exception] = {}
        """Why a run stands still, by its id."""
        self.n_kept = 0
        """How many answers of steps were kept."""

    @property
    def idle(self) -> bool:
        """Whether no step is at work here."""
        return not self._jobs

    def tick(self) -> None:
        """Bring every run one step forward.

        A store that does not answer makes the tick do nothing: what was not appended did not
        happen, and the next tick decides again. A run that cannot go on stands still, alone.
        """
        try:
            self._runs.refresh()
            for run_id in list(self._jobs):
                self._alone(run_id, self._attend)
            for run in self._runs.all():
                if run.over is None and run.kind in self._workflows and run.id not in self._jobs:
                    self._alone(run.id, self._take_up)
            self._trouble = ""
        except (StoreUnavailable, StoreFull) as problem:
            if self._trouble != str(problem):  # told once: it is asked again many times a second
                self._trouble = str(problem)
                _log.warning("the store cannot be used, no step is begun or kept: %s", problem)

    def close(self, *, grace_s: float = 5.0) -> None:
        """Stop what is at work and give the leases back, so that another goes on at once."""
        for job in self._jobs.values():
            job.context.stop("the process ends")
        until_s = self._clock.monotonic() + grace_s
        while any(not j.over for j in self._jobs.values()) and self._clock.monotonic() < until_s:
            self._clock.sleep(0.02)
        for job in self._jobs.values():
            job.event = job.event or Interrupted(attempt=job.attempt, log=job.notes.last_words())
        self.tick_jobs()

    def tick_jobs(self) -> None:
        """Keep what the steps at work answered, and begin nothing."""
        try:
            self._runs.refresh()
            for run_id in list(self._jobs):
                self._alone(run_id, self._attend)
        except (StoreUnavailable, StoreFull) as problem:
            _log.warning("what steps answered was not kept, they are begun again: %s", problem)

    def _alone(self, run_id: str, work: Callable[[str], None]) -> None:
        """What is wrong with one run stops no other.   Raises: StoreUnavailable, StoreFull."""
        try:
            work(run_id)
        except StreamChanged as changed:
            _log.info("somebody else appended first, deciding again: %s", changed)
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            if str(self.stuck.get(run_id)) != str(problem):
                self.stuck[run_id] = problem
                foreseen = isinstance(problem, SeatrialError)
                _log.warning("run %s stands still: %s", run_id, problem, exc_info=not foreseen)
        else:
            self.stuck.pop(run_id, None)

    # Taking up.

    def _take_up(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if len(self._jobs) >= self._n_parallel or not self._is_due(run):
            return
        lease = self._store.acquire(PREFIX + run_id, self._holder, ttl_s=self._ttl_s)
        if lease is None:
            self._ask_again(run, min(_BID_AGAIN_S, self._ttl_s))
            return
        try:
            self._begin(run_id, lease)
        finally:
            if run_id not in self._jobs:
                self._store.release(lease)

    def _is_due(self, run: Run) -> bool:
        if not self._is_ours(run):
            return False
        asked = self._ask_at_s.get(run.id)
        if asked is not None and asked[0] == run.revision:
            return self._clock.monotonic() >= asked[1]
        return run.current is not None and run.current.is_due(self._clock.now())

    def _is_ours(self, run: Run) -> bool:
        if self._only is None:
            return not run.is_left(self._clock.now())
        return run.current is not None and (run.id, run.current.name) == self._only

    def _ask_again(self, run: Run, seconds: float) -> None:
        """Not before then, unless something happens to the run meanwhile."""
        self._ask_at_s[run.id] = (run.revision, self._clock.monotonic() + seconds)

    def _begin(self, run_id: str, lease: Lease) -> None:
        """Begin the step of a run whose lease was just taken: read anew what happened before."""
        self._runs.refresh()
        run = self._runs.get(run_id)
        if run.current is None or not self._is_due(run):
            return
        workflow = self._workflows[run.kind]
        step = self._same_step(workflow, run, run.current)
        begin = Begin(
            holder=self._holder,
            token=lease.token,
            retry=step.retry,
            last_words=self._last_words(run, run.current),
            for_us=self._only is None,
        )
        run = self._runs.apply(run, begin, now=self._clock.now())
        state = run.current
        if state is not None and (
            state.status is Status.WAITING
            or (state.status is Status.RUNNING and state.token == lease.token)
        ):
            self._start(run, state, step, lease)

    def _same_step(self, workflow: Workflow, run: Run, state: StepState) -> Step:
        if tuple(s.name for s in run.steps) != workflow.names:
            raise WorkflowChanged(
                f"The run {run.id} was started when its workflow had the steps "
                f"{', '.join(s.name for s in run.steps)}; now it has {', '.join(workflow.names)}.",
                remedy="Cancel it and start another one.",
                run=run.id,
            )
        return workflow.step(state.name)

    def _last_words(self, run: Run, step: StepState) -> tuple[str, ...]:
        if step.status is not Status.RUNNING:
            return ()
        said = live.watch(self._store, run.id)
        return said.lines[-KEPT_LINES:] if said and said.step == step.name else ()

    def _start(self, run: Run, state: StepState, step: Step, lease: Lease) -> None:
        notes = Notes(self._on_line)
        context = Context(run, state, notes)
        attempt = Attempt(step=state.name, number=state.attempt, token=lease.token)
        now_s = self._clock.monotonic()
        job = Job(lease, step, attempt, context, notes, now_s, now_s + self._ttl_s / _RENEWALS)
        job.said = notes.beat(attempt.step, attempt.number)  # nothing yet: not worth telling
        self._jobs[run.id] = job
        self._ask_at_s.pop(run.id, None)
        self._spawn(lambda: self._act(job), f"step-{run.id}")

    def _act(self, job: Job) -> None:
        """On the step's thread: act, and say what came of it."""
        workflow = self._workflows[job.context.run.kind]
        try:
            answer = job.step.act(job.context)
            job.waited = answer if isinstance(answer, Wait) else None
            job.event = event_of(answer, job, workflow)
        except Stopping:
            job.event = Interrupted(attempt=job.attempt, log=job.notes.last_words())
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            foreseen = isinstance(problem, SeatrialError)
            said = live.clean_text(str(problem))
            _log.warning("step %s failed: %s", job.context.effect_key, said, exc_info=not foreseen)
            job.event = raised(problem, job)
        finally:
            job.over = True
            self._on_over()

    # Attending.

    def _attend(self, run_id: str) -> None:
        """Keep a step's lease, publish what it says, and keep what came of it."""
        job = self._jobs[run_id]
        if job.abandoned:
            if job.over:
                del self._jobs[run_id]
            return
        if not self._still_ours(run_id, job):
            return
        self._publish(run_id, job)
        limit_s = job.step.timeout_s
        if job.event is None and limit_s is not None:
            if self._clock.monotonic() - job.begun_s > limit_s:
                self._time_out(run_id, job, limit_s)
            return
        if job.event is not None:
            self._keep(run_id, job, job.event)

    def _still_ours(self, run_id: str, job: Job) -> bool:
        current = self._runs.get(run_id).current
        mine = current is not None and (current.name, current.attempt) == (
            job.attempt.step,
            job.attempt.number,
        )
        if not mine:
            self._abandon(run_id, job, "the run was changed by somebody")
            return False
        now_s = self._clock.monotonic()
        if now_s < job.renew_at_s and job.event is None:
            return True
        lease = self._store.acquire(PREFIX + run_id, self._holder, ttl_s=self._ttl_s)
        if lease is None or lease.token != job.lease.token:
            self._abandon(run_id, job, "another process took the run up")
            return False
        job.renew_at_s = now_s + self._ttl_s / _RENEWALS
        return True

    def _abandon(self, run_id: str, job: Job, why: str) -> None:
        """Tell a step to stop. Until it has, this process does not begin its run's next one."""
        job.context.stop(why)
        job.abandoned = True
        self._store.release(job.lease)
        if job.over:
            del self._jobs[run_id]

    def _publish(self, run_id: str, job: Job) -> None:
        now_s = self._clock.monotonic()
        if now_s < job.beat_at_s:
            return
        said = job.notes.beat(job.attempt.step, job.attempt.number)
        if said != job.said:
            self._store.beat(live.PREFIX + run_id, said)
            job.said, job.beat_at_s = said, now_s + _BEAT_S

    def _time_out(self, run_id: str, job: Job, limit_s: float) -> None:
        problem = TimedOut(
            f"The step {job.attempt.step} of {run_id} took more than {limit_s:g} s.",
            remedy="Give it more time, or look in its log for what it waits for.",
            limit_s=limit_s,
        )
        self._runs.apply(self._runs.get(run_id), raised(problem, job), now=self._clock.now())
        self._abandon(run_id, job, "it took too long")

    def _keep(self, run_id: str, job: Job, event: Event) -> None:
        run = self._runs.apply(self._runs.get(run_id), event, now=self._clock.now())
        self.n_kept += 1
        if job.waited is not None and job.waited.seconds is not None:
            self._ask_again(run, job.waited.seconds)
        del self._jobs[run_id]
        self._store.release(job.lease)
