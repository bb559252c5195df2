"""From findings to messages."""

from datetime import timedelta

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Courier, Couriers
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.routing import Policy
from seatrial.monitoring.alerts.silence import Matcher, Silence
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.recording_notifier import RecordingNotifier


class Watch:
    """A monitor with one sink, on a clock that moves when told."""

    def __init__(self, **given) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.sink = RecordingNotifier()
        self.given = given
        self.start()

    def start(self) -> None:
        self.book = AlertBook(self.store, timing=lambda _: Timing(for_s=60, keep_s=300))
        policy = Policy(sink="ops", wait_s=0, interval_s=60)
        courier = Courier(self.store, self.sink, policy, clock=self.clock, chance=lambda: 0.5)
        self.couriers = Couriers([courier])
        self.alarms = Alarms(self.book, self.couriers, clock=self.clock, **self.given)

    def tick(self, *findings: Finding, after_s: float = 60, **given) -> list[str]:
        """What the sink got: severity and state of each message."""
        self.clock.advance(after_s)
        n = len(self.sink.taken)
        self.alarms.tick(findings, **given)
        assert self.couriers.settle(10)
        return [
            f"{one.severity.value} {'firing' if one.firing else 'resolved'}"
            for one in self.sink.taken[n:]
        ]


def found(level: Level, *, version: int = 1) -> Finding:
    labels = Labels(endpoint="churn", kind="input_drift", feature="income", version=version)
    return Finding(labels=labels, level=level)


def test_the_life_of_an_alert_as_people_hear_of_it():
    watch = Watch()
    told = [
        watch.tick(found(level))
        for level in [Level.WARNING] * 3 + [Level.CRITICAL] + [Level.CLEAR] * 7
    ]
    assert [words for one in told for words in one] == [
        "warning firing",
        "critical firing",
        "critical resolved",
    ]
    assert told[1] == ["warning firing"]
    assert told[3] == ["critical firing"]


def test_a_restart_in_the_middle_changes_nothing():
    watch = Watch()
    told = []
    for level in [Level.WARNING] * 3 + [Level.CLEAR] * 8:
        told += watch.tick(found(level))
        watch.start()
    assert told == ["warning firing", "warning resolved"]


def test_a_database_closed_and_opened_again_goes_on(tmp_path):
    watch = Watch()
    told = []
    for level in [Level.WARNING] * 3 + [Level.CLEAR] * 8:
        watch.store = SqliteStore(tmp_path / "store.db", clock=watch.clock)
        watch.start()
        told += watch.tick(found(level))
        watch.couriers.close()
        watch.store.close()
    assert told == ["warning firing", "warning resolved"]


def test_repeats_come_without_new_findings():
    watch = Watch()
    watch.tick(found(Level.WARNING))
    assert watch.tick(found(Level.WARNING)) == ["warning firing"]
    assert watch.tick(after_s=4 * 3600 - 1) == []
    assert watch.tick(after_s=1) == ["warning firing"]


def test_a_release_under_way_hides_its_own_alerts_until_it_is_over():
    watch = Watch()
    canary = found(Level.CRITICAL, version=2)
    for _ in range(3):
        assert watch.tick(canary, on_trial={"churn": 2}) == []
    assert watch.book.alerts()[0].muted == ("inhibited while the release of version 2 is under way")
    assert watch.tick(canary) == ["critical firing"]


def test_a_version_that_was_aborted_rings_for_nobody():
    watch = Watch()
    canary = found(Level.CRITICAL, version=2)
    for _ in range(3):
        assert watch.tick(canary, on_trial={"churn": 2}, served={"churn": {1, 2}}) == []
    assert watch.tick(served={"churn": {1}}) == []
    (alert,) = watch.book.alerts()
    assert (alert.phase, alert.reason) == (Phase.RESOLVED, "version 2 is not served any more")
    assert watch.tick(served={"churn": {1}}, after_s=86_400) == []


