"""Experiments over the wired path: split, counted, judged, ended; killed at every step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_world import DESIGN, World

from seatrial.experiments.lifecycle import Phase
from seatrial.kernel.errors import Unavailable
from seatrial.serving.outcome import ERROR, OK

USERS = [f"user-{i}" for i in range(4000)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.conductor.close()


def started(world: World, **changes: Any) -> None:
    world.desk.draft({**DESIGN, **changes}, by="ann")
    world.desk.start("offers", by="ann")
    world.serve()


def test_a_better_version_is_found_at_the_horizon_and_promoted(world: World) -> None:
    started(world, promote=True)
    met = world.ask(USERS)
    world.buy(met, {1: 0.10, 2: 0.14}, seed=1)
    world.tick()
    record = world.desk.view("offers")
    assert (record["phase"], record["outcome"], record["winner"]) == ("decided", "ship", "next")
    assert record["judgement"]["state"] == "at_horizon"
    counts = record["counts"]
    assert (counts["n_units"], counts["n_unexposed"]) == (4000, 0)
    assert 0 < counts["n_repeated"] < counts["n_outcomes"]
    assert (world.state.stable, world.state.trials) == (2, {})
    requests = [one["requests"]["n"] for one in record["variants"]]
    assert requests == [list(met.values()).count(version) for version in (1, 2)]


def test_without_promote_the_version_in_production_stays(world: World) -> None:
    started(world)
    world.buy(world.ask(USERS), {1: 0.10, 2: 0.14}, seed=1)
    world.tick()
    assert world.desk.view("offers")["outcome"] == "ship"
    assert (world.state.stable, world.state.trials) == (1, {})


def test_two_versions_alike_are_looked_at_every_hour_and_rarely_decided(world: World) -> None:
    started(world, horizon={"units": 4000, "days": 2})
    for hour in range(24):
        met = world.ask(USERS[hour * 100 : hour * 100 + 100])
        world.buy(met, {1: 0.1, 2: 0.1}, seed=hour)
        world.tick(after_s=3600)
        assert world.desk.view("offers")["phase"] == "running"
    record = world.desk.view("offers")
    assert record["judgement"]["n"] == 2400
    assert not record["judgement"]["split"]["mismatch"]


def test_a_guardrail_that_breaks_ends_it_at_once(world: World) -> None:
    guard = {"name": "bought", "kind": "share", "direction": "down", "margin": 0.05}
    started(world, primary={"name": "stays"}, guardrails=[guard], promote=True)
    world.buy(world.ask(USERS[:1500]), {1: 0.1, 2: 0.6}, seed=2)
    world.tick()
    record = world.desk.view("offers")
    assert (record["phase"], record["outcome"]) == ("decided", "do_not_ship")
    assert record["judgement"]["state"] == "running"
    assert world.state.stable == 1


def test_requests_that_break_a_gate_end_it(world: World) -> None:
    started(world, gates={"error_rate": 0.01})
    for user in USERS[:800]:
        pick = world.router.pick("m", user.encode())
        pick.observe(0.02, OK if pick.version == 1 else ERROR + "model")
    world.recorder.flush(world.store)
    world.tick()
    record = world.desk.view("offers")
    assert (record["phase"], record["outcome"]) == ("stopped", None)
    assert "next" in record["reason"]
    assert record["gates"]["next"]["outcome"] == "fail"
    assert world.state.trials == {}


def test_a_rollback_ends_the_experiment_with_the_reason(world: World) -> None:
    world.release(3, "staging")
    world.desk.draft({**DESIGN, "experiment": "before", "promote": True}, by="ann")
    world.desk.start("before", by="ann")
    world.serve()
    world.buy(world.ask(USERS), {1: 0.1, 2: 0.2}, seed=1, name="before")
    world.tick()
    assert world.state.stable == 2
    versions = {"today": 2, "next": 3}
    started(world, versions=versions)
    from seatrial.release.endpoint import roll_back

    world.endpoints.change("m", lambda state: roll_back(state, to=None, by="ann"))
    world.tick()
    record = world.desk.view("offers")
    assert (record["phase"], world.state.stable) == ("stopped", 1)
    assert "went back" in record["reason"]


def test_of_two_conductors_one_acts(world: World) -> None:
    started(world)
    other = world.new_conductor("second")
    world.tick()
    assert not other.tick()
    world.conductor.close()
    assert other.tick()
    other.close()


class _Dies:
    """A store that is killed before or after an append; the next one goes on over what is kept."""

    def __init__(self, world: World, *, at: int, kept: bool) -> None:
        self._append, self._left, self._kept = world.store.append, at, kept
        world.store.append = self  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._kept:
            raise Unavailable("Killed.", remedy="Start again.")
        found = self._append(*args, **kwargs)
        if self._left == 0:
            raise Unavailable("Killed.", remedy="Start again.")
        return found


@pytest.mark.parametrize("kept", [False, True], ids=["before the fact", "after the fact"])
@pytest.mark.parametrize("at", [1, 2])
def test_killed_at_any_fact_of_its_end_it_ends_the_same(
    world: World, at: int, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    started(world, promote=True)
    world.buy(world.ask(USERS), {1: 0.10, 2: 0.15}, seed=1)
    undisturbed = world.store.append
    _Dies(world, at=at, kept=kept)
    world.tick()
    world.store.append = undisturbed  # type: ignore[method-assign]
    world.conductor.close()
    world.conductor = world.new_conductor("again")
    world.tick()
    world.tick()
    assert (world.state.stable, world.state.trials) == (2, {})
    kinds = [fact.kind for fact in world.store.read()]
    assert kinds.count("experiment.decided") == kinds.count("endpoint.won") == 1


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("kept", [False, True], ids=["before the fact", "after the fact"])
def test_killed_at_any_fact_of_its_start_it_runs_or_is_still_a_draft(
    world: World, at: int, kept: bool
) -> None:
    world.desk.draft(DESIGN, by="ann")
    undisturbed = world.store.append
    _Dies(world, at=at, kept=kept)
    with pytest.raises(Unavailable):
        world.desk.start("offers", by="ann")
    world.store.append = undisturbed  # type: ignore[method-assign]
    world.tick()
    world.tick()
    phase = world.desk.view("offers")["phase"]
    assert (phase == Phase.RUNNING) is bool(world.state.trials)
    assert phase in (Phase.RUNNING, Phase.DRAFT)
    if at == 1 and not kept:
        assert phase == Phase.DRAFT


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("kept", [False, True], ids=["before the fact", "after the fact"])
def test_killed_while_it_is_widened_it_splits_what_was_written_down(
    world: World, at: int, kept: bool
) -> None:
    started(world, traffic=0.1)
    undisturbed = world.store.append
    _Dies(world, at=at, kept=kept)
    with pytest.raises(Unavailable):
        world.desk.widen("offers", 0.5, by="ann")
    world.store.append = undisturbed  # type: ignore[method-assign]
    world.tick()
    traffic = world.desk.view("offers")["traffic"]
    assert world.state.trials["offers"].traffic == traffic
    assert traffic == (0.1 if (at, kept) == (1, False) else 0.5)


def test_whoever_met_a_variant_meets_it_when_the_experiment_is_widened(world: World) -> None:
    started(world, traffic=0.2)
    before = world.state.trials["offers"]
    world.desk.widen("offers", 0.7, by="ann")
    after = world.state.trials["offers"]
    places = [(before.place(u.encode()), after.place(u.encode())) for u in USERS]
    assert all(old in (None, new) for old, new in places)
    assert sum(new is not None for _, new in places) > 2 * sum(old is not None for old, _ in places)


def test_outcomes_that_come_late_count_within_their_window(world: World) -> None:
    started(world, window="2h", horizon={"units": 4000, "days": 30})
    met = world.ask(USERS[:1000])
    world.tick(after_s=600)
    assert world.desk.view("offers")["judgement"]["n"] == 0  # nobody's window is over yet
    world.buy(met, {1: 0.2, 2: 0.2}, seed=3)
    world.tick(after_s=2 * 3600)
    judgement = world.desk.view("offers")["judgement"]
    assert judgement["n"] == 1000
    assert 0.15 < judgement["metrics"][0]["control"] < 0.25


def test_what_cannot_be_looked_at_is_told_and_stops_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    started(world)
    (world.folder / "offers.db").write_bytes(b"no database" * 100)
    world.tick()
    assert world.desk.view("offers")["problem"]
    assert world.desk.view("offers")["phase"] == "running"
    assert "stands still" in caplog.text
