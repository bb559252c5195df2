"""Processes that wait for the next model."""

from __future__ import annotations

from typing import Any, cast

import pytest

from seatrial.packaging.session import ModelSession
from seatrial.packaging.standby import For, Standby
from seatrial.serving.failures import EngineCrashed
from seatrial.serving.spawn import ChildLimits


class Session:
    """Stands for a child process."""

    def __init__(self) -> None:
        self.prepared: list[tuple[str, ...]] = []
        self.closed = self.dead = False

    def prepare(self, modules: Any) -> None:
        if self.dead:
            raise EngineCrashed("It was ended.", remedy="Start another.")
        self.prepared.append(tuple(modules))

    def __exit__(self, *_: object) -> None:
        self.closed = True


class Starter:
    def __init__(self) -> None:
        self.started: list[tuple[For, Session]] = []

    def __call__(self, kind: For) -> ModelSession:
        self.started.append((kind, Session()))
        return cast("ModelSession", self.started[-1][1])


@pytest.fixture
def starter() -> Starter:
    return Starter()


def test_one_of_each_kind_is_ready_and_used_once(starter: Starter) -> None:
    standby = Standby(ChildLimits(), start=starter)
    standby.refill()
    standby.refill()
    assert [kind for kind, _ in starter.started] == list(For)
    ready = starter.started[0][1]
    assert standby.session(For.MODEL) is cast("Any", ready)
    assert ready.prepared[0] == For.MODEL.value
    assert standby.session(For.MODEL) is not cast("Any", ready)


def test_one_that_was_ended_meanwhile_is_replaced(starter: Starter) -> None:
    standby = Standby(ChildLimits(), start=starter)
    standby.refill()
    dead = starter.started[0][1]
    dead.dead = True
    assert standby.session(For.MODEL) is not cast("Any", dead)
    assert dead.closed


def test_closing_ends_what_is_ready_and_nothing_more_is_kept(starter: Starter) -> None:
    standby = Standby(ChildLimits(), start=starter)
    standby.refill()
    standby.close()
    assert all(session.closed for _, session in starter.started)
    standby.refill()
    assert len(starter.started) == len(For)


def test_a_real_one_has_loaded_what_it_will_need() -> None:
    standby = Standby(ChildLimits())
    standby.refill()
    session = standby.session(For.GRAPH)
    try:
        session.prepare(("nothing.of.this.name",))  # as far as it is installed
    finally:
        session.__exit__(None, None, None)
        standby.close()
