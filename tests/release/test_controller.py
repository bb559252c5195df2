"""The controller on a store in memory and a clock that is moved by hand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import Slice, StoreFull, StoreUnavailable
from seatrial.release import judge as judge_module
from seatrial.release.controller import BEAT, Controller
from seatrial.release.desk import Desk
from seatrial.release.endpoint import EndpointState, ask
from seatrial.release.fold import CHANGES
from seatrial.release.gate import ErrorRateGate, Gates, LatencyGate
from seatrial.release.gate_record import gates_to_dict
from seatrial.release.measurement import Summary
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Evaluated, Phase, Plan, Rollout, Staged, Step
from seatrial.release.verdict import Judgement
from seatrial.testing import FakeClock, MemoryStore

GATES = Gates(gates=(ErrorRateGate(limit=0.001), LatencyGate(limit_ms=100)))
PLAN = Plan(steps=(Step(share=0.05, watch_s=60),), gates=gates_to_dict(GATES), extend_s=600)


@dataclass
class ScriptedStager:
    """Says what the test wants; counts how often it was asked."""

    result: Staged | None = field(default_factory=lambda: Staged(passed=True, reason="fine"))
    n_asked: int = 0
    closed: bool = False

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        self.n_asked += 1
        return self.result

    def close(self) -> None:
        self.closed = True


class World:
    """A store, a clock, a stager, and as many controllers as a test wants."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.stager = ScriptedStager()
        self.controller = self.new_controller("c1")
        self.desk = Desk(self.store)

    def new_controller(self, holder: str) -> Controller:
        return Controller(self.store, clock=self.clock, stager=self.stager, holder=holder)

    def start(self, version: int, plan: Plan = PLAN, *, target: str = "production") -> None:
        self.desk.start(
            "churn",
            version=version,
            digest=f"d{version}",
            target=target,
            plan=plan,
            by="test",
            notes={},
        )

    def workers_say(self, *, loaded: list[int], failed: dict[str, str] | None = None) -> None:
        state = self.state
        self.store.beat(
            "worker/s/0",
            {
                "loaded": {"churn": loaded},
                "applied": {"churn": state.target_revision},
                "failed": {"churn": failed or {}},
            },
        )

    def answered(self, version: int, n: int, *, n_errors: int = 0, latency_s: float = 0.01) -> None:
        assert self.state.rollout is not None
        summary = Summary.of([latency_s] * n, errors={"engine_error": n_errors})
        self.store.add_slices(
            [
                Slice(
                    endpoint="churn",
                    version=version,
                    revision=self.state.rollout.step_revision,
                    worker="w",
                    start=self.clock.now(),
                    width_s=1,
                    summary=summary.encode(),
                )
            ]
        )

    def tick(
        self, times: int = 1, *, seconds: float = 1.0, loaded: tuple[int, ...] = (1, 2)
    ) -> None:
        for _ in range(times):
            self.clock.advance(seconds)
            self.workers_say(loaded=list(loaded))
            self.controller.tick()

    @property
    def state(self) -> EndpointState:
        return self.desk.state("churn")

    @property
    def phase(self) -> Phase:
        assert self.state.rollout is not None
        return self.state.rollout.phase

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.store.read(stream="endpoint/churn")]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def on_trial(world: World) -> World:
    world.start(1)
    world.controller.tick()
    world.start(2)
    world.tick(2)
    assert world.phase is Phase.CANARY
    return world


def test_a_first_version_is_promoted_once_its_staging_has_passed(world: World) -> None:
    world.start(1)
    world.stager.result = None
    world.controller.tick()
    assert world.phase is Phase.STAGING
    world.stager.result = Staged(passed=True, reason="fine")
    world.controller.tick()
    assert world.state.stable == 1


