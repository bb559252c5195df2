"""What follows when a registered version arrives: packaged, tested, evaluated, released, told.

The workflow of one arrival, in durable steps. The release controller stages and judges the canary;
this begins the release, says how the version compares, and tells the registry the end. One arrival
of an endpoint at a time, in the order of events: what is compared is what is in production then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.packaging.standby import Standby
from seatrial.registry.catalog import numbered
from seatrial.registry.models import ModelRegistry
from seatrial.release.desk import Desk
from seatrial.release.endpoint import EndpointState
from seatrial.release.rollout import Evaluated, Phase, Rollout, RolloutConflict
from seatrial.steps.context import Context
from seatrial.steps.run import Run, Status
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Answer, Done, End, Retry, Step, Wait, Workflow
from seatrial.training.evaluation.decision import Outcome
from seatrial.training.following.config import FollowedConfig
from seatrial.training.following.desk import KIND
from seatrial.training.following.seen import PREFIX, announce
from seatrial.training.following.standing import (
    ArrivalInput,
    Ended,
    Standing,
    end_of,
    tags_of,
)
from seatrial.wiring.registry.arrival_comparison import ArrivalComparison
from seatrial.wiring.registry.arrival_packaging import BY, ArrivalPackaging
from seatrial.wiring.registry.card import Verdict
from seatrial.wiring.workspace import Workspace

_PATIENT = Retry(attempts=1_000_000, first_s=1.0, longest_s=30.0, lost=5)
"""What may pass is waited for: a registry that is down, a disk that is full."""

_LOOK_S = 0.2
_TURN_S = 0.5
_GOOD = frozenset({Outcome.BETTER, Outcome.NOT_WORSE})

_log = logging.getLogger(__name__)

Act = Callable[[Context, ArrivalInput, Standing], Answer]


class RegistryFlow:
    """The acts of the workflow, over one workspace.

    Args:
        store: stays the caller's to close.
        registries: by name.
        address: begins the links to model cards; None leaves them out.
        standby: processes that are ready for the next model; None starts them when one comes.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        registries: Mapping[str, ModelRegistry],
        *,
        address: Callable[[], str | None] = lambda: None,
        standby: Standby | None = None,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._registries = registries
        self._address = address
        self._desk = Desk(store)
        self._packaging = ArrivalPackaging(workspace, store, self._desk, registries, standby)
        self._comparison = ArrivalComparison(workspace)
        self._runs = Runs(store)
        self._lock = threading.Lock()

    def workflow(self) -> Workflow:
        """The workflow, to be run by a `steps.worker.Worker`."""
        acts: tuple[tuple[str, Act], ...] = (
            ("bundle", self._bundle),
            ("staging", self._staging),
            ("evaluation", self._evaluation),
            ("canary", self._canary),
            ("tell", self._tell),
        )
        names = [None, *(name for name, _ in acts)]
        steps = [
            Step(name=name, gives=Standing, act=_step(act, before), retry=_PATIENT)
            for (name, act), before in zip(acts, names, strict=False)
        ]
        return Workflow(kind=KIND, takes=ArrivalInput, steps=steps)

    # The steps.

    def _bundle(self, context: Context, arrival: ArrivalInput, _: Standing) -> Answer:
        """Wait for its turn; fetch, package and register."""
        waits_for = self._turn(context.run, arrival)
        if waits_for:
            return Wait(_TURN_S, reason=waits_for)
        try:
            return Done(self._packaging.packaged(context, arrival))
        except RolloutConflict as busy:  # somebody deployed meanwhile
            return Wait(_TURN_S, reason=busy.problem)

    def _staging(self, context: Context, arrival: ArrivalInput, so_far: Standing) -> Answer:
        """Begin the release, and wait for its staging tests."""
        release = so_far.release or self._release_of(context.run.id, arrival.endpoint)
        if not release:
            if self._state(arrival.endpoint).stable == so_far.version:
                reason = f"version {so_far.version} is in production already"
                return Done(replace(so_far, ended=Ended.UNCHANGED, reason=reason))
            try:
                release = self._begin(context, arrival, so_far)
            except RolloutConflict as busy:
                return Wait(_TURN_S, reason=busy.problem)
        rollout = self._rollout(arrival.endpoint, release)
        if rollout is not None and rollout.phase is Phase.STAGING:
            return Wait(_LOOK_S, reason="the staging tests")
        return Done(replace(so_far, release=release))

    def _evaluation(self, context: Context, arrival: ArrivalInput, so_far: Standing) -> Answer:
        """Hold it against the version in production, where the release waits for that."""
        rollout = self._rollout(arrival.endpoint, so_far.release)
        if rollout is None or rollout.phase is not Phase.EVALUATING:
            return Done(so_far if rollout is None else _after_evaluation(rollout, so_far))
        state = self._state(arrival.endpoint)
        try:
            verdict = self._comparison.judged(context, arrival, so_far, state)
        except SeatrialError as problem:
            if problem.retryable:
                raise
            self._say(arrival, so_far, passed=False, reason=str(problem), report=_failure(problem))
            return Done(_failed(so_far, problem))
        passed, reason = self._comparison.decide(arrival, so_far, state, verdict)
        self._say(arrival, so_far, passed=passed, reason=reason, report=verdict.brief())
        known = replace(so_far, evaluated=verdict.outcome)
        return Done(known if passed else replace(known, ended=_stopped(verdict), reason=reason))

    def _canary(self, _: Context, arrival: ArrivalInput, so_far: Standing) -> Answer:
        """Wait for the end of the release."""
        rollout = self._rollout(arrival.endpoint, so_far.release)
        if rollout is None:
            ended, reason = self._ended_before(arrival.endpoint, so_far.release)
            return Done(replace(so_far, ended=ended, reason=reason))
        ended_as = end_of(rollout.phase)
        if ended_as is not None:
            return Done(replace(so_far, ended=ended_as, reason=rollout.reason))
        held = rollout.phase is Phase.HELD
        reason = f"a person: {rollout.reason}" if held else "the canary"
        return Wait(_LOOK_S, reason=reason)

    def _tell(self, _: Context, arrival: ArrivalInput, so_far: Standing) -> Answer:
        """Write the end back into the registry."""
        registry = self._registries[arrival.source]
        try:
            registry.mark(
                arrival.model, arrival.number, tags_of(so_far, card=self._link(arrival, so_far))
            )
            self._move_alias(registry, arrival, so_far)
        except SeatrialError as problem:
            if problem.retryable:
                raise
            _log.warning("%s was not told: %s", arrival.source, problem)  # deleted, or forbidden
        return End(
            str(so_far.ended),
            so_far.reason,
            data={
                "version": so_far.version,
                "release": so_far.release,
                "code": so_far.code,
                "evaluated": so_far.evaluated,
            },
        )

    # What they need.

    def _turn(self, run: Run, arrival: ArrivalInput) -> str:
        """What the arrival has to wait for, or ""."""
        with self._lock:
            self._runs.refresh()
            for other in self._runs.all(kind=KIND):
                if other.id == run.id:
                    break
                under_way = other.over is None and other.status is not Status.FAILED
                if under_way and other.input.get("endpoint") == arrival.endpoint:
                    return f"the arrival before it: {other.id}"
        active = self._state(arrival.endpoint).active
        return "" if active is None else f"the release {active.release}, which is under way"

    def _begin(self, context: Context, arrival: ArrivalInput, so_far: Standing) -> str:
        config = self._config(arrival)
        release = config.release or self._workspace.settings.release_of(arrival.endpoint)
        assert so_far.version is not None
        state = self._desk.start(
            arrival.endpoint,
            version=so_far.version,
            digest=so_far.digest,
            target=config.target,
            plan=replace(release.plan(), evaluated=so_far.holdout is not None),
            by=BY,
            notes={
                "run": context.run.id,
                "source": f"{arrival.source}: {arrival.model} {arrival.number}",
                "data": None if so_far.holdout is None else Path(so_far.holdout).name,
            },
        )
        assert state.rollout is not None
        return state.rollout.release

    def _release_of(self, run_id: str, endpoint: str) -> str:
        """The release that a run has begun, or "": it may have been killed before it said so."""
        if endpoint not in self._desk.names():
            return ""
        for fact in self._desk.history(endpoint):
            data: Any = fact["data"]
            if fact["kind"] == "release.started" and data.get("notes", {}).get("run") == run_id:
                return str(data["release"])
        return ""

    def _rollout(self, endpoint: str, release: str) -> Rollout | None:
        """A release, while it is the newest of its endpoint."""
        rollout = self._state(endpoint).rollout
        return rollout if rollout is not None and rollout.release == release else None

    def _ended_before(self, endpoint: str, release: str) -> tuple[Ended, str]:
        """How a release ended that others have followed."""
        ends = {
            "release.promoted": Ended.PROMOTED,
            "release.staged": Ended.STAGED,
            "release.aborted": Ended.ABORTED,
            "staging.failed": Ended.REJECTED,
            "evaluation.failed": Ended.WORSE,
        }
        for fact in self._desk.history(endpoint):
            data: Any = fact["data"]
            if data.get("release") == release and fact["kind"] in ends:
                return ends[str(fact["kind"])], str(data.get("reason", ""))
        return Ended.FAILED, f"the release {release!r} is not in the history of {endpoint!r}"

    def _state(self, endpoint: str) -> EndpointState:
        if endpoint not in self._desk.names():
            return EndpointState(name=endpoint)
        return self._desk.state(endpoint)

    def _say(
        self,
        arrival: ArrivalInput,
        so_far: Standing,
        *,
        passed: bool,
        reason: str,
        report: Mapping[str, Any],
    ) -> None:
        found = Evaluated(passed=passed, reason=reason, report=report, by=BY)
        self._desk.evaluated(arrival.endpoint, so_far.release, found)

    def _move_alias(self, registry: ModelRegistry, arrival: ArrivalInput, so_far: Standing) -> None:
        config = self._config(arrival)
        alias = config.move_alias
        if alias is None or so_far.ended is not Ended.PROMOTED:
            return
        if registry.aliases(arrival.model).get(alias) == arrival.number:
            return
        if alias == config.alias:  # announced, so that it is no event when it is seen
            stream = f"{PREFIX}{arrival.source}/{arrival.model}"
            numbered(self._store, stream, lambda _: announce(alias, arrival.number))
        registry.move_alias(arrival.model, alias, arrival.number)

    def _link(self, arrival: ArrivalInput, so_far: Standing) -> str | None:
        address = self._address()
        if address is None or so_far.version is None or not so_far.evaluated:
            return None
        return f"{address}/endpoints/{arrival.endpoint}/versions/{so_far.version}/evaluation"

    def _config(self, arrival: ArrivalInput) -> FollowedConfig:
        return self._workspace.settings.registry.of(arrival.model)


