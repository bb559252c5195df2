"""What people see of retrainings, and what they may ask for: for commands, routes and pages."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import Conflict, Invalid, NotFound, SeatrialError
from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store
from seatrial.release.desk import Desk
from seatrial.steps import live
from seatrial.steps.record import from_record
from seatrial.steps.run import Run, Status
from seatrial.training.retraining.agenda import (
    Agenda,
    Begun,
    by_hand,
    decide,
    revived,
)
from seatrial.training.retraining.records import Approved, Registered
from seatrial.wiring.registry.registering import arrival
from seatrial.wiring.retraining.book import RetrainingBook, end_of, hand_cause
from seatrial.wiring.retraining.steps import RetrainingFlow, offered_of
from seatrial.wiring.workspace import Workspace

P = ParamSpec("P")
T = TypeVar("T")

_APPROVE = "approve"


class NothingToDecide(Conflict):
    """The newest run does not stand where this can be asked for."""

    code = "retraining.nothing_to_decide"


class OutputInvalid(Invalid):
    """What a person gives in place of a step is no JSON object."""

    code = "retraining.output_invalid"


def _in_turn(method: Callable[P, T]) -> Callable[P, T]:
    """One call at a time: routes answer on many threads, and what was read is shared."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        desk = args[0]
        assert isinstance(desk, RetrainingDesk)
        with desk.lock:
            return method(*args, **kwargs)

    return call


