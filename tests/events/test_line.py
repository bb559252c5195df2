"""A direction that is kept going."""

import logging

import pytest

from seatrial.events.broker import BrokerUnavailable
from seatrial.events.line import Line
from seatrial.monitoring.alerts.outbox import Backoff
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore


class Direction:
    def __init__(self):
        self.n_steps = self.n_closed = 0
        self.answers = []

    def step(self):
        self.n_steps += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.n_closed += 1


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return MemoryStore(clock)


def line(store, clock, direction, holder="a"):
    backoff = Backoff(first_s=2.0, longest_s=30.0)
    return Line(
        "events/out",
        direction,
        store,
        holder=holder,
        clock=clock,
        chance=lambda: 1.0,
        backoff=backoff,
    )


def down():
    return BrokerUnavailable("It is down.", remedy="Wait.")


def test_it_goes_on_at_once_while_there_is_something(store, clock):
    direction = Direction()
    direction.answers = [5, 0]
    one = line(store, clock, direction)
    assert one.tick() == 0.0
    assert one.tick() > 0
    assert one.standing.here


def test_only_one_process_moves_and_another_takes_over(store, clock):
    mine, theirs = Direction(), Direction()
    one, other = line(store, clock, mine), line(store, clock, theirs, holder="b")
    one.tick()
    other.tick()
    assert (mine.n_steps, theirs.n_steps) == (1, 0)
    assert not other.standing.here
    one.close()
    other.tick()
    assert theirs.n_steps == 1


def test_a_process_that_was_killed_is_replaced_when_its_lease_ends(store, clock):
    theirs = Direction()
    line(store, clock, Direction()).tick()
    other = line(store, clock, theirs, holder="b")
    other.tick()
    clock.advance(31)
    other.tick()
    assert theirs.n_steps == 1


def test_after_failures_it_waits_longer_each_time_and_says_it_once(store, clock, caplog):
    direction = Direction()
    direction.answers = [down(), down(), down(), 1]
    one = line(store, clock, direction)
    waits = []
    with caplog.at_level(logging.WARNING):
        for n in range(1, 4):
            one.tick()
            assert (direction.n_steps, direction.n_closed) == (n, n)
            before = clock.monotonic()
            while direction.n_steps == n:
                clock.advance(0.1)
                if clock.monotonic() - before > [2.2, 4.2, 8.2][n - 1]:
                    break
                one.tick()
            waits.append(clock.monotonic() - before)
    assert waits[0] < waits[1] < waits[2]
    assert len([r for r in caplog.records if "stands still" in r.message]) == 1


def test_it_says_since_when_and_why(store, clock):
    direction = Direction()
    direction.answers = [down()]
    one = line(store, clock, direction)
    one.tick()
    assert (one.standing.problem, one.standing.code) == (
        "It is down. Wait.",
        "events.broker_unavailable",
    )
    assert one.standing.since == clock.now()
    clock.advance(10)
    one.tick()
    assert one.standing.problem == ""


def test_a_mistake_of_ours_is_survived(store, clock, caplog):
    direction = Direction()
    direction.answers = [ZeroDivisionError()]
    one = line(store, clock, direction)
    with caplog.at_level(logging.CRITICAL):
        one.tick()
    assert "ZeroDivisionError" in one.standing.problem
    clock.advance(10)
    one.tick()
    assert one.standing.problem == ""


def test_the_lease_is_kept_while_it_runs(store, clock):
    direction = Direction()
    one = line(store, clock, direction)
    for _ in range(100):
        one.tick()
        clock.advance(1.0)
        assert store.acquire("events/out", "b", ttl_s=5) is None
