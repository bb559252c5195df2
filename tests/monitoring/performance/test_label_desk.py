"""Labels handed in, counted and planned, beside a monitor that takes them in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from served_models import WINDOW_ROWS, Opened, drawn

from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.audit import BadAudit, lot
from seatrial.monitoring.performance.inbox import Purpose
from seatrial.monitoring.performance.label_desk import (
    MAX_LABELS,
    LabelDesk,
    NothingLogged,
    TooManyLabels,
)
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.scored import BadLabels
from seatrial.release.endpoint import start
from seatrial.release.projection import Endpoints, UnknownEndpoint
from seatrial.release.rollout import Plan, Step
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_pending import MemoryPending
from seatrial.testing.memory_store import MemoryStore


class Files(Opened):
    """See `label_desk.Kept`."""

    @contextmanager
    def reading(self, endpoint: str, version: int) -> Iterator[MemoryPending]:
        yield self.ledgers[version]

    @contextmanager
    def writing(self, endpoint: str) -> Iterator[Any]:
        yield self.box


class World:
    def __init__(self) -> None:
        self.store, self.clock, self.files = MemoryStore(), FakeClock(), Files()
        plan = Plan(steps=(Step(share=0.05, watch_s=60.0),))

        def begun(state: Any) -> list[Draft]:
            return start(
                state, version=1, digest="d" * 64, plan=plan, target="production", by="test"
            )

        Endpoints(self.store).change("churn", begun)
        self.desk = LabelDesk(self.store, self.files, now=lambda: datetime(2025, 6, 15, tzinfo=UTC))
        self.monitor = PerformanceMonitor(
            self.store,
            clock=self.clock,
            opened=self.files,
            wait_s=1e9,
            troubles=Troubles(logging.getLogger("seatrial"), self.clock),
        )

    def turn(self) -> None:
        self.clock.advance(2)
        self.monitor.turn({"churn": [1]}, lambda *_: None)


@pytest.fixture
def world() -> World:
    return World()


def test_labels_are_counted_by_what_is_known_of_their_predictions(world: World) -> None:
    world.files.log.append(drawn(1, 100))
    world.turn()
    said = world.desk.add(
        "churn", [("r1", "yes"), ("r1/0", "no"), ("r2", ""), ("x1", "yes"), ("r3", "maybe")]
    )
    assert said == {
        "endpoint": "churn",
        "n": 5,
        "n_known": 3,
        "n_unknown": 1,
        "unknown": ["x1"],
        "n_empty": 1,
        "n_unexpected": 1,
        "unexpected": ["maybe"],
    }
    world.turn()
    assert world.files.ledgers[1].find(["r1"]).label.tolist() == [0.0]  # the later one
    assert np.isnan(world.files.ledgers[1].find(["r2"]).label).all()
    assert world.desk.status("churn")["n_waiting"] == 1
    assert world.desk.status("churn")["n_unknown"] == 0
    world.files.box.drop_before(10**18)
    assert world.desk.status("churn")["n_unknown"] == 1
    assert world.desk.status("churn")["versions"]["1"]["n_labelled"] == 2


def test_labels_are_taken_before_any_version_is_watched(world: World) -> None:
    assert world.desk.add("churn", [("r1", "yes")])["n_unknown"] == 1
    assert world.desk.status("churn")["versions"] == {}


def test_what_cannot_be_a_label_is_refused_whole(world: World) -> None:
    with pytest.raises(UnknownEndpoint):
        world.desk.add("nowhere", [("r1", "yes")])
    with pytest.raises(BadLabels) as caught:
        world.desk.add("churn", [("r1", "yes"), ("", "no")])
    assert caught.value.facts["row"] == 1
    with pytest.raises(BadLabels):
        world.desk.add("churn", [("x" * 301, "yes")])
    with pytest.raises(TooManyLabels):
        world.desk.add("churn", [("r1", "yes")] * (MAX_LABELS + 1))
    assert world.files.box.n() == 0


def test_a_plan_is_of_the_newest_complete_window_and_by_hash_alone(world: World) -> None:
    world.files.log.append(drawn(1, 2 * WINDOW_ROWS + 100))
    world.turn()
    planned = world.desk.plan("churn", 40)
    assert (planned.version, planned.window, planned.n) == (1, 1, WINDOW_ROWS)
    window = [f"r{i}" for i in range(WINDOW_ROWS, 2 * WINDOW_ROWS)]
    assert sorted(planned.rows.ids) == sorted(sorted(window, key=lot)[:40])
    assert set(planned.rows.ids) <= set(world.desk.plan("churn", 60).rows.ids)
    assert (np.diff(planned.rows.at_us) > 0).all()


def test_a_plan_says_what_it_buys(world: World) -> None:
    world.files.log.append(drawn(1, WINDOW_ROWS))
    world.turn()
    few, many = (world.desk.plan("churn", n).offer for n in (25, 400))
    assert few["half_width"] == pytest.approx(4 * many["half_width"])
    assert few["seen_within"][-1] <= many["seen_within"][-1]
    assert "labels a window find a drop of 5 points" in many["reason"]


def test_as_many_are_planned_as_bring_the_interval_that_is_wanted(world: World) -> None:
    world.files.log.append(drawn(1, WINDOW_ROWS))
    world.turn()
    wide, narrow = (world.desk.plan("churn", within=width).offer for width in (0.1, 0.05))
    assert wide["half_width"] <= 0.1 < 1.05 * wide["half_width"]
    assert narrow["half_width"] <= 0.05
    assert narrow["n"] == pytest.approx(4 * wide["n"], abs=4)
    with pytest.raises(BadAudit, match="half-width"):
        world.desk.plan("churn", within=0.0)


def test_labels_of_planned_predictions_count_as_audited_those_there_before_too(
    world: World,
) -> None:
    rows = drawn(1, WINDOW_ROWS)
    world.files.log.append(rows)
    world.turn()
    truth = dict(zip(*rows.pairs(), strict=True))
    ids = sorted(truth, key=lot)
    world.desk.add("churn", [(key, truth[key]) for key in ids[:10]])
    world.turn()
    planned = world.desk.plan("churn", 40)
    assert (len(planned.rows), planned.n_labelled) == (30, 10)
    assert {e.purpose for _, e in world.files.box.read()} == {Purpose.AUDIT}
    world.desk.add("churn", [(key, truth[key]) for key in planned.rows.ids])
    world.turn()
    (version,) = (e.performance for e in [world.monitor._endpoints["churn"]._versions[1]] if e)
    assert sum(step.audited.n for step in version.state.fusion.steps) == 40
    assert version.estimated().trust.windows_ago == pytest.approx(0.0, abs=1.0)


def test_nothing_is_planned_where_nothing_was_logged(world: World) -> None:
    with pytest.raises(NothingLogged, match="churn"):
        world.desk.plan("churn", 50)
    world.turn()  # the version is watched, and no request came
    with pytest.raises(NothingLogged):
        world.desk.plan("churn", 50)
    with pytest.raises(NothingLogged):
        world.desk.plan("churn", 50, version=7)
    with pytest.raises(BadAudit):
        world.desk.plan("churn", 0)
