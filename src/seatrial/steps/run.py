"""A run: one workflow on its way, as a state. What changes it is in `decide`, how in `fold`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

PREFIX = "run/"
"""Of the streams, and of the leases, of all runs."""

KEPT_LINES = 50
"""Of the log of a step, in its facts."""


class Status(StrEnum):
    """Where a run, or the step it stands at, is."""

    PENDING = "pending"
    """Its next step was not begun."""
    RUNNING = "running"
    """A step is at work, or the process that was is gone."""
    WAITING = "waiting"
    """A step waits for a time or for a person, and holds no thread."""
    RETRYING = "retrying"
    """A step failed and is begun again later."""
    FAILED = "failed"
    """A step failed for good; a person decides."""
    FINISHED = "finished"
    """Of a step: it has an output."""
    TAKEN_OVER = "taken_over"
    """Of a step: a person gave its output."""
    ENDED = "ended"
    """Of a run: nothing more happens; see its outcome."""
    CANCELLED = "cancelled"
    """Of a run: a person ended it."""


DONE = (Status.FINISHED, Status.TAKEN_OVER)
OVER = (Status.ENDED, Status.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step of a run.

    Args:
        name: as in the workflow.
        status: never ENDED or CANCELLED.
        attempt: how often it was begun; 0 before the first.
        n_failed, n_lost: attempts that failed, and that ended without a word, since a person last
            said retry.
        n_failures: attempts that ever failed: never reset, so that what is made anew on purpose can
            have a name of its own.
        token: of the lease under which the newest attempt was begun.
        output: what it gave; None before it did.
        error: the newest failure, as `SeatrialError.as_dict`; empty where there was none.
        reason: why it waits, or what the person said.
        memo: what it left for itself when it began to wait.
        due_at, due_s: when it goes on by itself, None for never; and the span that was asked for.
        log: the last lines it said.
        begun_at, ended_at: of the newest attempt.
        by: the person who took it over, or "".
    """

    name: str
    status: Status = Status.PENDING
    attempt: int = 0
    n_failed: int = 0
    n_lost: int = 0
    n_failures: int = 0
    token: int = 0
    output: Mapping[str, object] | None = None
    error: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    memo: object = None
    due_at: datetime | None = None
    due_s: float = 0.0
    log: tuple[str, ...] = ()
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    by: str = ""

    def is_due(self, now: datetime) -> bool:
        """Whether it may go on, by the wall clock.

        A time that is further away than was ever asked for was set before the clock was set back.
        """
        if self.status in (Status.PENDING, Status.RUNNING):
            return True
        if self.due_at is None or self.status not in (Status.WAITING, Status.RETRYING):
            return False
        return now >= self.due_at or (self.due_at - now).total_seconds() > self.due_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow.

    Args:
        kind: of the workflow.
        key: unique in the kind; two starts with one key are one run.
        input: what it was started with.
        steps: in order, as they were when it was started.
        started_at, started_by, cause: when, by whom, why.
        over: ENDED or CANCELLED once it is, else None.
        outcome: the word it ended with; "" before.
        reason: why it ended.
        data: what more is known of the end.
        ended_at: when it ended.
        revision: of its stream.
        left_to: who performs its steps from outside, such as an orchestrator; "" for our workers.
        left_at, left_s: since when, and how long it may be silent before our workers go on.
    """

    kind: str
    key: str
    input: Mapping[str, object]
    steps: tuple[StepState, ...]
    started_at: datetime
    started_by: str
    cause: str
    over: Status | None = None
    outcome: str = ""
    reason: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    ended_at: datetime | None = None
    revision: int = 0
    left_to: str = ""
    left_at: datetime | None = None
    left_s: float = 0.0

    @property
    def id(self) -> str:
        """Its name among all runs: ``<kind>/<key>``."""
        return f"{self.kind}/{self.key}"

    @property
    def current(self) -> StepState | None:
        """The first step without an output, or None when the run is over."""
        if self.over is not None:
            return None
        return next((step for step in self.steps if step.status not in DONE), None)

    @property
    def status(self) -> Status:
        """Where it stands: as its current step does."""
        if self.over is not None:
            return self.over
        return self.current.status if self.current else Status.ENDED

    def is_left(self, now: datetime) -> bool:
        """Whether it is left to somebody outside, of whom something was heard lately.

        Clocks of two machines differ: what was heard a little ahead of ``now`` counts as lately.
        """
        if not self.left_to:
            return False
        heard = [self.left_at or self.started_at]
        heard += [at for step in self.steps for at in (step.begun_at, step.ended_at) if at]
        return abs((now - max(heard)).total_seconds()) < self.left_s

    def step(self, name: str) -> StepState:
        """A step by name.   Raises: KeyError."""
        return {step.name: step for step in self.steps}[name]

    def as_dict(self) -> dict[str, object]:
        """The run as a JSON-able record."""
        return {
            "id": self.id,
            "kind": self.kind,
            "key": self.key,
            "status": self.status.value,
            "step": self.current.name if self.current else None,
            "outcome": self.outcome,
            "reason": self.reason,
            "cause": self.cause,
            "started_at": self.started_at.isoformat(),
            "started_by": self.started_by,
            "ended_at": _iso(self.ended_at),
            "left_to": self.left_to,
            "input": dict(self.input),
            "data": dict(self.data),
            "steps": [_step_record(step, over=self.over is not None) for step in self.steps],
        }


STOPPED, NOT_DONE = "stopped", "not_done"
"""What is said of steps of a run that is over: it was at work, and it was never begun."""


def _step_record(step: StepState, *, over: bool) -> dict[str, object]:
    status = step.status.value
    if over and step.status not in (*DONE, Status.FAILED):
        status = NOT_DONE if step.status is Status.PENDING else STOPPED
    return {
        "name": step.name,
        "status": status,
        "attempt": step.attempt,
        "reason": step.reason,
        "error": dict(step.error),
        "output": None if step.output is None else dict(step.output),
        "due_at": _iso(step.due_at),
        "begun_at": _iso(step.begun_at),
        "ended_at": _iso(step.ended_at),
        "log": list(step.log),
        "by": step.by,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
