"""Where experiments are run: what is asked for is done, or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from live_world import DESIGN, World

from seatrial.experiments.assignment import SlotsTaken
from seatrial.experiments.entries import BadOutcomes
from seatrial.experiments.lifecycle import ExperimentConflict
from seatrial.experiments.live_design import NotStartable
from seatrial.experiments.registry import UnknownExperiment
from seatrial.kernel.config import ConfigInvalid
from seatrial.release.projection import UnknownEndpoint
from seatrial.release.trying import TrialConflict


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def draft(world: World, **changes: Any) -> str:
    name: str = world.desk.draft({**DESIGN, **changes}, by="ann")["experiment"]
    return name


def test_a_draft_is_started_once_and_stopped_once(world: World) -> None:
    name = draft(world)
    assert world.desk.start(name, by="ann")["phase"] == "running"
    for again in (lambda: world.desk.start(name, by="ann"), lambda: draft(world, alpha=0.1)):
        with pytest.raises(ExperimentConflict, match="running"):
            again()
    assert world.desk.stop(name, by="ann")["reason"] == "stopped by a person"
    for late in (world.desk.stop, world.desk.start):
        with pytest.raises(ExperimentConflict, match="stopped"):
            late(name, by="ann")
    with pytest.raises(ExperimentConflict, match="takes no outcomes"):
        world.desk.add(name, [])


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"endpoint": None}, NotStartable),
        ({"versions": {}}, NotStartable),
        ({"experiment": "../up"}, NotStartable),
        ({"experiment": "a b"}, NotStartable),
        ({"secondary": [{"name": "x", "covariate": "bought"}]}, NotStartable),
        ({"versions": {"today": 1}}, ConfigInvalid),
        ({"versions": {"today": 0, "next": 2}}, ConfigInvalid),
        ({"primary": {"name": "x", "effect": "-5%"}}, ConfigInvalid),
        ({"colour": "red"}, ConfigInvalid),
    ],
)
def test_a_design_that_cannot_run_is_not_written_down(
    world: World, changes: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        draft(world, **changes)
    assert world.desk.all() == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"endpoint": "other"}, UnknownEndpoint),
        ({"versions": {"today": 2, "next": 1}}, TrialConflict),
        ({"versions": {"today": 1, "next": 9}}, TrialConflict),
    ],
)
def test_what_the_endpoint_cannot_do_leaves_the_draft_a_draft(
    world: World, changes: dict[str, Any], kind: type[Exception]
) -> None:
    name = draft(world, **changes)
    with pytest.raises(kind):
        world.desk.start(name, by="ann")
    assert world.desk.view(name)["phase"] == "draft"


def test_two_experiments_of_a_group_never_share_a_user_on_whatever_endpoints(world: World) -> None:
    for version, target in ((1, "production"), (2, "staging")):
        world.release(version, target, name="other")
    first = draft(world, slots={"group": "g", "start": 0, "end": 0.6})
    world.desk.start(first, by="ann")
    over = {"experiment": "second", "endpoint": "other"}
    second = draft(world, **over, slots={"group": "g", "start": 0.5, "end": 1})
    with pytest.raises(SlotsTaken, match="to 0"):
        world.desk.start(second, by="ann")
    draft(world, **over, slots={"group": "g", "start": 0.6, "end": 1})
    world.desk.start(second, by="ann")
    world.endpoints.refresh()
    trials = [world.endpoints.get(name).trials[e] for name, e in (("m", first), ("other", second))]
    both = [f"u{i}".encode() for i in range(2000)]
    assert not any(all(t.place(key) is not None for t in trials) for key in both)
    world.desk.stop(first, by="ann")
    third = draft(world, experiment="third", slots={"group": "g", "start": 0, "end": 0.6})
    world.desk.start(third, by="ann")  # the place is free again


def test_what_nobody_wrote_down_is_unknown(world: World) -> None:
    for ask in (
        world.desk.view,
        lambda n: world.desk.add(n, []),
        lambda n: world.desk.stop(n, by="x"),
    ):
        with pytest.raises(UnknownExperiment, match="none"):
            ask("none")


def test_a_batch_with_one_bad_row_is_not_taken(world: World) -> None:
    name = draft(world)
    world.desk.start(name, by="ann")
    good = {"user": "u", "metric": "bought", "value": 1, "id": "o"}
    with pytest.raises(BadOutcomes):
        world.desk.add(name, [good, good | {"value": float("nan")}])
    assert world.store.read_slices(f"experiment/{name}", kind="outcomes") == []
    assert world.desk.add(name, [good])["n"] == 1