def test_the_end_of_a_version_is_told_to_who_heard_of_its_trouble():
    watch = Watch()
    told = [watch.tick(found(Level.CRITICAL), served={"churn": {1}}) for _ in range(2)]
    assert told == [[], ["critical firing"]]
    assert watch.tick(served={"churn": {2}, "loans": set()}) == ["critical resolved"]


def test_a_silence_of_the_configuration_and_one_of_a_person_both_hold():
    clock = FakeClock()
    until = clock.now() + timedelta(hours=1)
    watch = Watch(silences=[Silence(id="c", matcher=Matcher(), until=until)])
    for _ in range(5):
        assert watch.tick(found(Level.CRITICAL)) == []
    now = watch.clock.now()
    asked = Silence(id="", matcher=Matcher(), until=now + timedelta(hours=2), by="ana")
    watch.book.silence(asked, now=now)
    assert watch.tick(found(Level.CRITICAL), after_s=3600) == []
    assert "silenced by ana" in watch.book.alerts()[0].muted
    assert watch.tick(found(Level.CRITICAL), after_s=3600) == ["critical firing"]


def test_what_ended_while_it_was_silenced_is_never_told():
    watch = Watch()
    watch.book.silence(
        Silence(id="", matcher=Matcher(), until=watch.clock.now() + timedelta(hours=1), by="ana"),
        now=watch.clock.now(),
    )
    for level in [Level.WARNING] * 3 + [Level.CLEAR] * 8:
        assert watch.tick(found(level)) == []
    assert watch.book.alerts()[0].phase is Phase.RESOLVED
    assert watch.tick(after_s=7200) == []


def test_what_is_not_served_neither_rings_nor_flaps():
    """Late labels of a version that was withdrawn, again and again."""
    watch = Watch()
    served = {"churn": {2}}
    for _ in range(5):
        assert watch.tick(found(Level.CRITICAL, version=1), served=served) == []
    assert watch.book.alerts() == []
    assert watch.store.head() == 0


def test_alerts_of_an_endpoint_that_is_gone_or_serves_nothing_end_with_the_reason():
    for served, reason in [
        ({}, "the endpoint churn is not there any more"),
        ({"churn": set()}, "no version of churn is served any more"),
    ]:
        watch = Watch()
        trouble = Finding(labels=Labels(endpoint="churn", kind="latency"), level=Level.CRITICAL)
        told = [watch.tick(trouble, served={"churn": {1}}) for _ in range(2)]
        assert told == [[], ["critical firing"]]
        assert watch.tick(trouble, served=served) == ["critical resolved"]
        (alert,) = watch.book.alerts()
        assert (alert.phase, alert.reason) == (Phase.RESOLVED, reason)
        assert watch.tick(trouble, served=served, after_s=86_400) == []


def test_alerts_that_cannot_be_read_keep_no_other_endpoint_from_ringing():
    watch = Watch()
    watch.store.append("alerts/loans", [Draft(kind="alert.invented", data={})], expected=0)
    told = [watch.tick(found(Level.CRITICAL), served={"churn": {1}, "loans": {1}}) for _ in "ab"]
    assert told == [[], ["critical firing"]]
    assert watch.alarms.unreadable().keys() == {"loans"}
    lost = Finding(labels=Labels(endpoint="loans", kind="latency"), level=Level.CRITICAL)
    assert watch.tick(lost) == []


def test_a_sink_whose_facts_cannot_be_read_keeps_no_alert_from_living(caplog):
    watch = Watch()
    unknown = Draft(kind="notification.invented", data={})
    watch.store.append("notify/ops", [unknown], expected=0)
    for _ in range(5):
        assert watch.tick(found(Level.CRITICAL)) == []
    assert [alert.phase for alert in watch.book.alerts()] == [Phase.FIRING]
    assert caplog.text.count("nothing is queued for sink ops") == 1
