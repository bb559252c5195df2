"""Experiments and releases of one endpoint: one at a time, and a way back always."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from seatrial.kernel.events import Draft, Fact
from seatrial.release.endpoint import EndpointState, check_free, roll_back, start
from seatrial.release.fold import fold
from seatrial.release.rollout import Plan, RolloutConflict, Staged, Step, decide
from seatrial.release.trial import Arm, Trial
from seatrial.release.trying import TrialConflict, enter, leave

PLAN = Plan(steps=(Step(share=0.5, watch_s=0.0),))


def become(state: EndpointState, drafts: Sequence[Draft]) -> EndpointState:
    facts = [
        Fact(
            seq=i,
            stream="endpoint/m",
            revision=i,
            kind=d.kind,
            schema=1,
            data=d.data,
            at=datetime(2026, 1, 1, tzinfo=UTC),
            by=d.by,
        )
        for i, d in enumerate(drafts, state.revision + 1)
    ]
    found = fold(state, facts)
    assert found.unreadable is None
    return found


def released(state: EndpointState, version: int, target: str) -> EndpointState:
    state = become(
        state, start(state, version=version, digest=f"d{version}", target=target, plan=PLAN)
    )
    assert state.rollout is not None
    return become(
        state, decide(state.rollout, Staged(passed=True, reason="fine"), stable=state.stable)
    )


def trial(name: str = "e", versions: Sequence[int] = (1, 2), **more: object) -> Trial:
    arms = tuple(Arm(name=f"a{i}", version=v, share=1.0) for i, v in enumerate(versions))
    return Trial(experiment=name, arms=arms, **more)  # type: ignore[arg-type]


@pytest.fixture
def ready() -> EndpointState:
    """Version 1 in production, version 2 tested."""
    return released(released(EndpointState(name="m"), 1, "production"), 2, "staging")


def test_an_experiment_splits_the_requests_until_it_leaves(ready: EndpointState) -> None:
    running = become(ready, enter(ready, trial(), by="ann"))
    assert running.split.trials == (trial(),)
    assert running.target.digests == {1: "d1", 2: "d2"}
    assert running.target_revision == running.revision
    assert enter(running, trial(), by="ann") == []
    ended = become(running, leave(running, "e", winner=None, by="ann"))
    assert (ended.split.trials, ended.stable) == ((), 1)
    assert leave(ended, "e", winner=2, by="ann") == []


def test_an_experiment_that_was_widened_splits_more(ready: EndpointState) -> None:
    running = become(ready, enter(ready, trial(traffic=0.1), by="ann"))
    wider = become(running, enter(running, trial(traffic=0.5), by="ann"))
    assert wider.split.trials == (trial(traffic=0.5),)
    assert wider.target_revision == wider.revision
    assert enter(wider, trial(traffic=0.1), by="ann") == []


def test_the_winner_gets_everything_and_a_rollback_leads_back(ready: EndpointState) -> None:
    running = become(ready, enter(ready, trial(), by="ann"))
    won = become(running, leave(running, "e", winner=2, by="judge"))
    assert (won.stable, won.former, won.split.trials) == (2, (1,), ())
    assert become(won, roll_back(won, to=None, by="ann")).stable == 1


def test_a_winner_ends_experiments_that_compared_with_the_version_before(
    ready: EndpointState,
) -> None:
    one = trial("one", group="g", end=0.5)
    both = become(ready, enter(ready, one, by="a"))
    both = become(both, enter(both, trial("two", group="g", start=0.5), by="a"))
    assert set(both.trials) == {"one", "two"}
    assert become(both, leave(both, "one", winner=2, by="judge")).trials == {}


def test_no_release_to_production_begins_beside_an_experiment_and_none_is_kept_from_staging(
    ready: EndpointState,
) -> None:
    running = become(ready, enter(ready, trial(), by="ann"))
    with pytest.raises(RolloutConflict, match="'e' splits") as refused:
        start(running, version=3, digest="d3", target="production", plan=PLAN)
    assert "seatrial experiment stop e" in refused.value.remedy
    check_free(running, target="staging")
    staged = released(running, 3, "staging")
    assert staged.split.trials == (trial(),)
    assert 3 in staged.tested


def test_no_experiment_begins_beside_a_release_to_production(ready: EndpointState) -> None:
    moving = become(ready, start(ready, version=3, digest="d3", target="production", plan=PLAN))
    with pytest.raises(TrialConflict, match="m-3"):
        enter(moving, trial(), by="ann")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (trial(versions=(2, 1)), "in production is version 1"),
        (trial(versions=(1, 7)), "has not passed"),
        (trial("other"), "already"),
        (trial("other", group="g", end=0.5), "already"),
    ],
)
def test_what_cannot_be_split_is_refused_with_the_reason(
    ready: EndpointState, asked: Trial, says: str
) -> None:
    running = become(ready, enter(ready, trial(), by="ann")) if says == "already" else ready
    with pytest.raises(TrialConflict, match=says):
        enter(running, asked, by="ann")


def test_going_back_ends_what_compares_with_the_version_that_is_left(ready: EndpointState) -> None:
    third = become(ready, enter(ready, trial(), by="a"))
    won = become(third, leave(third, "e", winner=2, by="judge"))
    again = become(won, enter(won, trial("again", versions=(2, 1)), by="a"))
    back = become(again, roll_back(again, to=None, by="ann"))
    assert (back.stable, back.trials) == (1, {})


def test_a_version_may_be_compared_with_itself(ready: EndpointState) -> None:
    running = become(ready, enter(ready, trial(versions=(1, 1)), by="ann"))
    assert running.target.digests == {1: "d1"}