class RetrainingDesk:
    """Answers questions and takes orders; see `training.retraining.desk.Retrainings`. Thread-safe.

    Args:
        workspace: with the section retraining.
        store: stays the caller's to close.
    """

    def __init__(self, workspace: Workspace, store: Store, *, clock: Clock | None = None) -> None:
        self.lock = threading.RLock()
        self._store = store
        self._clock = clock or SystemClock()
        self._workflow = RetrainingFlow(workspace, store).workflow()
        self._book = RetrainingBook(workspace, store, self._workflow, clock=self._clock)

    @_in_turn
    def views(self) -> list[dict[str, Any]]:
        """All retrainings, in brief."""
        self._book.runs.refresh()
        return [self._brief(name) for name in self._book.names()]

    @_in_turn
    def view(self, name: str) -> dict[str, Any]:
        """A retraining with its newest run.   Raises: RetrainingUnknown."""
        self._book.runs.refresh()
        agenda = self._book.agenda(name)
        newest = agenda.begun[-1] if agenda.begun else None
        return {
            **self._brief(name),
            "run": None if newest is None else self._run(newest),
            "history": self._history(agenda)[:20],
        }

    @_in_turn
    def history(self, name: str) -> list[dict[str, Any]]:
        """Its runs, the newest first.   Raises: RetrainingUnknown."""
        self._book.runs.refresh()
        return self._history(self._book.agenda(name))

    @_in_turn
    def now(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Begin a run, whatever triggers, cooldown and budget say.

        Raises: RetrainingUnknown, RetrainingUnderWay.
        """
        cause = hand_cause(by=by, reason=reason, now=self._clock.now(), key=secrets.token_hex(6))
        self._book.config(name)
        agenda = self._book.change(
            name,
            lambda known: [] if cause.id in known.handled else [by_hand(name, known, cause, by=by)],
        )
        self._book.started(name, agenda.begun[-1])
        return self.view(name)

    @_in_turn
    def retry(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Begin the step again at which the newest run failed.

        Raises: RetrainingUnknown, NothingToDecide, RunConflict.
        """
        begun, run = self._newest(name)
        if run.status not in (Status.FAILED, Status.RETRYING):
            raise _nothing(name, run, "failed", "Retry a run that failed.")

        def goes_on(agenda: Agenda) -> Sequence[Draft]:
            newest = agenda.begun[-1]
            same = newest.key == begun.key and newest.outcome
            return [revived(newest, by=by, now=self._clock.now())] if same else []

        self._book.change(name, goes_on)
        self._book.runs.retry(run.id, by=by, reason=reason)
        return self.view(name)

    @_in_turn
    def take_over(
        self, name: str, step: str, output: Mapping[str, Any] | str, *, by: str, reason: str = ""
    ) -> dict[str, Any]:
        """Give the output of the step the newest run stands at; it is not done then.

        Raises: RetrainingUnknown, NothingToDecide, OutputInvalid; BadRecord: it is not what the
            step gives; RunConflict.
        """
        _, run = self._newest(name)
        if run.current is None or run.current.name != step:
            raise _nothing(name, run, f"at the step {step!r}", "Look where it stands.")
        given = _object(output) if isinstance(output, str) else output
        wanted: type[object] = self._workflow.step(step).gives
        value: object = from_record(given, wanted, f"output of {step}")
        self._revive(name, run, by)
        self._book.runs.take_over(run.id, self._workflow, value, by=by, reason=reason)
        return self.view(name)

    @_in_turn
    def approve(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Let the newest run be released.   Raises: RetrainingUnknown, NothingToDecide."""
        _, run = self._newest(name)
        waits = run.current is not None and run.current.name == _APPROVE
        if not waits or run.status is not Status.WAITING:
            raise _nothing(name, run, "waiting for approval", "Approve a run that waits for it.")
        said = Approved(approved=True, reason=reason)
        self._book.runs.take_over(run.id, self._workflow, said, by=by, reason=reason)
        return self.view(name)

    @_in_turn
    def cancel(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """End the newest run, and the release it began.

        Raises: RetrainingUnknown, NothingToDecide.
        """
        _, run = self._newest(name)
        if run.over is not None:
            raise _nothing(name, run, "under way", "Cancel a run that is.")
        self._book.runs.cancel(run.id, by=by, reason=reason)
        self._end_release(run, by=by, reason=reason or f"the retraining {run.id} was cancelled")
        return self.view(name)

    def _newest(self, name: str) -> tuple[Begun, Run]:
        self._book.runs.refresh()
        agenda = self._book.agenda(name)
        run = self._book.runs.find(agenda.begun[-1].run_id) if agenda.begun else None
        if run is None:
            raise NothingToDecide(
                f"The retraining {name!r} has no run.",
                remedy=f"Begin one with: seatrial retrain now {name}",
                retraining=name,
            )
        return agenda.begun[-1], run

    def _revive(self, name: str, run: Run, by: str) -> None:
        if run.status is Status.FAILED:
            self._book.change(
                name,
                lambda agenda: (
                    [revived(agenda.begun[-1], by=by, now=self._clock.now())]
                    if agenda.begun[-1].outcome
                    else []
                ),
            )

    def _end_release(self, run: Run, *, by: str, reason: str) -> None:
        """End what the run began outside, as far as it is still under way."""
        output = run.step("register").output
        if output is None:
            return
        offered = offered_of(from_record(output, Registered, "output of register"))
        found = arrival(self._store, offered)
        try:
            if found is not None and found["outcome"] is None:
                self._book.runs.cancel(offered.run_id, by=by, reason=reason)
            desk = Desk(self._store)
            active = desk.state(offered.endpoint).active
            if active is not None and found is not None and active.release == found["release"]:
                desk.abort(offered.endpoint, by=by, reason=reason)
        except (Conflict, NotFound):
            pass  # it ended meanwhile, or was not begun

    # What is shown.

    def _brief(self, name: str) -> dict[str, Any]:
        config, agenda = self._book.config(name), self._book.agenda(name)
        newest = agenda.begun[-1] if agenda.begun else None
        run = None if newest is None else self._book.runs.find(newest.run_id)
        return {
            "name": name,
            "endpoint": config.endpoint,
            "training": config.training,
            "source": config.data.source,
            "steps": list(self._workflow.names),
            "triggers": [trigger.name for trigger in config.triggers],
            "approval": config.approval,
            "orchestrator": config.orchestrator,
            "n_runs": len(agenda.begun),
            "status": _status(newest, run),
            "step": None if run is None or run.current is None else run.current.name,
            "last": None if newest is None else self._record(newest),
            "next": self._next(name, config, agenda),
        }

    def _next(self, name: str, config: Any, agenda: Agenda) -> dict[str, Any]:
        causes = self._book.causes(name)
        found = decide(name, agenda, causes, config.limits(), now=self._clock.now())
        pending = [cause.as_dict() for cause in causes if cause.id not in agenda.handled]
        return {"says": found.says.value, "reason": found.reason, "pending": pending}

    def _run(self, begun: Begun) -> dict[str, Any]:
        run = self._book.runs.find(begun.run_id)
        if run is None:
            unstarted = {"id": begun.run_id, "status": "pending", "left_to": begun.left_to}
            return {**unstarted, "steps": [], **self._record(begun)}
        said = live.watch(self._store, run.id) if run.status is Status.RUNNING else None
        current = run.current
        speaks = said is not None and current is not None and said.step == current.name
        return {
            **run.as_dict(),
            "causes": [cause.as_dict() for cause in begun.causes],
            "live": {"share": said.share, "note": said.note, "lines": list(said.lines)}
            if speaks and said is not None
            else None,
        }

    def _history(self, agenda: Agenda) -> list[dict[str, Any]]:
        return [self._record(begun) for begun in reversed(agenda.begun)]

    def _record(self, begun: Begun) -> dict[str, Any]:
        """A run in brief; its end may not be noted in the agenda yet."""
        outcome, reason = begun.outcome, begun.reason
        run = self._book.runs.find(begun.run_id)
        if not outcome and run is not None and run.over is not None:
            outcome, reason = end_of(run)
        return {
            "run": begun.run_id,
            "at": begun.at.isoformat(),
            "by": begun.by,
            "causes": [cause.as_dict() for cause in begun.causes],
            "outcome": outcome,
            "reason": reason,
            "trained_s": begun.trained_s,
        }


def _status(newest: Begun | None, run: Run | None) -> str:
    if newest is None:
        return "idle"
    return Status.PENDING.value if run is None else run.status.value


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except ValueError as bad:
        raise OutputInvalid(
            f"The output {text[:60]!r} is no JSON object: {bad}.",
            remedy="Give one with the fields of the step's output, such as '{\"approved\": true}'.",
            field="output",
        ) from bad
    return found


def _nothing(name: str, run: Run, wanted: str, remedy: str) -> SeatrialError:
    stands = run.outcome or f"{run.status} at {run.current.name if run.current else 'its end'}"
    return NothingToDecide(
        f"The newest run of {name}, {run.id}, is not {wanted}: it is {stands}.",
        remedy=remedy,
        run=run.id,
    )
