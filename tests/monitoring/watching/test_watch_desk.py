"""What the watch found, to look at and to answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.book import AlertBook, UnknownAlert
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.alerts.lifecycle import AlertConflict
from seatrial.monitoring.alerts.silence import BadMatcher, UnknownSilence
from seatrial.monitoring.watching.server_monitor import BEAT
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.projection import UnknownEndpoint
from seatrial.testing.memory_store import MemoryStore

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def trouble(level: Level = Level.WARNING, kind: str = "input_drift") -> Finding:
    return Finding(
        labels=Labels(endpoint="churn", kind=kind, version=1),
        level=level,
        what=Phrase("age moved", "age 已偏移"),
        since=NOW,
        features=("age",),
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def desk(store: MemoryStore) -> WatchDesk:
    AlertBook(store).observe([trouble(), trouble(kind="latency")], now=NOW)
    return WatchDesk(store)


def test_alerts_are_told_with_all_a_person_needs(desk: WatchDesk) -> None:
    by_kind = {alert["labels"]["kind"]: alert for alert in desk.alerts("churn")}
    alert = by_kind["input_drift"]
    assert (alert["phase"], alert["severity"]) == ("firing", "warning")
    assert alert["finding"]["features"] == ["age"]
    assert alert["fired_at"] == NOW.isoformat()
    assert desk.alerts("other") == []


def test_an_alert_can_be_acknowledged_and_closed_once(desk: WatchDesk) -> None:
    key = desk.alerts()[0]["key"]
    assert desk.acknowledge(key, by="ana", note="mine", now=NOW)["acknowledged_by"] == "ana"
    closed = desk.close(key, by="ana", reason="a test", now=NOW + timedelta(minutes=1))
    assert (closed["phase"], closed["reason"]) == ("resolved", "a test")
    assert key not in {alert["key"] for alert in desk.alerts(ended=False)}
    with pytest.raises(AlertConflict):
        desk.close(key, by="ana", reason="again", now=NOW)
    with pytest.raises(UnknownAlert):
        desk.acknowledge("nothing", by="ana", note="", now=NOW)


def test_silences_begin_and_end(desk: WatchDesk) -> None:
    made = desk.silence({"kind": ["*drift"]}, for_s=3600, why="migration", by="ana", now=NOW)
    assert made["until"] == (NOW + timedelta(hours=1)).isoformat()
    assert [one["id"] for one in desk.silences(NOW)] == [made["id"]]
    assert desk.silences(NOW + timedelta(hours=2)) == []
    desk.end_silence(made["id"], by="ana", now=NOW + timedelta(minutes=1))
    assert desk.silences(NOW + timedelta(minutes=2)) == []
    with pytest.raises(UnknownSilence):
        desk.end_silence("99", by="ana", now=NOW)


@pytest.mark.parametrize("for_s", [0, -1, float("nan"), 400 * 86_400])
def test_a_silence_of_no_time_or_of_years_is_refused(desk: WatchDesk, for_s: float) -> None:
    with pytest.raises(Invalid, match="A silence of"):
        desk.silence({}, for_s=for_s, why="", by="ana", now=NOW)
    with pytest.raises(BadMatcher):
        desk.silence({"colour": ["red"]}, for_s=60, why="", by="ana", now=NOW)


def test_a_view_says_whether_anybody_watches(desk: WatchDesk, store: MemoryStore) -> None:
    assert desk.view("churn")["watching"] is False
    store.beat(BEAT, {"service": {"churn": [{"signal": "p95"}]}, "filling": {"churn": {"1": 20}}})
    view = desk.view("churn")
    assert view["watching"] is True
    assert view["service"] == [{"signal": "p95"}]
    assert view["filling"] == {"1": 20}
    assert (view["versions"], view["triggers"]) == ({}, [])
    assert len(view["alerts"]) == 2


def test_an_endpoint_nobody_knows_is_an_error(desk: WatchDesk) -> None:
    with pytest.raises(UnknownEndpoint, match="nope"):
        desk.view("nope")


def test_alerts_that_cannot_be_read_are_no_good_news_and_hide_no_others(
    store: MemoryStore, desk: WatchDesk
) -> None:
    store.append("alerts/loans", [Draft(kind="alert.invented", data={})], expected=0)
    store.beat(BEAT, {"service": {"churn": [], "loans": [{"level": "ok"}]}})
    assert len(desk.alerts("churn")) == 2
    for endpoint in ("loans", None):
        with pytest.raises(UnknownFact):
            desk.alerts(endpoint)
    standings = desk.standings()
    assert standings["churn"]["state"] == "warning"
    assert standings["loans"]["state"] == "unknown"


def test_a_view_names_what_is_not_watched(store: MemoryStore, desk: WatchDesk) -> None:
    trouble = {"about": "labels", "problem": "The file is damaged."}
    assert desk.view("churn")["troubles"] == []
    store.beat(BEAT, {"service": {}, "troubles": {"churn": [trouble]}})
    assert desk.view("churn")["troubles"] == [trouble]
