"""What facts make of an endpoint: the fold, and where it has to stop.

A fact that a later seatrial wrote, or that was damaged, is not guessed at and not skipped: the
endpoint stays as it was before it, nothing is decided about it any more, and it says why. Other
endpoints have streams of their own and go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.events import Fact
from seatrial.release.endpoint import LEFT, EndpointState, Unreadable
from seatrial.release.gate_record import gates_from_dict
from seatrial.release.rollout import MODEL, Phase, Plan, Rollout, Step
from seatrial.release.trial import Arm, Trial
from seatrial.release.trying import ENTERED, WON

_NEW_EVIDENCE = "step.entered"
"""The fact after which answers count for another step, whether or not shares change."""

_NUMBER = (int, float)


class _Damaged(Exception):
    """A fact of a known kind and schema does not hold what it must."""


def fold(state: EndpointState, facts: Iterable[Fact]) -> EndpointState:
    """The state after more facts of its stream.

    From the first fact on that cannot be read the state stays as it is, and names that fact.
    """
    for fact in facts:
        if state.unreadable is not None:
            break
        state = _apply(state, fact)
    return state


def _apply(state: EndpointState, fact: Fact) -> EndpointState:
    change = CHANGES.get(fact.kind)
    if change is None or fact.schema != 1:
        return _stop(
            state,
            fact,
            why=f"a fact {fact.kind!r} of schema {fact.schema}, which this version of seatrial "
            "does not know",
            remedy="Upgrade seatrial to the version that wrote it, and start it again.",
        )
    try:
        if fact.damage:
            raise _Damaged(fact.damage)
        after = replace(change(state, fact), revision=fact.revision)
        if after.split != state.split or fact.kind == _NEW_EVIDENCE:
            after = replace(after, target_revision=fact.revision)
        after.target  # noqa: B018 - whatever follows from the fact must follow now, not later
    except (_Damaged, SeatrialError, LookupError, TypeError, ValueError, AttributeError) as problem:
        return _stop(
            state,
            fact,
            why=f"a fact {fact.kind!r} that cannot be read ({_said(problem)})",
            remedy="Restore the store from a backup, or upgrade seatrial if a later one wrote it; "
            "then start it again.",
        )
    return after


def _stop(state: EndpointState, fact: Fact, *, why: str, remedy: str) -> EndpointState:
    unreadable = Unreadable(
        revision=fact.revision,
        seq=fact.seq,
        problem=f"Revision {fact.revision} of {fact.stream!r} is {why}.",
        remedy=remedy,
    )
    return replace(state, unreadable=unreadable)


def _said(problem: Exception) -> str:
    if isinstance(problem, SeatrialError):
        return problem.problem.rstrip(".")
    if isinstance(problem, KeyError):
        return f"it lacks {problem}"
    return str(problem) or type(problem).__name__


def _held(data: Mapping[str, Any], key: str, kind: Any) -> Any:
    """What a fact says under a key, which must be of a kind."""
    value = data[key]
    if not isinstance(value, kind):
        raise _Damaged(f"{key} is {value!r:.60}")
    return value


def _plan_from(data: Mapping[str, Any]) -> Plan:
    gates = _held(data, "gates", Mapping)
    if gates:
        gates_from_dict(gates)  # a gate that nobody can judge must not begin
    return Plan(
        steps=tuple(_step_from(step) for step in data["steps"]),
        gates=gates,
        extend_s=_held(data, "extend_s", _NUMBER),
        evaluated="evaluated" in data and _held(data, "evaluated", bool),
    )


def _step_from(data: Mapping[str, Any]) -> Step:
    for key in data:
        _held(data, key, _NUMBER)
    return Step(**data)


def _started(state: EndpointState, fact: Fact) -> EndpointState:
    data: Mapping[str, Any] = fact.data
    rollout = Rollout(
        release=_held(data, "release", str),
        version=_held(data, "version", int),
        digest=_held(data, "digest", str),
        target=_held(data, "target", str),
        plan=_plan_from(_held(data, "plan", Mapping)),
        phase=Phase.STAGING,
        salt=data["release"],
        kind=_held(data, "kind", str) if "kind" in data else MODEL,
    )
    digests = {**state.digests, rollout.version: rollout.digest}
    return replace(state, rollout=rollout, digests=digests, kind=rollout.kind)


def _moved(state: EndpointState, **changes: Any) -> EndpointState:
    if state.rollout is None:
        raise _Damaged("its release never started")
    return replace(state, rollout=replace(state.rollout, **changes))


def _staged(state: EndpointState, fact: Fact) -> EndpointState:
    report = _held(fact.data, "report", Mapping)
    return _moved(state, staging=report, reason=_held(fact.data, "reason", str))


def _staging_passed(state: EndpointState, fact: Fact) -> EndpointState:
    after = _staged(state, fact)
    passed = set() if after.rollout is None else {after.rollout.version}
    return replace(after, tested=state.tested | passed)


def _phase(phase: Phase) -> Callable[[EndpointState, Fact], EndpointState]:
    def change(state: EndpointState, fact: Fact) -> EndpointState:
        return _moved(state, phase=phase, reason=str(fact.data.get("reason", "")))

    return change


def _staging_failed(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(_staged(state, fact), phase=Phase.REJECTED)


def _evaluated(state: EndpointState, fact: Fact) -> EndpointState:
    report = _held(fact.data, "report", Mapping)
    return _moved(state, evaluation=report, reason=_held(fact.data, "reason", str))


def _evaluation_failed(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(_evaluated(state, fact), phase=Phase.REJECTED)


def _step_entered(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(
        state,
        phase=Phase.CANARY,
        step=_held(fact.data, "step", int),
        step_revision=fact.revision,
        watched_s=0.0,
        extended=False,
        evidence={},
        reason="",
    )


def _evidence(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(
        state,
        watched_s=_held(fact.data, "watched_s", _NUMBER),
        evidence=_held(fact.data, "judgement", Mapping),
    )


def _extended(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(state, extended=True, reason=_held(fact.data, "reason", str))


def _promoted(state: EndpointState, fact: Fact) -> EndpointState:
    return _in_production(_phase(Phase.PROMOTED)(state, fact), fact)


def _in_production(state: EndpointState, fact: Fact) -> EndpointState:
    """The version gets all traffic; the one before it is where a rollback goes."""
    version = _held(fact.data, "version", int)
    former = tuple(v for v in state.former if v != version)
    if state.stable is not None and state.stable != version:
        former = (*former, state.stable)
    withdrawn = tuple(v for v in state.withdrawn if v != version)
    return replace(state, stable=version, former=former, withdrawn=withdrawn)


def _rolled_back(state: EndpointState, fact: Fact) -> EndpointState:
    """The version left behind is out: no further rollback returns to it unless it is named."""
    version = _held(fact.data, "version", int)
    former = tuple(v for v in state.former if v != version)
    withdrawn = tuple(v for v in state.withdrawn if v not in (version, state.stable))
    if state.stable is not None and state.stable != version:
        withdrawn = (*withdrawn, state.stable)
    return replace(state, stable=version, former=former, withdrawn=withdrawn)


def _entered(state: EndpointState, fact: Fact) -> EndpointState:
    data = fact.data
    arms = _held(data, "arms", list)
    trial = Trial(
        experiment=_held(data, "experiment", str),
        arms=tuple(_arm_from(arm) for arm in arms),
        traffic=_held(data, "traffic", _NUMBER),
        group=_held(data, "group", str),
        start=_held(data, "start", _NUMBER),
        end=_held(data, "end", _NUMBER),
    )
    return replace(state, trials={**state.trials, trial.experiment: trial})


def _arm_from(data: Mapping[str, Any]) -> Arm:
    return Arm(
        name=_held(data, "name", str),
        version=_held(data, "version", int),
        share=_held(data, "share", _NUMBER),
    )


def _left(state: EndpointState, fact: Fact) -> EndpointState:
    name = _held(fact.data, "experiment", str)
    return replace(state, trials={k: v for k, v in state.trials.items() if k != name})


CHANGES: Mapping[str, Callable[[EndpointState, Fact], EndpointState]] = {
    "release.started": _started,
    "staging.passed": _staging_passed,
    "staging.failed": _staging_failed,
    "evaluation.awaited": _phase(Phase.EVALUATING),
    "evaluation.passed": _evaluated,
    "evaluation.failed": _evaluation_failed,
    "release.staged": _phase(Phase.STAGED),
    "canary.warming": _phase(Phase.WARMING),
    "step.entered": _step_entered,
    "evidence.recorded": _evidence,
    "step.extended": _extended,
    "release.held": _phase(Phase.HELD),
    "release.promoted": _promoted,
    "release.aborted": _phase(Phase.ABORTED),
    "endpoint.rolled_back": _rolled_back,
    ENTERED: _entered,
    LEFT: _left,
    WON: _in_production,
}
