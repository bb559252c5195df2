"""Couriers: nothing is lost, nobody waits for another."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.store import StoreFull, StoreUnavailable
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Courier, Couriers
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.notify import Notification, Receipt
from seatrial.monitoring.alerts.outbox import Backoff
from seatrial.monitoring.alerts.routing import Policy
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.notifier_suite import sample_alert
from seatrial.testing.recording_notifier import RecordingNotifier

POLICY = Policy(sink="ops", wait_s=0, interval_s=60, repeat_s=3600)
BACKOFF = Backoff(first_s=10, longest_s=100)


def courier(store, notifier, clock, policy=POLICY, **more) -> Courier:
    return Courier(
        store, notifier, policy, clock=clock, chance=lambda: 0.5, backoff=BACKOFF, **more
    )


def alerts_at(clock: FakeClock, n: int = 1) -> list[Alert]:
    now = clock.now()
    return [replace(sample_alert(feature=f"f{i}"), fired_at=now, severity_at=now) for i in range(n)]


def test_news_is_queued_sent_and_noted():
    clock, sink = FakeClock(), RecordingNotifier()
    store = MemoryStore(clock)
    one = courier(store, sink, clock)
    one.offer(alerts_at(clock))
    assert one.deliver() == 1
    assert [fact.kind for fact in store.read()] == [
        "notification.queued",
        "notification.delivered",
    ]
    one.offer(alerts_at(clock))
    assert not one.outbox.waiting


def test_a_process_killed_after_it_queued_is_followed_by_one_that_sends():
    clock, sink = FakeClock(), RecordingNotifier()
    store = MemoryStore(clock)
    courier(store, RecordingNotifier(), clock).offer(alerts_at(clock))
    later = courier(store, sink, clock)
    later.offer(alerts_at(clock))
    assert later.deliver() == 1
    assert len(sink.taken) == 1


def test_a_process_killed_before_it_noted_sends_again_under_the_same_id():
    clock, sink = FakeClock(), RecordingNotifier()
    store = MemoryStore(clock)
    first = courier(store, sink, clock)
    first.offer(alerts_at(clock))
    sink.send(next(iter(first.outbox.waiting.values())))  # and then it was killed
    courier(store, sink, clock).deliver()
    assert len({one.id for one in sink.taken}) == 1
    assert len(sink.taken) == 2


def test_a_sink_that_is_down_is_tried_again_when_its_wait_is_over():
    clock, sink = FakeClock(), RecordingNotifier(fails=lambda attempt: attempt < 3)
    one = courier(MemoryStore(clock), sink, clock)
    one.offer(alerts_at(clock))
    for wait_s, n_attempts in [(0, 1), (4, 1), (1, 2), (9, 2), (1, 3), (20, 4)]:
        clock.advance(wait_s)
        one.deliver()
        assert sink.n_attempts == n_attempts
    assert len(sink.taken) == 1
    assert one.outbox.problem == ""


def test_a_fault_of_the_notifier_itself_is_a_sink_that_is_down():
    class Broken:
        def send(self, notification: Notification) -> Receipt:
            raise RuntimeError("https://hooks.example.com/secret")

    clock = FakeClock()
    store = MemoryStore(clock)
    one = courier(store, Broken(), clock)
    one.offer(alerts_at(clock))
    assert one.deliver() == 0
    assert one.outbox.problem == "RuntimeError in the notifier"
    assert len(one.outbox.waiting) == 1


def test_a_refused_message_does_not_stop_the_others():
    clock, sink = FakeClock(), RecordingNotifier()
    one = courier(MemoryStore(clock), sink, clock, replace(POLICY, group_by=("feature",)))
    one.offer(alerts_at(clock, 3))
    sink.refuses = True
    assert one.deliver() == 0
    sink.refuses = False
    assert one.deliver() == 2
    assert (one.outbox.n_refused, len(one.outbox.waiting)) == (1, 0)


def test_what_finds_no_room_in_a_full_backlog_is_told_later():
    clock, sink = FakeClock(), RecordingNotifier(fails=lambda attempt: attempt == 0)
    policy = replace(POLICY, group_by=("feature",))
    one = courier(MemoryStore(clock), sink, clock, policy, limit=2)
    alerts = alerts_at(clock, 5)
    one.offer(alerts)
    assert len(one.outbox.waiting) == 2
    for _ in range(10):
        clock.advance(100)
        one.deliver()
        one.offer(alerts)
    assert {a.key for n in sink.taken for a in n.alerts} == {a.key for a in alerts}


def test_two_processes_queue_the_same_news_once():
    clock = FakeClock()
    store = MemoryStore(clock)
    one, other = (courier(store, RecordingNotifier(), clock) for _ in range(2))
    alerts = alerts_at(clock)
    one.offer(alerts)
    other.offer(alerts)
    assert [fact.kind for fact in store.read()] == ["notification.queued"]


class Stuck:
    """A sink that answers only when it is told to."""

    def __init__(self) -> None:
        self.called, self.answer = threading.Event(), threading.Event()

    def send(self, notification: Notification) -> Receipt:
        self.called.set()
        assert self.answer.wait(10)
        return Receipt()


def test_a_sink_that_hangs_blocks_no_other_and_is_not_called_twice():
    clock = FakeClock()
    store = MemoryStore(clock)
    stuck, quick = Stuck(), RecordingNotifier()
    couriers = Couriers(
        [
            courier(store, stuck, clock, replace(POLICY, sink="stuck")),
            courier(store, quick, clock, replace(POLICY, sink="quick")),
        ]
    )
    couriers.tick(alerts_at(clock))
    assert stuck.called.wait(10)
    assert not couriers.settle(0.01)
    for _ in range(1000):
        if quick.taken and not couriers.outboxes()["quick"].waiting:
            break
        threading.Event().wait(0.005)
    assert len(quick.taken) == 1
    stuck.called.clear()
    couriers.tick(alerts_at(clock))
    assert not stuck.called.is_set()
    stuck.answer.set()
    assert couriers.settle(10)
    couriers.close()
    assert couriers.outboxes()["stuck"].n_delivered == 1


def test_a_store_that_does_not_answer_makes_a_tick_do_nothing():
    clock, sink = FakeClock(), RecordingNotifier()
    store = MemoryStore(clock)
    couriers = Couriers([courier(store, sink, clock)])
    store.close()
    couriers.tick(alerts_at(clock))
    couriers.close()
    assert sink.taken == []


def test_a_full_disk_does_not_make_a_sink_hear_the_same_every_tick():
    class Full(MemoryStore):
        full = False

        def append(self, stream, drafts, *, expected):
            if self.full:
                raise StoreFull("The disk is full.", remedy="Make room.")
            return super().append(stream, drafts, expected=expected)

    clock, sink = FakeClock(), RecordingNotifier()
    store = Full(clock)
    one = courier(store, sink, clock)
    one.offer(alerts_at(clock))
    store.full = True
    with pytest.raises(StoreFull):
        one.deliver()
    for _ in range(10):
        clock.advance(5)
        assert one.deliver() == 0
    assert len(sink.taken) == 1
    store.full = False
    clock.advance(BACKOFF.longest_s)
    assert one.deliver() == 1
    assert len({n.id for n in sink.taken}) == 1


def test_a_closed_store_is_told_to_who_asks_one_courier():
    clock = FakeClock()
    store = MemoryStore(clock)
    one = courier(store, RecordingNotifier(), clock)
    store.close()
    with pytest.raises(StoreUnavailable):
        one.offer([])


class Killed(BaseException):
    """The process dies."""


FEATURES = ("income", "age")
ticks = st.lists(
    st.tuples(
        st.integers(0, 90),  # seconds since the tick before
        st.dictionaries(st.sampled_from(FEATURES), st.sampled_from(list(Level)), max_size=2),
        st.sampled_from(["works", "fails", "fails", "killed before", "killed after"]),
        st.booleans(),  # a new process from here on
    ),
    max_size=40,
)


class World:
    """A monitor over one store, whose process and sink can be broken at any time."""

    def __init__(self, limit: int) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.taken: list[Notification] = []
        self.mood = "works"
        self.limit = limit
        self.restart()

    def restart(self) -> None:
        self.book = AlertBook(self.store, timing=lambda _: Timing(for_s=0, keep_s=30))
        self.courier = courier(self.store, self, self.clock, limit=self.limit)

    def send(self, notification: Notification) -> Receipt:
        if self.mood == "killed before":
            raise Killed
        if self.mood == "fails":
            raise OSError
        self.taken.append(notification)
        if self.mood == "killed after":
            raise Killed
        return Receipt()

    def tick(self, findings: dict[str, Level]) -> None:
        labels = {n: Labels(endpoint="churn", kind="input_drift", feature=n) for n in findings}
        looks = [Finding(labels=labels[name], level=level) for name, level in findings.items()]
        self.book.refresh()
        self.book.observe(looks, now=self.clock.now())
        self.courier.offer(self.book.alerts())
        self.courier.deliver()

    def queued(self) -> set[tuple[str, int]]:
        return {
            (alert["key"], alert["episode"])
            for fact in self.store.read(stream="notify/ops", limit=10_000)
            if fact.kind == "notification.queued"
            for alert in fact.data["alerts"]
        }


@settings(max_examples=150, deadline=None)
@given(ticks=ticks, limit=st.integers(1, 3))
def test_no_pattern_of_failures_and_restarts_loses_an_alert(ticks, limit):
    """Once the sink works, it has been told every episode that was queued and how things are."""
    world = World(limit)
    for wait_s, findings, mood, restarts in ticks:
        world.clock.advance(wait_s)
        world.mood = mood
        if restarts:
            world.restart()
        try:
            world.tick(findings)
        except Killed:
            world.restart()
    world.mood = "works"
    world.clock.advance(BACKOFF.longest_s)
    world.courier.deliver()
    assert world.queued() == {(a.key, a.episode) for n in world.taken for a in n.alerts}
    for _ in range(8):
        world.clock.advance(max(BACKOFF.longest_s, POLICY.interval_s))
        world.tick({})

    told = {(a.key, a.episode): a.told_as for n in world.taken for a in n.alerts}
    assert world.queued() == set(told)
    assert world.courier.outbox.waiting == {}
    for alert in world.book.alerts():
        if alert.told_as is not Phase.QUIET:
            assert told[alert.key, alert.episode] is alert.told_as