def test_a_canary_waits_for_every_worker(world: World) -> None:
    world.start(1)
    world.controller.tick()
    world.start(2)
    world.controller.tick()
    world.store.beat("worker/s/1", {"loaded": {"churn": [1]}, "applied": {}, "failed": {}})
    world.workers_say(loaded=[1, 2])
    world.controller.tick()
    assert world.phase is Phase.WARMING
    world.store.beat("worker/s/1", {"loaded": {"churn": [1, 2]}, "applied": {}, "failed": {}})
    world.controller.tick()
    assert world.phase is Phase.CANARY


def test_a_canary_that_a_worker_cannot_load_is_aborted_with_its_words(world: World) -> None:
    world.start(1)
    world.controller.tick()
    world.start(2)
    world.controller.tick()
    world.workers_say(loaded=[1], failed={"2": "the artefact is damaged"})
    world.controller.tick()
    assert world.phase is Phase.ABORTED
    assert world.state.rollout is not None
    assert "the artefact is damaged" in world.state.rollout.reason


def test_a_perfect_canary_is_promoted_after_watch_and_evidence(on_trial: World) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(59)
    assert on_trial.phase is Phase.CANARY
    on_trial.tick(3)
    assert on_trial.phase is Phase.PROMOTED
    assert on_trial.state.stable == 2
    assert on_trial.kinds().count("release.promoted") == 2


def test_a_failing_canary_is_aborted_at_the_next_tick(on_trial: World) -> None:
    on_trial.answered(2, 10, n_errors=5)
    on_trial.tick()
    assert on_trial.phase is Phase.ABORTED
    assert on_trial.state.split.canary is None


def test_a_slow_canary_is_aborted(on_trial: World) -> None:
    on_trial.answered(2, 100, latency_s=0.3)
    on_trial.tick()
    assert on_trial.phase is Phase.ABORTED
    assert on_trial.state.rollout is not None
    assert "p95" in on_trial.state.rollout.reason


def test_no_traffic_is_extended_then_held_and_never_promoted(on_trial: World) -> None:
    on_trial.tick(63)
    assert on_trial.phase is Phase.CANARY
    assert "step.extended" in on_trial.kinds()
    on_trial.tick(600)
    assert on_trial.phase is Phase.HELD
    assert on_trial.state.stable == 1


def test_time_without_workers_is_not_watched(on_trial: World) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    for _ in range(200):
        on_trial.clock.advance(10)
        on_trial.controller.tick()
    assert on_trial.phase is Phase.CANARY


def test_a_controller_that_slept_does_not_count_its_sleep(on_trial: World) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(1, seconds=3600)
    assert on_trial.phase is Phase.CANARY


def test_a_clock_set_back_neither_promotes_nor_stops_a_release(on_trial: World) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(10)
    on_trial.clock.set_wall(on_trial.clock.now() - timedelta(days=30))
    on_trial.tick(40)
    assert on_trial.phase is Phase.CANARY
    on_trial.tick(20)
    assert on_trial.phase is Phase.PROMOTED


def test_a_new_controller_goes_on_where_the_old_one_was(on_trial: World) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(45)
    on_trial.controller = on_trial.new_controller("c2")
    on_trial.clock.advance(30)
    on_trial.tick(10)
    assert on_trial.phase is Phase.CANARY
    on_trial.tick(20)
    assert on_trial.phase is Phase.PROMOTED


def test_two_controllers_promote_once(on_trial: World) -> None:
    other = on_trial.new_controller("c2")
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    for _ in range(70):
        on_trial.tick()
        assert other.tick() is False
    assert on_trial.kinds().count("release.promoted") == 2


def test_a_second_controller_takes_over_when_the_first_is_gone(on_trial: World) -> None:
    other = on_trial.new_controller("c2")
    on_trial.controller.close()
    assert other.tick() is True


def test_a_controller_that_lost_a_race_decides_anew(on_trial: World) -> None:
    """The person's abort lands between the controller's reading and its appending."""
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(57)
    real_append = on_trial.store.append
    done: list[bool] = []

    def append(stream: str, drafts: list[Draft], *, expected: int) -> list[Fact]:
        if not done:
            done.append(True)
            endpoints = Endpoints(on_trial.store)
            endpoints.refresh()
            state = endpoints.get("churn")
            real_append(stream, ask(state, "abort", by="ada"), expected=state.revision)
        return real_append(stream, drafts, expected=expected)

    on_trial.store.append = append  # type: ignore[method-assign, assignment]
    on_trial.tick(10)
    assert done
    assert on_trial.phase is Phase.ABORTED
    assert on_trial.state.stable == 1


