"""Alerts of an endpoint as gauges."""

from __future__ import annotations

from datetime import UTC, datetime

from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.service.exposition import exposition
from seatrial.monitoring.watching.gauges import whole_of
from seatrial.testing.memory_store import MemoryStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def finding(endpoint: str, kind: str, level: Level) -> Finding:
    return Finding(labels=Labels(endpoint=endpoint, kind=kind), level=level)


def test_alerts_of_one_endpoint_are_counted_by_phase_and_severity() -> None:
    book = AlertBook(MemoryStore())
    book.observe(
        [
            finding("churn", "latency", Level.CRITICAL),
            finding("churn", "errors", Level.WARNING),
            finding("churn", "input_drift", Level.CLEAR),
            finding("other", "errors", Level.CRITICAL),
        ],
        now=NOW,
    )
    found = whole_of("churn", book.alerts(), looked_at=NOW)
    assert found.alerts_firing == {"warning": 1, "critical": 1}
    assert found.alerts_pending == {"warning": 0, "critical": 0}
    text = exposition([found])
    assert 'seatrial_alerts_firing{endpoint="churn",severity="critical"} 1' in text
    assert f'seatrial_watch_timestamp_seconds{{endpoint="churn"}} {NOW.timestamp():.0f}' in text
