"""An endpoint: the fold of its facts, and the split that follows from it.

State and split cannot disagree, because the split is computed from the state and the state from
one stream of facts, appended by compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.release.rollout import Asked, Phase, Plan, Rollout, RolloutConflict, Step, decide
from seatrial.release.variant import Split

PREFIX = "endpoint/"

_NEW_EVIDENCE = "step.entered"
"""The fact after which answers count for another step, whether or not shares change."""


class UnknownFact(Invalid):
    """The log holds a fact this version of seatrial cannot read."""

    code = "release.unknown_fact"


class NothingToRollBack(NotFound):
    """There is no earlier version to go back to."""

    code = "release.nothing_to_roll_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTarget:
    """What the workers shall serve.

    Args:
        endpoint: its name.
        revision: revision of the stream at which the split last changed.
        split: who gets what.
        digests: bundle digest of each version the split names.
    """

    endpoint: str
    revision: int
    split: Split
    digests: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """Everything known of an endpoint.

    Args:
        name: of the endpoint, which is the model's name.
        revision: of its stream; 0 before the first fact.
        stable: the version in production, or None.
        former: earlier stable versions; the last one is where a rollback goes.
        digests: bundle digest by version, of every version ever released here.
        rollout: the newest rollout, over or not; None before the first.
        target_revision: revision at which the split last changed, or a step with the same split
            began: what is answered from then on is counted apart.
    """

    name: str
    revision: int = 0
    stable: int | None = None
    former: tuple[int, ...] = ()
    digests: Mapping[int, str] = field(default_factory=dict)
    rollout: Rollout | None = None
    target_revision: int = 0

    @property
    def active(self) -> Rollout | None:
        """The rollout under way, or None."""
        return self.rollout if self.rollout and not self.rollout.phase.over else None

    @property
    def split(self) -> Split:
        """The traffic shares that follow from the state."""
        rollout = self.active
        if rollout is None or not rollout.phase.on_trial:
            return Split(stable=self.stable)
        step = rollout.current
        if step is None:
            return Split(stable=self.stable, canary=rollout.version, salt=rollout.salt)
        return Split(
            stable=self.stable,
            canary=rollout.version,
            canary_share=step.share,
            shadow=rollout.version if step.shadow > 0 else None,
            shadow_share=step.shadow,
            salt=rollout.salt,
        )

    @property
    def target(self) -> EndpointTarget:
        """What the workers shall serve."""
        split = self.split
        return EndpointTarget(
            endpoint=self.name,
            revision=self.target_revision,
            split=split,
            digests={version: self.digests[version] for version in split.versions},
        )


def stream_of(name: str) -> str:
    """The stream that holds an endpoint's facts."""
    return PREFIX + name


def fold(state: EndpointState, facts: Iterable[Fact]) -> EndpointState:
    """The state after more facts of its stream.

    Raises: UnknownFact: a kind or schema that this version of seatrial does not know.
    """
    for fact in facts:
        state = _apply(state, fact)
    return state


def check_free(state: EndpointState) -> None:
    """Raises: RolloutConflict: a release of the endpoint is under way."""
    active = state.active
    if active is not None:
        raise RolloutConflict(
            f"Release {active.release!r} of endpoint {state.name!r} is still {active.phase.value}.",
            remedy="Wait for its verdict, or end it with `seatrial rollback`.",
            phase=active.phase.value,
        )


def start(
    state: EndpointState,
    *,
    version: int,
    digest: str,
    target: str,
    plan: Plan,
    by: str = "deploy",
    notes: Mapping[str, object] | None = None,
) -> list[Draft]:
    """Begin to release a version.

    Args:
        state: of the endpoint now.
        version: registered number, with its bundle's ``digest``.
        target: ``staging`` or ``production``.
        plan: steps and gates.
        notes: JSON-able details for the history, such as the source file.
    Raises: RolloutConflict: another release is under way, or the version is in production.
    """
    check_free(state)
    if version == state.stable:
        raise RolloutConflict(
            f"Version {version} of {state.name!r} is in production already.",
            remedy="Nothing needs to be done; deploy another version to change what is served.",
        )
    return [
        Draft(
            kind="release.started",
            data={
                "release": f"{state.name}-{version}-{state.revision + 1}",
                "version": version,
                "digest": digest,
                "target": target,
                "plan": plan.as_dict(),
                "notes": dict(notes or {}),
            },
            by=by,
        )
    ]


def ask(state: EndpointState, wish: str, *, by: str, reason: str = "") -> list[Draft]:
    """A person's wish to ``promote`` or ``abort`` the release under way.

    Raises: RolloutConflict.
    """
    if state.rollout is None:
        raise RolloutConflict(
            f"No release of endpoint {state.name!r} is under way.",
            remedy="Start one with `seatrial deploy`.",
        )
    return decide(state.rollout, Asked(wish=wish, by=by, reason=reason), stable=state.stable)