@pytest.mark.parametrize("error", [StoreUnavailable, StoreFull])
def test_a_store_that_cannot_be_written_promotes_nothing_and_is_tried_again(
    on_trial: World, error: type[StoreUnavailable], caplog: pytest.LogCaptureFixture
) -> None:
    on_trial.answered(1, 70_000)
    on_trial.answered(2, 4_000)
    on_trial.tick(55)
    real_append = on_trial.store.append

    def append(stream: str, drafts: list[Draft], *, expected: int) -> list[Fact]:
        raise error("no", remedy="none")

    on_trial.store.append = append  # type: ignore[method-assign, assignment]
    on_trial.tick(20)
    on_trial.tick(1)
    assert on_trial.phase is Phase.CANARY
    assert caplog.text.count("cannot be used") == 1  # a disk that is full needs no more lines
    on_trial.store.append = real_append  # type: ignore[method-assign]
    on_trial.tick(1)
    assert on_trial.phase is Phase.PROMOTED


def test_evidence_of_the_first_step_does_not_count_for_the_second(world: World) -> None:
    plan = Plan(
        steps=(Step(share=0.05, watch_s=5), Step(share=0.5, watch_s=5)),
        gates=gates_to_dict(GATES),
        extend_s=600,
    )
    world.start(1)
    world.controller.tick()
    world.start(2, plan)
    world.tick(2)
    world.answered(2, 4_000)
    world.tick(7)
    assert world.state.rollout is not None
    assert world.state.rollout.step == 1
    world.tick(20)
    assert world.phase is Phase.CANARY
    world.answered(2, 4_000)
    world.tick(2)
    assert world.phase is Phase.PROMOTED


def test_the_log_says_when_and_by_whom(on_trial: World) -> None:
    on_trial.desk.roll_back("churn", to=None, by="ada", reason="a hunch")
    last = on_trial.desk.history("churn")[-1]
    assert (last["kind"], last["by"]) == ("release.aborted", "ada")
    assert datetime.fromisoformat(str(last["at"])).tzinfo == UTC


def test_the_same_evidence_is_judged_once(on_trial: World, monkeypatch: pytest.MonkeyPatch) -> None:
    n_judged = []
    real = judge_module.judge

    def judge(*args: Any, **kwargs: Any) -> Judgement:
        n_judged.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(judge_module, "judge", judge)
    on_trial.answered(2, 10)
    on_trial.tick(20)
    assert len(n_judged) == 1
    on_trial.answered(2, 10)
    on_trial.tick(20)
    assert len(n_judged) == 2


def test_a_later_step_is_never_judged_by_the_verdict_of_the_one_before(world: World) -> None:
    steps = (Step(share=0.05, watch_s=5), Step(share=0.5, watch_s=0))
    world.start(1)
    world.controller.tick()
    world.start(2, Plan(steps=steps, gates=gates_to_dict(GATES), extend_s=600))
    world.tick(2)
    world.answered(2, 4_000)
    world.tick(30)
    assert world.phase is Phase.CANARY
    assert world.state.rollout is not None
    assert world.state.rollout.step == 1


def test_measurements_are_dropped_once_they_are_old(world: World) -> None:
    world.start(1)
    world.controller.tick()
    world.answered(1, 10)
    world.tick(1, seconds=6 * 86_400)
    assert len(world.store.read_slices("churn")) == 1
    world.tick(1, seconds=2 * 86_400)
    assert world.store.read_slices("churn") == []


