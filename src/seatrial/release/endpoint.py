"""An endpoint: what is known of it, the split that follows, and what may be asked for.

State and split cannot disagree, because the split is computed from the state and the state from
one stream of facts (`release/fold.py`), appended by compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.events import Draft
from seatrial.release.rollout import MODEL, Asked, Plan, Rollout, RolloutConflict, decide
from seatrial.release.trial import Trial
from seatrial.release.variant import Split

PREFIX = "endpoint/"
PRODUCTION = "production"

LEFT = "experiment.left"
"""The fact that an experiment splits the requests of an endpoint no longer."""


class UnknownFact(Invalid):
    """The endpoint has a fact that cannot be read; nothing is decided about it until it can."""

    code = "release.unknown_fact"


class NothingToRollBack(NotFound):
    """There is no earlier version to go back to."""

    code = "release.nothing_to_roll_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The first fact of a stream that this version of seatrial cannot read.

    Args:
        revision: of the fact in its stream.
        seq: of the fact in the log.
        problem: which fact, and why.
        remedy: what a person can do.
    """

    revision: int
    seq: int
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTarget:
    """What the workers shall serve.

    Args:
        endpoint: its name.
        revision: revision of the stream at which the split last changed.
        split: who gets what.
        digests: bundle digest of each version the split names.
        kind: of its versions; see `EndpointState`.
    """

    endpoint: str
    revision: int
    split: Split
    digests: Mapping[int, str]
    kind: str = MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """Everything known of an endpoint.

    Args:
        name: of the endpoint, which is the model's or the prompt's name.
        kind: what its versions are, such as ``model``: one word for all of them. Nothing here
            depends on it; whoever tests and serves versions does.
        revision: of its stream; 0 before the first fact.
        stable: the version in production, or None.
        former: earlier stable versions; the last one is where a rollback goes.
        withdrawn: versions that were rolled back from, in that order: a rollback returns to one
            only when it is named.
        digests: bundle digest by version, of every version ever released here.
        tested: versions that have passed their staging tests.
        trials: experiments that split its requests now, by name.
        rollout: the newest rollout, over or not; None before the first.
        target_revision: revision at which the split last changed, or a step with the same split
            began: what is answered from then on is counted apart.
        unreadable: the fact after which nothing is known, or None; all else is as of before it.
    """

    name: str
    kind: str = MODEL
    revision: int = 0
    stable: int | None = None
    former: tuple[int, ...] = ()
    withdrawn: tuple[int, ...] = ()
    digests: Mapping[int, str] = field(default_factory=dict)
    tested: frozenset[int] = frozenset()
    trials: Mapping[str, Trial] = field(default_factory=dict)
    rollout: Rollout | None = None
    target_revision: int = 0
    unreadable: Unreadable | None = None

    @property
    def active(self) -> Rollout | None:
        """The rollout under way, or None."""
        return self.rollout if self.rollout and not self.rollout.phase.over else None

    @property
    def split(self) -> Split:
        """The traffic shares that follow from the state."""
        rollout = self.active
        if rollout is None or not rollout.phase.on_trial:
            return Split(stable=self.stable, trials=tuple(self.trials.values()))
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
            kind=self.kind,
        )


def stream_of(name: str) -> str:
    """The stream that holds an endpoint's facts."""
    return PREFIX + name


def check_readable(state: EndpointState) -> None:
    """Raises: UnknownFact: not all facts of the endpoint can be read."""
    if state.unreadable is not None:
        raise UnknownFact(
            state.unreadable.problem,
            remedy=state.unreadable.remedy,
            endpoint=state.name,
            seq=state.unreadable.seq,
        )


