"""Triggers in a store."""

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.decision import Says
from seatrial.monitoring.triggers.fold import EVALUATION, RETRAINING
from seatrial.monitoring.triggers.rule import DriftRule, Quorum, Window
from seatrial.monitoring.triggers.trigger import RequestConflict
from seatrial.testing.memory_store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
RULES = [DriftRule(name="drift", quorum=Quorum(k=1, n=1))]


def drifted(hours: int = 0) -> Window:
    return Window(version=1, end=NOW + timedelta(hours=hours), psi={"income": 0.3})


def test_two_processes_that_look_at_one_window_ask_once():
    store = MemoryStore()
    one, other = TriggerBook(store), TriggerBook(store)
    one.requests("churn"), other.requests("churn")
    says = [book.look("churn", RULES, now=NOW, window=drifted())[0].says for book in (one, other)]
    assert says == [Says.ASKS, Says.ASKED]
    assert [r.kind for r in other.requests("churn")] == [EVALUATION]
    assert one.endpoints() == ["churn"]


def test_an_evaluation_is_completed_once_whoever_does_it():
    store = MemoryStore()
    one, other = TriggerBook(store), TriggerBook(store)
    one.look("churn", RULES, now=NOW, window=drifted())
    said = {"worse": True, "reason": "worse", "evidence": {}, "by": "training", "now": NOW}
    requests = other.evaluated("churn", "drift-1", **said)
    assert [r.kind for r in requests] == [EVALUATION, RETRAINING]
    with pytest.raises(RequestConflict):
        one.evaluated("churn", "drift-1", **said)


def test_endpoints_do_not_know_each_other():
    store = MemoryStore()
    book = TriggerBook(store)
    book.look("churn", RULES, now=NOW, window=drifted())
    assert book.look("loans", RULES, now=NOW, window=drifted())[0].says is Says.ASKS
    assert book.requests("unknown") == []
