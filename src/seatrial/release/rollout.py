"""A rollout: how one version moves from staging to full traffic, as a state and its transitions.

`decide` takes a state and an event and returns what becomes true; `release/endpoint.py` folds that
into the next state. Nothing here reads a clock, a store or a measurement: they arrive as events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, assert_never

from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft
from seatrial.release.verdict import Outcome

MODEL = "model"
"""What a release is of where it does not say."""


class Phase(StrEnum):
    """Where a rollout stands."""

    STAGING = "staging"
    STAGED = "staged"
    EVALUATING = "evaluating"
    REJECTED = "rejected"
    WARMING = "warming"
    CANARY = "canary"
    HELD = "held"
    PROMOTED = "promoted"
    ABORTED = "aborted"

    @property
    def over(self) -> bool:
        """Whether nothing can happen to the rollout any more."""
        return self in (Phase.STAGED, Phase.REJECTED, Phase.PROMOTED, Phase.ABORTED)

    @property
    def on_trial(self) -> bool:
        """Whether the version is loaded beside stable."""
        return self in (Phase.WARMING, Phase.CANARY, Phase.HELD)


class RolloutConflict(Conflict):
    """The rollout is not in a phase in which this can be asked for."""

    code = "release.conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a rollout.

    Args:
        share: share of keys the canary answers, in [0, 1].
        watch_s: how long the step is watched at least, in seconds of watched time, >= 0.
        shadow: share of keys copied to the canary without using its answer, in [0, 1].
    """

    share: float
    watch_s: float
    shadow: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout will do.

    Args:
        steps: at least one.
        gates: the gates of every step, in the form `gate_record.gates_to_dict` gives.
        extend_s: how much longer than ``watch_s`` a step may be watched while its verdict is
            INCONCLUSIVE before it is held for a person, in seconds, >= 0.
        evaluated: after its staging tests the version waits until whoever began the release says
            how it compares with the one in production, where there is one.
    """

    steps: tuple[Step, ...]
    gates: Mapping[str, object] = field(default_factory=dict)
    extend_s: float = 0.0
    evaluated: bool = False

    def as_dict(self) -> dict[str, object]:
        """The plan as a JSON-able record."""
        record: dict[str, object] = {
            "steps": [
                {"share": s.share, "watch_s": s.watch_s, "shadow": s.shadow} for s in self.steps
            ],
            "gates": dict(self.gates),
            "extend_s": self.extend_s,
        }
        return record | ({"evaluated": True} if self.evaluated else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One release of one version to one endpoint.

    Args:
        release: its id, such as ``churn-3``; unique in the endpoint.
        version: the version on its way.
        digest: the bundle of that version.
        target: ``staging`` ends after the integration tests, ``production`` goes on.
        plan: steps and gates.
        phase: where it stands.
        step: index into ``plan.steps``; -1 before the first.
        step_revision: revision of the endpoint at which the step was entered; evidence counts
            from there.
        watched_s: how long the step has been watched so far.
        extended: whether the step is being watched beyond its ``watch_s``.
        reason: why it stands where it stands, for a person.
        evidence: the newest judgement, as a record; empty before the first.
        staging: what the integration tests measured; empty before they ran.
        evaluation: how the version compares with the one in production; empty where nobody said.
        salt: decides which keys meet the canary.
        kind: of what is released; see `endpoint.EndpointState`.
    """

    release: str
    version: int
    digest: str
    target: str
    plan: Plan
    phase: Phase
    step: int = -1
    step_revision: int = 0
    watched_s: float = 0.0
    extended: bool = False
    reason: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    staging: Mapping[str, object] = field(default_factory=dict)
    evaluation: Mapping[str, object] = field(default_factory=dict)
    salt: str = ""
    kind: str = MODEL

    @property
    def current(self) -> Step | None:
        """The step being watched, or None before the first."""
        return self.plan.steps[self.step] if self.step >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The integration tests ended."""

    passed: bool
    reason: str
    report: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The version was held against the one in production, or could not be.

    Args:
        passed: whether the release goes on.
        reason: why.
        report: what was found, as a record.
        by: who says so.
    """

    passed: bool
    reason: str
    report: Mapping[str, object] = field(default_factory=dict)
    by: str = "evaluation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """Every worker has the version loaded, or one could not load it.

    Args:
        problem: empty when all is well.
    """

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The gates were asked.

    Args:
        outcome: the judgement's.
        reason: its sentence.
        watched_s: watched time of the step so far, in seconds.
        judgement: the whole of it, as a record.
        worth_keeping: whether the judgement shall be kept even when nothing follows from it.
    """

    outcome: Outcome
    reason: str
    watched_s: float
    judgement: Mapping[str, object]
    worth_keeping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A person decided: ``promote`` or ``abort``."""

    wish: str
    by: str
    reason: str = ""


Event: TypeAlias = Staged | Evaluated | Warmed | Looked | Asked


def decide(rollout: Rollout, event: Event, *, stable: int | None) -> list[Draft]:
    """What becomes true when ``event`` meets ``rollout``; an empty list when nothing does.

    Args:
        rollout: as folded so far.
        event: what happened.
        stable: the version in production, or None when there is none to protect.
    Raises: RolloutConflict: a person asked for something the phase does not allow.
    """
    match event:
        case Staged():
            return _after_staging(rollout, event, stable=stable)
        case Evaluated():
            return _after_evaluation(rollout, event)
        case Warmed():
            return _after_warming(rollout, event)
        case Looked():
            return _after_look(rollout, event)
        case Asked():
            return _after_wish(rollout, event)
        case _:
            assert_never(event)


def _draft(rollout: Rollout, kind: str, *, by: str = "controller", **data: object) -> Draft:
    return Draft(
        kind=kind, data={"release": rollout.release, "version": rollout.version} | data, by=by
    )


def _entered(rollout: Rollout, step: int) -> Draft:
    entering = rollout.plan.steps[step]
    return _draft(rollout, "step.entered", step=step, share=entering.share, shadow=entering.shadow)


def _after_staging(rollout: Rollout, event: Staged, *, stable: int | None) -> list[Draft]:
    if rollout.phase is not Phase.STAGING:
        return []
    report = dict(event.report)
    if not event.passed:
        return [_draft(rollout, "staging.failed", reason=event.reason, report=report)]
    passed = _draft(rollout, "staging.passed", reason=event.reason, report=report)
    if rollout.plan.evaluated and stable is not None:
        return [passed, _draft(rollout, "evaluation.awaited", against=stable)]
    if rollout.target == "staging":
        return [passed, _draft(rollout, "release.staged", reason=event.reason)]
    if stable is None:
        return [
            passed,
            _draft(
                rollout,
                "release.promoted",
                reason="first version of the endpoint: there is no stable version to protect, "
                "so it gets all traffic once its staging tests have passed",
            ),
        ]
    return [passed, _draft(rollout, "canary.warming")]


def _after_evaluation(rollout: Rollout, event: Evaluated) -> list[Draft]:
    if rollout.phase is not Phase.EVALUATING:
        return []
    kind = "evaluation.passed" if event.passed else "evaluation.failed"
    said = _draft(rollout, kind, by=event.by, reason=event.reason, report=dict(event.report))
    if not event.passed:
        return [said]
    if rollout.target == "staging":
        return [said, _draft(rollout, "release.staged", reason=event.reason)]
    return [said, _draft(rollout, "canary.warming")]


def _after_warming(rollout: Rollout, event: Warmed) -> list[Draft]:
    if rollout.phase is not Phase.WARMING:
        return []
    if event.problem:
        return [_draft(rollout, "release.aborted", reason=event.problem)]
    return [_entered(rollout, 0)]


def _after_look(rollout: Rollout, event: Looked) -> list[Draft]:
    step = rollout.current
    if step is None or rollout.phase not in (Phase.CANARY, Phase.HELD):
        return []
    seen = _draft(
        rollout,
        "evidence.recorded",
        step=rollout.step,
        watched_s=event.watched_s,
        judgement=dict(event.judgement),
    )
    match event.outcome:
        case Outcome.FAIL:
            return [seen, _draft(rollout, "release.aborted", reason=event.reason)]
        case Outcome.PASS if rollout.phase is Phase.CANARY and event.watched_s >= step.watch_s:
            return [seen, _onward(rollout, event.reason)]
        case Outcome.PASS | Outcome.INCONCLUSIVE:
            waiting = _overdue(rollout, step, event)
            return [seen, *waiting] if waiting or event.worth_keeping else []
        case _:
            assert_never(event.outcome)


def _onward(rollout: Rollout, reason: str) -> Draft:
    if rollout.step + 1 < len(rollout.plan.steps):
        return _entered(rollout, rollout.step + 1)
    return _draft(rollout, "release.promoted", reason=reason)


def _overdue(rollout: Rollout, step: Step, event: Looked) -> list[Draft]:
    """What follows when a verdict is not there yet although the watch is over."""
    over_s = event.watched_s - step.watch_s
    if over_s < 0 or rollout.phase is Phase.HELD:
        return []
    if over_s >= rollout.plan.extend_s:
        return [_draft(rollout, "release.held", reason=event.reason)]
    if rollout.extended:
        return []
    return [
        _draft(rollout, "step.extended", by_at_most_s=rollout.plan.extend_s, reason=event.reason)
    ]


def _after_wish(rollout: Rollout, event: Asked) -> list[Draft]:
    if rollout.phase.over:
        raise RolloutConflict(
            f"Release {rollout.release!r} is {rollout.phase.value} already.",
            remedy="Look at `seatrial status`; start a new release to change what is served.",
            phase=rollout.phase.value,
        )
    if event.wish == "abort":
        reason = event.reason or "aborted by a person"
        return [_draft(rollout, "release.aborted", by=event.by, reason=reason)]
    if rollout.phase is Phase.STAGING:
        raise RolloutConflict(
            f"Release {rollout.release!r} has not passed its staging tests yet.",
            remedy="Wait until they have ended; a version that fails them is never promoted.",
            phase=rollout.phase.value,
        )
    if rollout.phase is Phase.EVALUATING:
        raise RolloutConflict(
            f"Version {rollout.version} is being held against the one in production.",
            remedy="Wait for what comes of it; a version that is worse is never promoted. To "
            "release it nevertheless, end this release and deploy the file.",
            phase=rollout.phase.value,
        )
    if rollout.phase is Phase.WARMING:
        raise RolloutConflict(
            f"Version {rollout.version} is not loaded by every worker yet.",
            remedy="Wait a few seconds and ask again.",
            phase=rollout.phase.value,
        )
    reason = event.reason or "promoted by a person before the gates had decided"
    return [_draft(rollout, "release.promoted", by=event.by, reason=reason)]
