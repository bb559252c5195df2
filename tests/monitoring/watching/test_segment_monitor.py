"""What is opened of versions, what is said of them, and when it is let go."""

from __future__ import annotations

import logging

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.watching.segment_monitor import Lacking, SegmentMonitor, segment_records
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore


class Opened:
    """Opens versions that lack a reference; remembers what is open."""

    def __init__(self) -> None:
        self.open: list[int] = []
        self.broken: set[int] = set()

    def __call__(self, endpoint: str, version: int) -> Lacking:
        if version in self.broken:
            raise Invalid("The bundle is damaged.", remedy="Deploy again.")
        self.open.append(version)
        return Lacking(en="Deploy with --segments town.", zh="请重新部署。")

    def close(self, endpoint: str, version: int) -> None:
        if version in self.open:
            self.open.remove(version)


class World:
    def __init__(self) -> None:
        self.store, self.clock, self.opened = MemoryStore(), FakeClock(), Opened()
        troubles = Troubles(logging.getLogger(__name__), self.clock)
        self.monitor = SegmentMonitor(
            self.store, clock=self.clock, opened=self.opened, troubles=troubles
        )

    def turn(self, *versions: int, after_s: float = 6) -> None:
        self.clock.advance(after_s)
        self.monitor.turn({"churn": versions}, lambda finding: None)


@pytest.fixture
def world() -> World:
    return World()


def test_each_version_is_opened_once_and_said(world: World) -> None:
    for _ in range(3):
        world.turn(1, 2)
    assert world.opened.open == [1, 2]
    assert set(segment_records(world.store, "churn")) == {"1", "2"}


def test_a_version_that_serves_no_more_is_let_go_and_opened_again_when_it_returns(
    world: World,
) -> None:
    world.turn(1, 2)
    world.turn(2, after_s=700)
    assert world.opened.open == [2]
    world.turn(1, 2)
    assert world.opened.open == [2, 1]


def test_what_cannot_be_opened_is_tried_again_and_others_go_on(world: World) -> None:
    world.opened.broken = {1}
    world.turn(1, 2)
    world.turn(1, 2)
    assert world.opened.open == [2]
    world.opened.broken = set()
    world.turn(1, 2, after_s=700)
    assert world.opened.open == [2, 1]
