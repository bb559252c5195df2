"""Looking back on alerts: each time one fired, who cared and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.events import Fact
from seatrial.monitoring.alerts.book import PREFIX, AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.alerts.history import KEPT, History, fold
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.testing import MemoryStore

START = datetime(2026, 3, 1, tzinfo=UTC)
LABELS = Labels(endpoint="churn", kind="latency")


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def book(store: MemoryStore) -> AlertBook:
    return AlertBook(store, timing=lambda _: Timing(keep_s=0))


def look(book: AlertBook, level: Level, minutes: int, text: str = "slow") -> None:
    found = Finding(labels=LABELS, level=level, what=Phrase(text, "慢"))
    book.observe([found], now=at(minutes))


def facts(store: MemoryStore) -> list[Fact]:
    return store.read(stream=PREFIX + "churn", limit=10_000)


def test_an_episode_says_who_cared_and_how_it_ended(store: MemoryStore, book: AlertBook) -> None:
    look(book, Level.WARNING, 0)
    book.acknowledge(LABELS.key, by="ann", note="on it", now=at(3))
    look(book, Level.CLEAR, 10)
    [episode] = fold(History(), facts(store)).episodes
    assert (episode.number, episode.severity, episode.fired_at) == (1, Level.WARNING, at(0))
    assert (episode.acknowledged_by, episode.acknowledged_at) == ("ann", at(3))
    assert (episode.note, episode.what.en) == ("on it", "slow")
    assert (episode.resolved_at, episode.resolved_by) == (at(10), "monitor")
    assert episode.reason == "the trouble is gone"
    assert episode.as_dict()["labels"] == {"endpoint": "churn", "kind": "latency"}


def test_an_episode_is_as_bad_as_it_ever_was_and_worse_is_cared_for_anew(
    store: MemoryStore, book: AlertBook
) -> None:
    look(book, Level.WARNING, 0)
    book.acknowledge(LABELS.key, by="ann", now=at(1))
    look(book, Level.CRITICAL, 2, "very slow")
    look(book, Level.WARNING, 3)
    look(book, Level.WARNING, 4)
    [episode] = fold(History(), facts(store)).episodes
    assert (episode.severity, episode.what.en) == (Level.CRITICAL, "very slow")
    assert episode.acknowledged_by is None
    assert episode.resolved_at is None


def test_one_closed_by_hand_says_by_whom_and_the_next_is_another(
    store: MemoryStore, book: AlertBook
) -> None:
    look(book, Level.WARNING, 0)
    book.close(LABELS.key, by="bob", reason="a test", now=at(1))
    look(book, Level.WARNING, 2)
    first, second = fold(History(), facts(store)).episodes
    assert (first.resolved_by, first.reason) == ("bob", "a test")
    assert (second.number, second.resolved_at) == (2, None)


def test_trouble_that_never_fired_is_no_episode(store: MemoryStore) -> None:
    patient = AlertBook(store, timing=lambda _: Timing(for_s=3600))
    look(patient, Level.WARNING, 0)
    look(patient, Level.CLEAR, 1)
    assert fold(History(), facts(store)).episodes == ()


def test_facts_may_come_in_any_pieces(store: MemoryStore, book: AlertBook) -> None:
    for i in range(6):
        look(book, Level.WARNING if i % 2 == 0 else Level.CLEAR, i)
    every = facts(store)
    whole = fold(History(), every)
    piecewise = History()
    for fact in every:
        piecewise = fold(piecewise, [fact])
    assert piecewise == whole
    assert [one.number for one in whole.episodes] == [1, 2, 3]


def test_only_the_newest_episodes_are_kept_and_still_counted(
    store: MemoryStore, book: AlertBook
) -> None:
    for i in range(2 * KEPT + 20):
        look(book, Level.WARNING if i % 2 == 0 else Level.CLEAR, i)
    episodes = fold(History(), facts(store)).episodes
    assert len(episodes) == KEPT
    assert episodes[-1].number == KEPT + 10
