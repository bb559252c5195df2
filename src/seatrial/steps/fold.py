"""The state of a run after more facts of its stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Fact
from seatrial.steps.decide import SCHEMA
from seatrial.steps.run import KEPT_LINES, PREFIX, Run, Status, StepState

Data = Mapping[str, Any]


class UnknownFact(Invalid):
    """The log holds a fact of a run that cannot follow here, or that this version cannot read.

    State is never guessed from what was not understood.
    """

    code = "steps.unknown_fact"


def fold(run: Run | None, facts: Sequence[Fact]) -> Run | None:
    """The run after more facts of its stream; None before the first.   Raises: UnknownFact."""
    for fact in facts:
        try:
            run = _after(run, fact)
        except (KeyError, TypeError, ValueError) as missing:
            raise _unknown(fact, f"lacks or has wrong: {missing}") from missing
    return run


def _after(run: Run | None, fact: Fact) -> Run:
    if fact.schema != SCHEMA or fact.damage:
        raise _unknown(fact, fact.damage or f"has the schema {fact.schema}")
    if fact.kind == "run.started":
        return _started(fact)
    if run is None:
        raise _unknown(fact, "comes before the run was started")
    revised, data = replace(run, revision=fact.revision), fact.data
    if fact.kind in _STEPS:
        return _change(revised, str(data["step"]), lambda step: _STEPS[fact.kind](step, data))
    if fact.kind == "run.ended":
        return _ended(revised, data)
    if fact.kind == "run.cancelled":
        return replace(
            revised,
            over=Status.CANCELLED,
            outcome=Status.CANCELLED.value,
            reason=str(data["reason"]),
            ended_at=_at(data),
        )
    raise _unknown(fact, "is of no kind that is known")


def _started(fact: Fact) -> Run:
    data: Data = fact.data
    kind, _, key = fact.stream.removeprefix(PREFIX).partition("/")
    return Run(
        kind=kind,
        key=key,
        input=data["input"],
        steps=tuple(StepState(name=name) for name in data["steps"]),
        started_at=_at(data),
        started_by=fact.by,
        cause=data["cause"],
        revision=fact.revision,
    )


def _ended(run: Run, data: Data) -> Run:
    if data["step"] is not None:
        run = _change(run, data["step"], lambda step: _over(step, data, Status.FINISHED))
    return replace(
        run,
        over=Status.ENDED,
        outcome=data["outcome"],
        reason=data["reason"],
        data=data["data"],
        ended_at=_at(data),
    )


def _change(run: Run, name: str, change: Callable[[StepState], StepState]) -> Run:
    if name not in [step.name for step in run.steps]:
        raise KeyError(name)
    steps = (change(step) if step.name == name else step for step in run.steps)
    return replace(run, steps=tuple(steps))


def _begun(step: StepState, data: Data) -> StepState:
    return replace(
        step,
        status=Status.RUNNING,
        attempt=data["attempt"],
        token=data["token"],
        n_lost=step.n_lost + bool(data["lost"]),
        log=tuple(data["log"]),
        memo=None,
        reason="",
        due_at=None,
        begun_at=_at(data),
        ended_at=None,
    )


def _over(step: StepState, data: Data, status: Status) -> StepState:
    return replace(
        step,
        status=status,
        log=_with_log(step, data),
        ended_at=_at(data),
        due_at=None,
        reason="",
        error={},
    )


def _waiting(step: StepState, data: Data) -> StepState:
    return replace(
        step,
        status=Status.WAITING,
        reason=data["reason"],
        memo=data["memo"],
        log=_with_log(step, data),
        **_due(data),
    )


def _finished(step: StepState, data: Data) -> StepState:
    return replace(_over(step, data, Status.FINISHED), output=data["output"])


def _failed(step: StepState, data: Data) -> StepState:
    status = Status.FAILED if data["due_at"] is None else Status.RETRYING
    over = _over(step, data, status)
    counted = replace(over, n_failed=step.n_failed + 1, n_failures=step.n_failures + 1)
    return replace(counted, error=data["error"], **_due(data))


def _interrupted(step: StepState, data: Data) -> StepState:
    return _over(step, data, Status.PENDING)


def _retried(step: StepState, _: Data) -> StepState:
    return replace(step, status=Status.PENDING, n_failed=0, n_lost=0, due_at=None)


def _taken_over(step: StepState, data: Data) -> StepState:
    over = _over(step, {**data, "log": ()}, Status.TAKEN_OVER)
    return replace(over, output=data["output"], reason=data["reason"], by=data["by"])


def _with_log(step: StepState, data: Data) -> tuple[str, ...]:
    """What was said since the attempt was begun, over all its calls."""
    return (*step.log, *data["log"])[-KEPT_LINES:]


_STEPS: Mapping[str, Callable[[StepState, Data], StepState]] = {
    "step.begun": _begun,
    "step.waiting": _waiting,
    "step.finished": _finished,
    "step.failed": _failed,
    "step.interrupted": _interrupted,
    "step.retried": _retried,
    "step.taken_over": _taken_over,
}

KINDS = ("run.started", *_STEPS, "run.ended", "run.cancelled")
"""All facts of a run's stream."""


def _at(data: Data) -> datetime:
    return datetime.fromisoformat(data["at"])


def _due(data: Data) -> dict[str, Any]:
    at = data["due_at"]
    return {"due_at": None if at is None else datetime.fromisoformat(at), "due_s": data["due_s"]}


def _unknown(fact: Fact, why: str) -> UnknownFact:
    return UnknownFact(
        f"The fact {fact.kind!r} of the run {fact.stream.removeprefix(PREFIX)} {why}.",
        remedy="Upgrade seatrial to the version that wrote it, or restore the store from a backup.",
        kind=fact.kind,
        schema=fact.schema,
    )
