"""A step at work in a worker, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from seatrial.kernel.errors import DeadlineExceeded, SeatrialError
from seatrial.kernel.plain import encode
from seatrial.kernel.store import Lease
from seatrial.steps.context import Context
from seatrial.steps.decide import Attempt, Ends, Event, Finished, Raised, Waits
from seatrial.steps.live import Notes, clean_text
from seatrial.steps.record import to_record
from seatrial.steps.workflow import Answer, Done, End, Step, Wait, Workflow


class TimedOut(DeadlineExceeded):
    """A step took longer than it may."""

    code = "steps.timed_out"


@dataclass(slots=True)
class Job:
    """A step at work here."""

    lease: Lease
    step: Step
    attempt: Attempt
    context: Context
    notes: Notes
    begun_s: float
    renew_at_s: float
    beat_at_s: float = 0.0
    said: dict[str, object] = field(default_factory=dict)
    event: Event | None = None
    waited: Wait | None = None
    over: bool = False
    abandoned: bool = False


def event_of(answer: Answer, job: Job, workflow: Workflow) -> Event:
    """What an answer means.   Raises: BadRecord, NotPlain, RecordTooLarge: of what it holds."""
    log = job.notes.last_words()
    match answer:
        case Done():
            output = to_record(answer.output, job.step.gives, f"output of {job.step.name}")
            return Finished(attempt=job.attempt, output=output, log=log, outcome=workflow.outcome)
        case Wait():
            encode({"memo": answer.memo}, f"memo of {job.step.name}")
            return Waits(attempt=job.attempt, wait=answer, log=log)
        case End():
            encode(answer.data, f"end of {job.step.name}")
            return Ends(attempt=job.attempt, end=answer, log=log)
    raise TypeError(f"the step {job.step.name} answered {answer!r}")


def raised(problem: Exception, job: Job) -> Raised:
    """What a failure means: whether the step is tried again."""
    again = problem.retryable if isinstance(problem, SeatrialError) else True
    log = job.notes.last_words()
    return Raised(
        attempt=job.attempt, error=_record(problem), again=again, retry=job.step.retry, log=log
    )


def _record(problem: Exception) -> dict[str, object]:
    """A failure as it can be kept."""
    if not isinstance(problem, SeatrialError):
        return {
            "code": "steps.failed",
            "problem": clean_text(f"{type(problem).__name__}: {problem}"),
            "remedy": "Look at the step's log, then retry it.",
            "facts": {},
        }
    try:
        encode(problem.facts, "facts")
        facts = dict(problem.facts)
    except SeatrialError:  # what is no JSON is told as text
        facts = {name: clean_text(repr(value)) for name, value in problem.facts.items()}
    texts = {"problem": clean_text(problem.problem), "remedy": clean_text(problem.remedy)}
    return {"code": problem.code, **texts, "facts": facts}
