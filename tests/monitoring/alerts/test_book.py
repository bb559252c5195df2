"""Alerts and silences in a store."""

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook, UnknownAlert
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.alerts.lifecycle import AlertConflict, Timing
from seatrial.monitoring.alerts.silence import Matcher, Silence
from seatrial.testing.memory_store import MemoryStore

START = datetime(2030, 1, 1, tzinfo=UTC)


def found(endpoint: str = "churn", level: Level = Level.WARNING, **labels) -> Finding:
    labels = Labels(endpoint=endpoint, kind=labels.pop("kind", "latency"), **labels)
    return Finding(labels=labels, level=level)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def book(store: MemoryStore, for_s: float = 60) -> AlertBook:
    return AlertBook(store, timing=lambda kind: Timing(for_s=for_s, keep_s=60))


def test_a_book_opened_later_goes_on_where_the_first_was():
    store = MemoryStore()
    book(store).observe([found()], now=at(0))
    second = book(store)
    second.refresh()
    assert second.alerts()[0].phase is Phase.PENDING
    second.observe([found()], now=at(60))
    (alert,) = second.alerts()
    assert (alert.phase, alert.pending_at) == (Phase.FIRING, at(0))


def test_two_books_that_see_the_same_finding_append_it_once():
    store = MemoryStore()
    one, other = book(store, 0), book(store, 0)
    one.observe([found()], now=at(0))
    other.observe([found()], now=at(0))
    one.observe([found()], now=at(1))
    assert [fact.kind for fact in store.read()] == ["alert.raised", "alert.fired"]


def test_two_findings_of_one_thing_in_one_look_make_one_alert():
    store = MemoryStore()
    alerts = book(store, 0)
    alerts.observe([found(), found(level=Level.CRITICAL)], now=at(0))
    assert [alert.severity for alert in alerts.alerts()] == [Level.CRITICAL]
    assert [fact.kind for fact in store.read()] == [
        "alert.raised",
        "alert.fired",
        "alert.escalated",
    ]


def test_the_worst_and_newest_come_first():
    store = MemoryStore()
    alerts = book(store, 0)
    alerts.observe([found("a"), found("b", Level.CRITICAL), found("c")], now=at(0))
    alerts.observe([found("c", kind="errors"), found("a", Level.CLEAR)], now=at(10))
    alerts.observe([found("a", Level.CLEAR)], now=at(70))
    shown = [(a.labels.endpoint, a.labels.kind, a.phase.value) for a in alerts.alerts()]
    assert shown == [
        ("b", "latency", "firing"),
        ("c", "errors", "firing"),
        ("c", "latency", "firing"),
        ("a", "latency", "resolved"),
    ]
    assert len(alerts.alerts("c")) == 2


def test_people_acknowledge_and_close_by_key():
    store = MemoryStore()
    alerts = book(store, 0)
    alerts.observe([found()], now=at(0))
    (alert,) = alerts.alerts()
    assert alerts.acknowledge(alert.key, by="ana", now=at(1)).acknowledged_by == "ana"
    assert alerts.close(alert.key, by="ana", reason="gone", now=at(2)).phase is Phase.RESOLVED
    with pytest.raises(AlertConflict):
        alerts.close(alert.key, by="ana", reason="gone", now=at(3))
    with pytest.raises(UnknownAlert, match="'nothing'"):
        alerts.find("nothing")
    assert [fact.by for fact in store.read()][-2:] == ["ana", "ana"]


def test_a_close_decides_on_the_newest_state():
    store = MemoryStore()
    one, other = book(store, 0), book(store, 0)
    one.observe([found()], now=at(0))
    (alert,) = one.alerts()
    other.refresh()
    other.close(alert.key, by="bob", reason="gone", now=at(1))
    with pytest.raises(AlertConflict):
        one.close(alert.key, by="ana", reason="gone", now=at(2))


def test_mutes_are_kept_and_lifted():
    store = MemoryStore()
    alerts = book(store, 0)
    alerts.observe([found()], now=at(0))
    (alert,) = alerts.alerts()
    alerts.mute({alert.key: "silenced"}, now=at(1))
    alerts.mute({alert.key: "silenced"}, now=at(2))
    again = book(store)
    again.refresh()
    assert again.find(alert.key).muted == "silenced"
    again.mute({}, now=at(3))
    assert again.find(alert.key).muted is None
    assert len(store.read()) == 4


def test_silences_get_numbers_and_end():
    store = MemoryStore()
    alerts = book(store)
    wish = Silence(id="", matcher=Matcher(), until=at(100), by="ana")
    ids = [alerts.silence(wish, now=at(0)).id for _ in range(2)]
    assert ids == ["1", "2"]
    alerts.end_silence("2", by="ana", now=at(1))
    assert alerts.silence(wish, now=at(2)).id == "3"
    again = book(store)
    again.refresh()
    assert [silence.id for silence in again.silences(at(3))] == ["1", "3"]
    assert again.silences(at(100)) == []


@pytest.mark.parametrize(
    "draft",
    [
        Draft(kind="alert.invented", data={"key": "a"}),
        Draft(kind="alert.raised", schema=2, data={"key": "a"}),
        Draft(kind="alert.fired", data={"key": "a"}),
    ],
)
def test_a_fact_nobody_knows_stops_the_fold(draft):
    store = MemoryStore()
    store.append("alerts/churn", [draft], expected=0)
    with pytest.raises(UnknownFact):
        book(store).refresh()


def test_a_stream_that_cannot_be_read_is_refused_after_the_others_were_read():
    store = MemoryStore()
    book(store, 0).observe([found("churn"), found("loans")], now=at(0))
    store.append("alerts/loans", [Draft(kind="alert.invented", data={})], expected=2)
    other = book(store, 0)
    for _ in range(2):  # also when nothing is new
        with pytest.raises(UnknownFact, match="invented"):
            other.refresh()
    assert [alert.labels.endpoint for alert in other.alerts()] == ["churn"]
    assert other.unreadable().keys() == {"loans"}
    other.observe([found("loans", Level.CRITICAL)], now=at(1))
    assert len(store.read(stream="alerts/loans")) == 3