def check_free(state: EndpointState, *, kind: str = MODEL, target: str = PRODUCTION) -> None:
    """Raises: RolloutConflict: a release of the endpoint is under way, its versions are of another
    kind, or an experiment runs and the release is not for staging alone; UnknownFact."""
    check_readable(state)
    if state.digests and kind != state.kind:
        raise RolloutConflict(
            f"The versions of endpoint {state.name!r} are of the kind {state.kind}, not {kind}.",
            remedy="Name another endpoint with --name.",
            kind=state.kind,
        )
    active = state.active
    if active is not None:
        raise RolloutConflict(
            f"Release {active.release!r} of endpoint {state.name!r} is still {active.phase.value}.",
            remedy="Wait for its verdict, or end it with `seatrial rollback`; then ask again.",
            phase=active.phase.value,
        )
    if state.trials and target == PRODUCTION:
        running = next(iter(state.trials))
        raise RolloutConflict(
            f"The experiment {running!r} splits the requests of endpoint {state.name!r}.",
            remedy=f"Wait until it has ended, or end it with `seatrial experiment stop {running}`; "
            "a release for staging alone may begin now.",
            experiment=running,
        )


def start(
    state: EndpointState,
    *,
    version: int,
    digest: str,
    target: str,
    plan: Plan,
    kind: str = MODEL,
    by: str = "deploy",
    notes: Mapping[str, object] | None = None,
) -> list[Draft]:
    """Begin to release a version.

    Args:
        state: of the endpoint now.
        version: registered number, with its bundle's ``digest``.
        target: ``staging`` or ``production``.
        plan: steps and gates.
        kind: what the version is; the same for all versions of an endpoint.
        notes: JSON-able details for the history, such as the source file.
    Raises: RolloutConflict: see `check_free`, or the version is in production; UnknownFact.
    """
    check_free(state, kind=kind, target=target)
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
                "kind": kind,
            },
            by=by,
        )
    ]


def ask(state: EndpointState, wish: str, *, by: str, reason: str = "") -> list[Draft]:
    """A person's wish to ``promote`` or ``abort`` the release under way.

    Raises: RolloutConflict, UnknownFact.
    """
    check_readable(state)
    if state.rollout is None:
        raise RolloutConflict(
            f"No release of endpoint {state.name!r} is under way.",
            remedy="Start one with `seatrial deploy`.",
        )
    return decide(state.rollout, Asked(wish=wish, by=by, reason=reason), stable=state.stable)


def roll_back(state: EndpointState, *, to: int | None, by: str, reason: str = "") -> list[Draft]:
    """Go back: end the release under way, or return to an earlier stable version.

    Going back is never refused for an experiment's sake: returning to another version ends those
    that run, since what they compare with is no longer in production.

    Args:
        to: the version to serve; None ends the canary under way or, when there is none, returns to
            the version that was in production before and was not rolled back from.
    Raises: NothingToRollBack, RolloutConflict, UnknownFact.
    """
    check_readable(state)
    active = state.active
    ended = ask(state, "abort", by=by, reason=reason or "rolled back by a person") if active else []
    if to is None and ended:
        return ended
    goal = to if to is not None else (state.former[-1] if state.former else None)
    if goal is None:
        raise _nothing_left(state)
    if goal not in (*state.former, *state.withdrawn, state.stable):
        known = ", ".join(str(v) for v in sorted((*state.former, *state.withdrawn))) or "none"
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
    left = [Draft(kind=LEFT, data={"experiment": name}, by=by) for name in state.trials]
    return [*ended, *left, Draft(kind="endpoint.rolled_back", data=data, by=by)]


def _nothing_left(state: EndpointState) -> NothingToRollBack:
    if not state.withdrawn:
        return NothingToRollBack(
            f"Endpoint {state.name!r} has no earlier version.",
            remedy="Deploy a corrected version instead.",
        )
    left = ", ".join(str(v) for v in state.withdrawn)
    return NothingToRollBack(
        f"Endpoint {state.name!r} has no earlier version left: {left} was rolled back from."
        if len(state.withdrawn) == 1
        else f"Endpoint {state.name!r} has no earlier version left: {left} were rolled back from.",
        remedy="Deploy a corrected version, or name one of these with --to if it is meant.",
    )