def _step(act: Act, before: str | None) -> Callable[[Context], Answer]:
    """An act that hands on what has ended, and for which every failure is an end."""

    def acted(context: Context) -> Answer:
        arrival = context.input(ArrivalInput)
        so_far = Standing() if before is None else context.output(before, Standing)
        if so_far.ended is not None and context.step.name != "tell":
            return Done(so_far)
        try:
            return act(context, arrival, so_far)
        except SeatrialError as problem:
            if problem.retryable or context.step.name == "tell":
                raise
            return Done(_failed(so_far, problem))

    return acted


def _after_evaluation(rollout: Rollout, so_far: Standing) -> Standing:
    """What an evaluation came to that was said before this process began."""
    found = rollout.evaluation
    outcome = str(found.get("outcome", ""))
    if rollout.phase is not Phase.REJECTED or not outcome:
        return replace(so_far, evaluated=outcome)
    if outcome == Ended.FAILED:
        code = str(found.get("code", ""))
        return replace(so_far, ended=Ended.FAILED, reason=rollout.reason, code=code)
    ended = Ended.CANNOT_TELL if outcome == Outcome.CANNOT_TELL else Ended.WORSE
    return replace(so_far, ended=ended, reason=rollout.reason, evaluated=outcome)


def _stopped(verdict: Verdict) -> Ended:
    return Ended.CANNOT_TELL if verdict.outcome == Outcome.CANNOT_TELL else Ended.WORSE


def _failure(problem: SeatrialError) -> dict[str, Any]:
    return {"outcome": str(Ended.FAILED), "code": problem.code}


def _failed(so_far: Standing, problem: SeatrialError) -> Standing:
    return replace(so_far, ended=Ended.FAILED, reason=str(problem), code=problem.code)
