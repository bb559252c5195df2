"""Runs of retrainings that an orchestrator outside keeps the order of: begun, and step by step."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store
from seatrial.steps.live import clean_text
from seatrial.steps.performer import Came, Performer
from seatrial.steps.run import Run, Status
from seatrial.steps.runs import UnknownRun
from seatrial.training.retraining.agenda import KIND, Agenda, Cause, from_outside, revived
from seatrial.training.retraining.config import HERE
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.workspace import Workspace

_OUTSIDE = "outside"


class StepFailed(Invalid):
    """A step of a retraining failed for good; a person decides."""

    code = "retraining.step_failed"


class StepAgain(Unavailable):
    """A step of a retraining failed, and another attempt may help."""

    code = "retraining.step_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How a step is followed.

    Args:
        stop: once set, the step is given back.
        on_line: told each line of its log.
        on_wait: told what is waited for, now and then.
    """

    stop: threading.Event
    on_line: Callable[[str], None] = lambda _: None
    on_wait: Callable[[str], None] = lambda _: None


class OutsideRuns:
    """Begins runs for an orchestrator, and does their steps.

    Args:
        workspace: with the section retraining.
        store: stays the caller's to close.
    """

    def __init__(self, workspace: Workspace, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._workflow = RetrainingFlow(workspace, store).workflow()
        self._book = RetrainingBook(workspace, store, self._workflow, clock=self._clock)

    def begin(
        self, name: str, *, key: str, by: str, orchestrator: str | None = None, reason: str = ""
    ) -> Run:
        """Begin a run that is left to an orchestrator, or join the one that is under way.

        Args:
            key: of the orchestrator's own run: the same key again is the same run.
            orchestrator: who asks; by default as configured.
        Raises: RetrainingUnknown, RetrainingUnreadable, StoreUnavailable.
        """
        configured = self._book.config(name).orchestrator
        rule = orchestrator or (_OUTSIDE if configured == HERE else configured)
        digest = hashlib.sha256(f"{rule}\n{key}".encode("utf-8", "replace")).hexdigest()
        cause = Cause(
            id=f"{_OUTSIDE}-{digest[:32]}",
            rule=rule,
            reason=clean_text(reason or key),
            at=self._clock.now(),
        )
        self._book.runs.refresh()
        self._book.follow(name)
        agenda = self._book.change(name, lambda known: from_outside(name, known, cause, by=by))
        mine = next(run for run in agenda.begun if _holds(run.causes, cause))
        return self._book.started(name, mine)

    def perform(
        self, run_id: str, step: str, *, by: str, hearing: Hearing, once: bool, again: bool
    ) -> tuple[Came, Run]:
        """Do a step of a run, or wait until another process has.

        Args:
            once: ask a step that waits once, instead of waiting with it.
            again: begin it again if it had failed for good before.
        Raises: StepAgain, StepFailed; as `Performer.perform`.
        """
        runs = self._book.runs
        runs.refresh()
        run = runs.get(run_id)
        name = run.input.get("name")
        if run.kind != KIND or not isinstance(name, str):
            raise UnknownRun(
                f"The run {run_id} is no retraining.",
                remedy="Name one that `seatrial retrain history` shows.",
                run=run_id,
            )
        if again:
            self._revive(name, run, step, by)
        performer = Performer(
            store=self._store,
            workflows=[self._workflow],
            clock=self._clock,
            holder=f"outside-{os.getpid()}-{secrets.token_hex(4)}",
            stop=hearing.stop,
            on_line=hearing.on_line,
            on_wait=hearing.on_wait,
        )
        came, run = performer.perform(run_id, step, once=once)
        runs.refresh()
        self._book.follow(name)
        _complain(came, run, name)
        return came, run

    def _revive(self, name: str, run: Run, step: str, by: str) -> None:
        """Let a run go on that failed at the step, if no other has begun since."""
        if run.status is not Status.FAILED or run.current is None or run.current.name != step:
            return
        self._book.follow(name)

        def goes_on(agenda: Agenda) -> Sequence[Draft]:
            newest = agenda.begun[-1]
            same = newest.run_id == run.id and newest.outcome
            return [revived(newest, by=by, now=self._clock.now())] if same else []

        if self._book.change(name, goes_on).begun[-1].run_id == run.id:
            left_to = run.left_to
            self._book.runs.retry(run.id, by=by, reason="begun again outside", left_to=left_to)


def _holds(causes: Sequence[Cause], cause: Cause) -> bool:
    return any(one.id == cause.id for one in causes)


def _complain(came: Came, run: Run, name: str) -> None:
    """Raise where a step failed.   Raises: StepAgain, StepFailed."""
    if came not in (Came.AGAIN, Came.FAILED) or run.current is None:
        return
    step, error = run.current.name, run.current.error
    problem = f"The step {step} of {run.id} failed: {error.get('problem', '')}"
    facts: dict[str, object] = {"run": run.id, "step": step, "of": error.get("code", "")}
    if came is Came.AGAIN:
        raise StepAgain(
            problem, remedy="Do the step again; it waits as long as it has to.", **facts
        )
    remedy = f"{error.get('remedy', '')} Then: seatrial retrain retry {name}"
    raise StepFailed(problem, remedy=remedy, **facts)
