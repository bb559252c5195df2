"""What becomes true of a run when something happens to it.

Reads no clock and no store. What comes too late, from an attempt that is no longer the newest or
of a run that is over, changes nothing: that, with the comparison of revisions on append, is the
fence against a process that was thought dead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft
from seatrial.steps.run import Run, Status, StepState
from seatrial.steps.workflow import FINISHED, End, Retry, Wait

SCHEMA = 1
WORKER = "pipelines"


class RunConflict(Conflict):
    """The run does not stand where this can be asked for."""

    code = "steps.conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A worker that holds the lease takes the run's step up.

    Args:
        token: of the lease.
        retry: of the step.
        last_words: what the attempt before said last, where it ended without a word.
    """

    holder: str
    token: int
    retry: Retry
    last_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Who reports: the step, the number of its attempt and the token it holds."""

    step: str
    number: int
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An attempt gave an output; ``outcome`` is the run's word where that was the last step."""

    attempt: Attempt
    output: Mapping[str, object]
    log: tuple[str, ...] = ()
    outcome: str = FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """An attempt asks to be called again."""

    attempt: Attempt
    wait: Wait
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """An attempt ends the run."""

    attempt: Attempt
    end: End
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An attempt failed; ``again`` says whether trying again may help."""

    attempt: Attempt
    error: Mapping[str, object]
    again: bool
    retry: Retry
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The worker was told to end and stopped the attempt: it counts for nothing."""

    attempt: Attempt
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryNow:
    """A person says: begin the failed step again, all its attempts before it."""

    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """A person gives the output of the current step."""

    step: str
    output: Mapping[str, object]
    by: str
    reason: str = ""
    outcome: str = FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A person ends the run."""

    by: str
    reason: str = ""


Report: TypeAlias = Finished | Waits | Ends | Raised | Interrupted
Word: TypeAlias = RetryNow | TakeOver | Cancel
Event: TypeAlias = Begin | Report | Word


def decide(run: Run, event: Event, *, now: datetime) -> list[Draft]:
    """The facts that follow from an event; none where it comes too late.

    Args:
        now: aware UTC.
    Raises: RunConflict: of what a person asks for.
    """
    match event:
        case Begin():
            return _begin(run, event, now)
        case Finished() | Waits() | Ends() | Raised() | Interrupted():
            return _report(run, event, now)
        case RetryNow() | TakeOver() | Cancel():
            return _person(run, event, now)
        case _:
            assert_never(event)


def _begin(run: Run, event: Begin, now: datetime) -> list[Draft]:
    step = run.current
    if step is None or not step.is_due(now) or event.token < step.token:
        return []
    if step.status is Status.WAITING:  # the same attempt goes on
        return []
    lost = step.status is Status.RUNNING
    if lost and step.n_lost + 1 > event.retry.lost:
        return [_lost(step, event, now)]
    data = {
        "step": step.name,
        "attempt": step.attempt + 1,
        "holder": event.holder,
        "token": event.token,
        "lost": lost,
        "log": event.last_words,
    }
    return [_draft("step.begun", data, now)]


def _lost(step: StepState, event: Begin, now: datetime) -> Draft:
    error = {
        "code": "steps.lost",
        "problem": f"The process of the step {step.name} ended {step.n_lost + 1} times "
        "without a word.",
        "remedy": "Look at its log and at the memory it takes, then retry it.",
        "facts": {},
    }
    data = {"step": step.name, "attempt": step.attempt, "log": event.last_words, "error": error}
    return _draft("step.failed", data | _due(None, now), now)


def _report(run: Run, event: Report, now: datetime) -> list[Draft]:
    step, attempt = run.current, event.attempt
    if (
        step is None
        or (step.name, step.attempt) != (attempt.step, attempt.number)
        or attempt.token < step.token
        or step.status not in (Status.RUNNING, Status.WAITING)
    ):
        return []
    said: dict[str, object] = {"step": step.name, "attempt": step.attempt, "log": event.log}
    drafts: list[Draft] = []
    match event:
        case Finished():
            done = _draft("step.finished", said | {"output": event.output}, now)
            drafts = _with_end(run, done, event.output, event.outcome)
        case Ends(end=end):
            more = {"outcome": end.outcome, "reason": end.reason, "data": end.data}
            drafts = [_draft("run.ended", said | more, now)]
        case Waits():
            drafts = _waits(step, event.wait, said, now)
        case Raised():
            wait_s = event.retry.wait_s(step.n_failed + 1) if event.again else None
            failed = said | {"error": event.error} | _due(wait_s, now)
            drafts = [_draft("step.failed", failed, now)]
        case Interrupted():
            if step.status is Status.RUNNING:  # one that waits is asked again anyway
                drafts = [_draft("step.interrupted", said, now)]
        case _:
            assert_never(event)
    return drafts


def _waits(step: StepState, wait: Wait, said: dict[str, object], now: datetime) -> list[Draft]:
    """A fact only where something changed: to ask again every second is no news."""
    known = step.status is Status.WAITING and step.reason == wait.reason and step.memo == wait.memo
    if known and (wait.seconds is None) == (step.due_at is None):
        return []
    more = {"reason": wait.reason, "memo": wait.memo} | _due(wait.seconds, now)
    return [_draft("step.waiting", said | more, now)]


def _person(run: Run, event: Word, now: datetime) -> list[Draft]:
    step = run.current
    if step is None:
        raise _conflict(run, f"The run {run.id} is over ({run.outcome})", "Start another one.")
    said: dict[str, object] = {"step": step.name, "reason": event.reason}
    match event:
        case Cancel():
            return [_draft("run.cancelled", said, now, by=event.by)]
        case RetryNow():
            if step.status not in (Status.FAILED, Status.RETRYING):
                raise _conflict(
                    run,
                    f"The step {step.name} of {run.id} is {step.status}, not failed",
                    "Retry a step that failed.",
                )
            return [_draft("step.retried", said, now, by=event.by)]
        case TakeOver():
            if step.name != event.step:
                raise _conflict(
                    run,
                    f"The run {run.id} stands at {step.name}, not at {event.step}",
                    "Look where it stands, and decide again.",
                )
            taken = _draft(
                "step.taken_over", said | {"output": event.output, "by": event.by}, now, by=event.by
            )
            return _with_end(run, taken, event.output, event.outcome)
        case _:
            assert_never(event)


def _with_end(run: Run, draft: Draft, output: Mapping[str, object], outcome: str) -> list[Draft]:
    """After the last step the run is over too; what the output says of the reason is the run's."""
    assert run.current is not None
    if run.current.name != run.steps[-1].name:
        return [draft]
    end = {"outcome": outcome, "reason": str(output.get("reason") or ""), "data": {}}
    data = {"at": draft.data["at"], "step": None, "attempt": 0, "log": [], **end}
    return [draft, Draft(kind="run.ended", data=data, schema=SCHEMA, by=draft.by)]


def _due(wait_s: float | None, now: datetime) -> dict[str, object]:
    if wait_s is None:
        return {"due_at": None, "due_s": 0.0}
    return {"due_at": (now + timedelta(seconds=wait_s)).isoformat(), "due_s": wait_s}


def _draft(kind: str, data: Mapping[str, object], now: datetime, *, by: str = WORKER) -> Draft:
    return Draft(kind=kind, data={"at": now.isoformat(), **data}, schema=SCHEMA, by=by)


def _conflict(run: Run, problem: str, remedy: str) -> RunConflict:
    return RunConflict(f"{problem}.", remedy=remedy, run=run.id)