def roll_back(state: EndpointState, *, to: int | None, by: str, reason: str = "") -> list[Draft]:
    """Go back: end the release under way, or return to an earlier stable version.

    Args:
        to: the version to serve; None ends the canary under way or, when there is none, returns to
            the version that was in production before.
    Raises: NothingToRollBack, RolloutConflict.
    """
    active = state.active
    ended = ask(state, "abort", by=by, reason=reason or "rolled back by a person") if active else []
    if to is None and ended:
        return ended
    goal = to if to is not None else (state.former[-1] if state.former else None)
    if goal is None:
        raise NothingToRollBack(
            f"Endpoint {state.name!r} has no earlier version.",
            remedy="Deploy a corrected version instead.",
        )
    if goal not in (*state.former, state.stable):
        known = ", ".join(str(v) for v in state.former) or "none"
        raise NothingToRollBack(
            f"Version {goal} of {state.name!r} was never in production.",
            remedy=f"Choose one of: {known}; or deploy it, so that it is tested first.",
        )
    if goal == state.stable:
        return ended
    data = {
        "version": goal,
        "from": state.stable,
        "reason": reason or "rolled back by a person",
    }
    return [*ended, Draft(kind="endpoint.rolled_back", data=data, by=by)]


def _apply(state: EndpointState, fact: Fact) -> EndpointState:
    change = _CHANGES.get(fact.kind)
    if change is None or fact.schema != 1:
        raise UnknownFact(
            f"The stream {fact.stream!r} holds a fact {fact.kind!r} of schema {fact.schema}, "
            "which this version of seatrial does not know.",
            remedy="Upgrade seatrial to the version that wrote it.",
            seq=fact.seq,
        )
    after = replace(change(state, fact), revision=fact.revision)
    if after.split != state.split or fact.kind == _NEW_EVIDENCE:
        after = replace(after, target_revision=fact.revision)
    return after


def _plan_from(data: Mapping[str, Any]) -> Plan:
    return Plan(
        steps=tuple(Step(**step) for step in data["steps"]),
        gates=data["gates"],
        extend_s=data["extend_s"],
    )


def _started(state: EndpointState, fact: Fact) -> EndpointState:
    data: Mapping[str, Any] = fact.data
    rollout = Rollout(
        release=data["release"],
        version=data["version"],
        digest=data["digest"],
        target=data["target"],
        plan=_plan_from(data["plan"]),
        phase=Phase.STAGING,
        salt=data["release"],
    )
    digests = {**state.digests, rollout.version: rollout.digest}
    return replace(state, rollout=rollout, digests=digests)


def _moved(state: EndpointState, **changes: Any) -> EndpointState:
    if state.rollout is None:
        raise UnknownFact(
            f"Endpoint {state.name!r} has a fact of a release that never started.",
            remedy="The log is damaged: restore the store from a backup.",
        )
    return replace(state, rollout=replace(state.rollout, **changes))


def _staging_passed(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(state, staging=fact.data["report"], reason=fact.data["reason"])


def _phase(phase: Phase) -> Callable[[EndpointState, Fact], EndpointState]:
    def change(state: EndpointState, fact: Fact) -> EndpointState:
        return _moved(state, phase=phase, reason=fact.data.get("reason", ""))

    return change


def _staging_failed(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(
        state, phase=Phase.REJECTED, staging=fact.data["report"], reason=fact.data["reason"]
    )


def _step_entered(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(
        state,
        phase=Phase.CANARY,
        step=fact.data["step"],
        step_revision=fact.revision,
        watched_s=0.0,
        extended=False,
        evidence={},
        reason="",
    )


def _evidence(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(state, watched_s=fact.data["watched_s"], evidence=fact.data["judgement"])


def _extended(state: EndpointState, fact: Fact) -> EndpointState:
    return _moved(state, extended=True, reason=fact.data["reason"])


def _promoted(state: EndpointState, fact: Fact) -> EndpointState:
    ended = _phase(Phase.PROMOTED)(state, fact)
    version: Any = fact.data["version"]
    former = tuple(v for v in state.former if v != version)
    if state.stable is not None and state.stable != version:
        former = (*former, state.stable)
    return replace(ended, stable=version, former=former)


def _rolled_back(state: EndpointState, fact: Fact) -> EndpointState:
    """The version left behind goes to the far end: rolling back twice must not return to it."""
    version: Any = fact.data["version"]
    former = tuple(v for v in state.former if v != version)
    if state.stable is not None:
        former = (state.stable, *former)
    return replace(state, stable=version, former=former)


_CHANGES: Mapping[str, Callable[[EndpointState, Fact], EndpointState]] = {
    "release.started": _started,
    "staging.passed": _staging_passed,
    "staging.failed": _staging_failed,
    "release.staged": _phase(Phase.STAGED),
    "canary.warming": _phase(Phase.WARMING),
    "step.entered": _step_entered,
    "evidence.recorded": _evidence,
    "step.extended": _extended,
    "release.held": _phase(Phase.HELD),
    "release.promoted": _promoted,
    "release.aborted": _phase(Phase.ABORTED),
    "endpoint.rolled_back": _rolled_back,
}