def test_a_clock_that_jumps_ahead_does_not_take_the_evidence_of_a_canary(on_trial: World) -> None:
    on_trial.answered(2, 3_000, n_errors=1)
    on_trial.clock.set_wall(on_trial.clock.now() + timedelta(days=400))
    on_trial.clock.advance(7200)
    on_trial.tick()
    assert on_trial.phase is Phase.CANARY
    assert len(on_trial.store.read_slices("churn")) == 1


def teleport(world: World, name: str = "churn") -> None:
    """A fact as a later seatrial might write it."""
    stream = f"endpoint/{name}"
    revision = len(world.store.read(stream=stream, limit=1000))
    world.store.append(stream, [Draft(kind="release.teleported", schema=2)], expected=revision)


def other(world: World) -> Rollout:
    rollout = world.desk.state("sales").rollout
    assert rollout is not None
    return rollout


def start_other(world: World) -> None:
    world.desk.start(
        "sales", version=1, digest="s1", target="production", plan=PLAN, by="test", notes={}
    )


def test_a_fact_that_cannot_be_read_stops_its_endpoint_and_no_other(
    on_trial: World, caplog: pytest.LogCaptureFixture
) -> None:
    before, split = on_trial.kinds(), on_trial.state.split
    teleport(on_trial)
    on_trial.answered(2, 30, n_errors=30)  # would abort at once
    start_other(on_trial)
    on_trial.tick(5)
    assert on_trial.kinds() == [*before, "release.teleported"]
    assert on_trial.state.split == split
    assert other(on_trial).phase is Phase.PROMOTED
    told = [r.getMessage() for r in caplog.records if "stands still" in r.getMessage()]
    assert len(told) == 1
    assert "churn" in told[0]
    assert "Upgrade seatrial" in told[0]


def test_a_controller_that_begins_with_such_a_fact_stands_still_too(on_trial: World) -> None:
    teleport(on_trial)
    on_trial.controller.close()
    on_trial.controller = on_trial.new_controller("c2")
    n_asked = on_trial.stager.n_asked
    before = on_trial.kinds()
    on_trial.tick(3)
    assert (on_trial.kinds(), on_trial.stager.n_asked) == (before, n_asked)


