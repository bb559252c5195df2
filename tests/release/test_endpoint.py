"""Walks a release through every phase by folding what `decide` returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.events import Draft, Fact
from seatrial.release.endpoint import (
    EndpointState,
    NothingToRollBack,
    UnknownFact,
    ask,
    check_free,
    roll_back,
    start,
)
from seatrial.release.fold import fold
from seatrial.release.rollout import (
    Event,
    Looked,
    Phase,
    Plan,
    RolloutConflict,
    Staged,
    Step,
    Warmed,
    decide,
)
from seatrial.release.variant import Split
from seatrial.release.verdict import Outcome

PLAN = Plan(steps=(Step(share=0.05, watch_s=60), Step(share=0.5, watch_s=30)), extend_s=120)


@dataclass
class Endpoint:
    """An endpoint in memory: appends facts and folds them."""

    state: EndpointState = field(default_factory=lambda: EndpointState(name="churn"))
    kinds: list[str] = field(default_factory=list)

    def take(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            revision = self.state.revision + 1
            fact = Fact(
                seq=revision,
                stream="endpoint/churn",
                revision=revision,
                kind=draft.kind,
                schema=draft.schema,
                data=draft.data,
                at=datetime(2026, 1, 1, tzinfo=UTC),
                by=draft.by,
            )
            self.state = fold(self.state, [fact])
            self.kinds.append(draft.kind)

    def start(self, version: int, *, target: str = "production", plan: Plan = PLAN) -> None:
        self.take(
            start(self.state, version=version, digest=f"d{version}", target=target, plan=plan)
        )

    def meet(self, event: Event) -> None:
        assert self.state.rollout is not None
        self.take(decide(self.state.rollout, event, stable=self.state.stable))

    def deploy_first(self) -> None:
        self.start(1)
        self.meet(Staged(passed=True, reason="8 tests passed"))

    @property
    def phase(self) -> Phase:
        assert self.state.rollout is not None
        return self.state.rollout.phase


def look(outcome: Outcome, watched_s: float = 0, *, keep: bool = False) -> Looked:
    return Looked(
        outcome=outcome,
        reason=f"the gates say {outcome.value}",
        watched_s=watched_s,
        judgement={"outcome": outcome.value},
        worth_keeping=keep,
    )


@pytest.fixture
def on_trial() -> Endpoint:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    endpoint.meet(Staged(passed=True, reason="fine"))
    endpoint.meet(Warmed())
    return endpoint


def test_a_first_version_gets_all_traffic_after_staging_and_says_why() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    assert endpoint.phase is Phase.PROMOTED
    assert endpoint.state.split == Split(stable=1)
    assert endpoint.state.rollout is not None
    assert "no stable version to protect" in endpoint.state.rollout.reason


def test_nothing_is_served_before_staging_has_passed() -> None:
    endpoint = Endpoint()
    endpoint.start(1)
    assert endpoint.state.split.versions == ()


def test_a_version_for_staging_only_never_meets_traffic() -> None:
    endpoint = Endpoint()
    endpoint.start(1, target="staging")
    endpoint.meet(Staged(passed=True, reason="fine"))
    assert endpoint.phase is Phase.STAGED
    assert endpoint.state.split.versions == ()


def test_a_version_that_fails_staging_is_rejected_and_stable_stays() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    endpoint.meet(Staged(passed=False, reason="golden parity failed"))
    assert endpoint.phase is Phase.REJECTED
    assert endpoint.state.split == Split(stable=1)


def test_a_canary_is_loaded_everywhere_before_it_gets_its_share() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    endpoint.meet(Staged(passed=True, reason="fine"))
    warming = endpoint.state.split
    assert (warming.versions, warming.canary_share) == ((1, 2), 0.0)
    endpoint.meet(Warmed())
    assert endpoint.state.split.canary_share == 0.05


def test_a_canary_that_cannot_be_loaded_is_aborted() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    endpoint.meet(Staged(passed=True, reason="fine"))
    endpoint.meet(Warmed(problem="out of memory"))
    assert endpoint.phase is Phase.ABORTED
    assert endpoint.state.split == Split(stable=1)


def test_a_pass_before_the_watch_is_over_moves_nothing(on_trial: Endpoint) -> None:
    before = on_trial.state
    on_trial.meet(look(Outcome.PASS, 59))
    assert on_trial.state == before


def test_passing_every_step_promotes(on_trial: Endpoint) -> None:
    on_trial.meet(look(Outcome.PASS, 60))
    assert on_trial.state.split.canary_share == 0.5
    on_trial.meet(look(Outcome.PASS, 30))
    assert on_trial.phase is Phase.PROMOTED
    assert on_trial.state.split == Split(stable=2)
    assert on_trial.state.former == (1,)


def test_evidence_and_watch_begin_anew_with_each_step(on_trial: Endpoint) -> None:
    first = on_trial.state.rollout
    on_trial.meet(look(Outcome.PASS, 60))
    second = on_trial.state.rollout
    assert first is not None
    assert second is not None
    assert second.step_revision > first.step_revision
    assert second.step_revision == on_trial.state.target_revision
    assert second.watched_s == 0


@pytest.mark.parametrize("watched_s", [0, 59, 60, 1000])
def test_a_fail_aborts_at_any_time(on_trial: Endpoint, watched_s: float) -> None:
    on_trial.meet(look(Outcome.FAIL, watched_s))
    assert on_trial.phase is Phase.ABORTED
    assert on_trial.state.split == Split(stable=1)
    assert on_trial.kinds[-2:] == ["evidence.recorded", "release.aborted"]


def test_an_inconclusive_step_is_extended_once_and_then_held(on_trial: Endpoint) -> None:
    on_trial.meet(look(Outcome.INCONCLUSIVE, 59))
    assert on_trial.phase is Phase.CANARY
    on_trial.meet(look(Outcome.INCONCLUSIVE, 60))
    on_trial.meet(look(Outcome.INCONCLUSIVE, 61))
    assert on_trial.kinds.count("step.extended") == 1
    on_trial.meet(look(Outcome.INCONCLUSIVE, 180))
    assert on_trial.phase is Phase.HELD
    assert on_trial.state.split.canary_share == 0.05


def test_an_extended_step_goes_on_when_the_verdict_comes(on_trial: Endpoint) -> None:
    on_trial.meet(look(Outcome.INCONCLUSIVE, 60))
    on_trial.meet(look(Outcome.PASS, 100))
    assert on_trial.state.split.canary_share == 0.5


def test_a_held_release_waits_for_a_person_but_still_aborts_on_a_fail(on_trial: Endpoint) -> None:
    on_trial.meet(look(Outcome.INCONCLUSIVE, 180))
    on_trial.meet(look(Outcome.PASS, 500))
    assert on_trial.phase is Phase.HELD
    on_trial.meet(look(Outcome.FAIL, 501))
    assert on_trial.phase is Phase.ABORTED


def test_a_person_can_promote_or_abort_a_canary(on_trial: Endpoint) -> None:
    on_trial.take(ask(on_trial.state, "promote", by="ada"))
    assert on_trial.state.split == Split(stable=2)
    with pytest.raises(RolloutConflict, match="promoted already"):
        ask(on_trial.state, "abort", by="ada")


def test_nobody_can_promote_what_has_not_passed_staging() -> None:
    endpoint = Endpoint()
    endpoint.start(1)
    with pytest.raises(RolloutConflict, match="staging"):
        ask(endpoint.state, "promote", by="ada")


def test_only_one_release_at_a_time(on_trial: Endpoint) -> None:
    with pytest.raises(RolloutConflict, match="still canary"):
        start(on_trial.state, version=3, digest="d3", target="production", plan=PLAN)


def test_the_version_in_production_is_not_released_again() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    with pytest.raises(RolloutConflict, match="in production already"):
        start(endpoint.state, version=1, digest="d1", target="production", plan=PLAN)


def test_rolling_back_during_a_canary_ends_it_and_nothing_else(on_trial: Endpoint) -> None:
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    assert on_trial.phase is Phase.ABORTED
    assert on_trial.state.stable == 1


def test_rolling_back_returns_to_the_version_before_and_not_to_the_bad_one(
    on_trial: Endpoint,
) -> None:
    on_trial.take(ask(on_trial.state, "promote", by="ada"))
    on_trial.start(3)
    on_trial.meet(Staged(passed=True, reason="fine"))
    on_trial.meet(Warmed())
    on_trial.take(ask(on_trial.state, "promote", by="ada"))
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    assert on_trial.state.split == Split(stable=2)
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    assert on_trial.state.split == Split(stable=1)
    on_trial.take(roll_back(on_trial.state, to=3, by="ada"))
    assert on_trial.state.split == Split(stable=3)


def test_rolling_back_again_and_again_never_puts_a_version_back_that_was_left(
    on_trial: Endpoint,
) -> None:
    on_trial.take(ask(on_trial.state, "promote", by="ada"))
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    assert on_trial.state.split == Split(stable=1)
    with pytest.raises(NothingToRollBack, match="left: 2 was rolled back from") as refused:
        roll_back(on_trial.state, to=None, by="ada")
    assert "--to" in refused.value.remedy
    on_trial.take(roll_back(on_trial.state, to=2, by="ada"))
    assert on_trial.state.split == Split(stable=2)
    with pytest.raises(NothingToRollBack, match="left: 1 was"):
        roll_back(on_trial.state, to=None, by="ada")


def test_a_version_that_is_promoted_after_it_was_left_can_be_returned_to(
    on_trial: Endpoint,
) -> None:
    def promote(version: int) -> None:
        on_trial.start(version)
        on_trial.meet(Staged(passed=True, reason="fine"))
        on_trial.meet(Warmed())
        on_trial.take(ask(on_trial.state, "promote", by="ada"))

    on_trial.take(ask(on_trial.state, "promote", by="ada"))
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    promote(2)
    promote(3)
    on_trial.take(roll_back(on_trial.state, to=None, by="ada"))
    assert (on_trial.state.stable, on_trial.state.withdrawn) == (2, (3,))


def test_rolling_back_to_a_version_that_was_never_in_production_is_refused(
    on_trial: Endpoint,
) -> None:
    with pytest.raises(NothingToRollBack, match="never in production"):
        roll_back(on_trial.state, to=9, by="ada")


def test_there_is_nothing_behind_the_first_version() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    with pytest.raises(NothingToRollBack, match="no earlier version"):
        roll_back(endpoint.state, to=None, by="ada")


def test_nothing_is_decided_about_an_endpoint_with_a_fact_that_cannot_be_read() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    endpoint.take([Draft(kind="release.teleported")])
    for decision in (
        lambda s: ask(s, "promote", by="ada"),
        lambda s: ask(s, "abort", by="ada"),
        lambda s: roll_back(s, to=1, by="ada"),
        lambda s: start(s, version=3, digest="d", target="staging", plan=PLAN),
        check_free,
    ):
        with pytest.raises(UnknownFact, match="Upgrade") as refused:
            decision(endpoint.state)
        assert "release.teleported" in refused.value.problem


events = st.one_of(
    st.builds(Staged, passed=st.booleans(), reason=st.just("r")),
    st.builds(Warmed, problem=st.sampled_from(["", "cannot load"])),
    st.builds(
        look, st.sampled_from(Outcome), st.floats(min_value=0, max_value=400), keep=st.booleans()
    ),
)


@given(st.lists(events, max_size=25))
def test_whatever_happens_only_judged_versions_get_full_traffic(happened: list[Event]) -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    endpoint.start(2)
    passed_staging = False
    n_passes = 0
    for event in happened:
        if isinstance(event, Staged) and endpoint.phase is Phase.STAGING:
            passed_staging = event.passed
        step = endpoint.state.rollout.step if endpoint.state.rollout else -1
        endpoint.meet(event)
        moved = endpoint.state.rollout is not None and endpoint.state.rollout.step != step
        promoted = endpoint.state.stable == 2
        if isinstance(event, Looked) and event.outcome is Outcome.PASS and (moved or promoted):
            n_passes += 1
        split = endpoint.state.split
        assert split.stable in (1, 2)
        if promoted:
            assert passed_staging
            assert endpoint.kinds.count("release.promoted") == 2
            assert n_passes >= len(PLAN.steps)
            break
        assert (split.canary_share > 0) == (endpoint.phase in (Phase.CANARY, Phase.HELD))


def test_two_steps_with_the_same_share_are_counted_apart() -> None:
    endpoint = Endpoint()
    endpoint.deploy_first()
    twice = Plan(steps=(Step(share=0.05, watch_s=60), Step(share=0.05, watch_s=60)))
    endpoint.start(2, plan=twice)
    endpoint.meet(Staged(passed=True, reason="fine"))
    endpoint.meet(Warmed())
    endpoint.meet(look(Outcome.PASS, 60))
    assert endpoint.state.rollout is not None
    assert endpoint.state.rollout.step == 1
    assert endpoint.state.target_revision == endpoint.state.rollout.step_revision


def test_the_versions_of_an_endpoint_are_of_one_kind() -> None:
    endpoint = Endpoint()
    endpoint.take(
        start(endpoint.state, version=1, digest="d", target="production", plan=PLAN, kind="prompt")
    )
    endpoint.meet(Staged(passed=True, reason="fine"))
    assert (endpoint.state.kind, endpoint.state.target.kind) == ("prompt", "prompt")
    check_free(endpoint.state, kind="prompt")
    with pytest.raises(RolloutConflict, match="of the kind prompt, not model"):
        endpoint.start(2)


def test_a_release_that_does_not_say_is_of_a_model() -> None:
    endpoint = Endpoint()
    (begun,) = start(endpoint.state, version=1, digest="d", target="production", plan=PLAN)
    older = {name: value for name, value in begun.data.items() if name != "kind"}
    endpoint.take([Draft(kind=begun.kind, data=older)])
    assert endpoint.state.kind == "model"
    assert endpoint.state.unreadable is None


def test_a_kind_that_is_no_word_stops_the_endpoint() -> None:
    endpoint = Endpoint()
    (begun,) = start(endpoint.state, version=1, digest="d", target="production", plan=PLAN)
    endpoint.take([Draft(kind=begun.kind, data={**begun.data, "kind": 3})])
    assert endpoint.state.unreadable is not None