def test_what_nobody_foresaw_of_one_endpoint_stops_no_other(
    on_trial: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def confused(*_: Any, **__: Any) -> Judgement:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(judge_module, "judge", confused)
    start_other(on_trial)
    on_trial.answered(2, 10)
    on_trial.tick(5)
    assert on_trial.phase is Phase.CANARY
    assert other(on_trial).phase is Phase.PROMOTED
    assert "ZeroDivisionError" in caplog.text  # with its trace: nobody foresaw it
    blocked: Any = on_trial.desk.view("churn")["blocked"]
    assert "a bug" in blocked["problem"]
    assert blocked["lasts"] is False
    monkeypatch.undo()
    on_trial.tick()
    assert on_trial.desk.view("churn")["blocked"] is None


# `kill -9` at every transition: before and after each fact, on every way a release can go.


class Killed(BaseException):
    """The controller's process is gone, whatever it was doing."""


@dataclass(frozen=True)
class Story:
    """How a release goes: what staging finds, what workers load, what the canary answers."""

    phase: Phase
    stable: int | None
    target: str = "production"
    first: bool = False
    staged: Staged = field(default_factory=lambda: Staged(passed=True, reason="fine"))
    failed: str = ""
    n_answered: int = 0
    n_errors: int = 0
    compared: bool | None = None

    def live(self, world: World) -> None:
        """One tick of the world around the controller."""
        world.clock.advance(1.0)
        failed = {"2": self.failed} if self.failed else {}
        world.workers_say(loaded=[1] if failed else [1, 2], failed=failed)
        rollout = world.state.rollout
        if rollout is not None and self.compared is not None:
            found = Evaluated(passed=self.compared, reason="compared", report={"outcome": "x"})
            world.desk.evaluated("churn", rollout.release, found)
        if self.n_answered and rollout is not None and rollout.phase is Phase.CANARY:
            world.answered(2, self.n_answered, n_errors=self.n_errors)
            world.answered(1, self.n_answered)


STORIES = {
    "the first version": Story(phase=Phase.PROMOTED, stable=1, first=True),
    "staging only": Story(phase=Phase.STAGED, stable=1, target="staging"),
    "rejected": Story(
        phase=Phase.REJECTED, stable=1, staged=Staged(passed=False, reason="golden parity")
    ),
    "not loaded": Story(phase=Phase.ABORTED, stable=1, failed="out of memory"),
    "promoted": Story(phase=Phase.PROMOTED, stable=2, n_answered=2_000),
    "aborted": Story(phase=Phase.ABORTED, stable=1, n_answered=10, n_errors=5),
    "held": Story(phase=Phase.HELD, stable=1),
    "worse": Story(phase=Phase.REJECTED, stable=1, compared=False),
    "better, staging only": Story(phase=Phase.STAGED, stable=1, target="staging", compared=True),
    "better": Story(phase=Phase.PROMOTED, stable=2, n_answered=2_000, compared=True),
    "the first version, not compared": Story(
        phase=Phase.PROMOTED, stable=1, first=True, compared=True
    ),
}
SHORT = Plan(
    steps=(Step(share=0.05, watch_s=4), Step(share=0.5, watch_s=4)),
    gates=gates_to_dict(GATES),
    extend_s=4,
)


def lived(story: Story, *, dies_at: int = -1, kept: bool = False) -> tuple[World, int]:
    """The world at the end of a release, and how often its controller appended.

    Args:
        dies_at: the append, from 0, in which the controller is killed.
        kept: whether what it appended then was kept.
    """
    world = World()
    if not story.first:
        world.start(1)
        world.controller.tick()
    world.stager.result = story.staged
    plan = replace(SHORT, evaluated=story.compared is not None)
    world.start(1 if story.first else 2, plan, target=story.target)
    real_append, n_appended = world.store.append, 0

    def append(stream: str, drafts: list[Draft], *, expected: int) -> list[Fact]:
        nonlocal n_appended
        n_appended += 1
        if n_appended != dies_at + 1:
            return real_append(stream, drafts, expected=expected)
        if kept:
            real_append(stream, drafts, expected=expected)
        raise Killed

    world.store.append = append  # type: ignore[method-assign, assignment]
    for _ in range(60):
        try:
            story.live(world)
            world.controller.tick()
        except Killed:
            world.clock.advance(11)  # nobody gave its lease back
            world.controller = world.new_controller("the next")
        if world.phase.over or world.phase is Phase.HELD:
            break
    return world, n_appended


def transitions(world: World) -> list[str]:
    """What became of the release, without the judgements that were kept on the way."""
    return [kind for kind in world.kinds() if kind != "evidence.recorded"]


@pytest.mark.parametrize("kept", [False, True], ids=["before the fact", "after the fact"])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_controller_killed_at_any_transition_changes_nothing_of_how_a_release_goes(
    story: Story, kept: bool
) -> None:
    undisturbed, n_appends = lived(story)
    assert (undisturbed.phase, undisturbed.state.stable) == (story.phase, story.stable)
    assert n_appends > 0
    for at in range(n_appends):
        world, _ = lived(story, dies_at=at, kept=kept)
        assert transitions(world) == transitions(undisturbed), at
        assert world.state.split == undisturbed.state.split, at


def test_those_releases_meet_every_transition_there_is() -> None:
    met = {kind for story in STORIES.values() for kind in lived(story)[0].kinds()}
    by_others = {"endpoint.rolled_back", "experiment.entered", "experiment.left", "endpoint.won"}
    assert met == set(CHANGES) - by_others  # which no controller does


def test_that_nothing_changed_is_said_once_a_second(world: World) -> None:
    world.controller.tick()
    world.clock.advance(0.5)
    world.controller.tick()
    (beat,) = world.store.present(BEAT)
    assert beat.age_s == pytest.approx(0.5)
    world.clock.advance(0.5)
    world.controller.tick()
    (beat,) = world.store.present(BEAT)
    assert beat.age_s == 0
