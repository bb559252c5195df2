"""A server's counts become windows, reports and findings, each once."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import DATA, Slice
from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.drift.alarm_state import AlarmSettings
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import profile_of
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.monitoring.watching.endpoint_monitor import EndpointMonitor
from seatrial.monitoring.watching.slice_windows import WindowRule
from seatrial.monitoring.watching.watch import Watch, WatchRules
from seatrial.monitoring.watching.window_judge import Judged
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
RULE = WindowRule(every_s=120.0, least_rows=400, longest_s=3600.0)


def table(n: int, *, seed: int, shift: float = 0.0) -> Table:
    values = np.random.default_rng(seed).normal(size=(n, 3))
    values[:, 0] += shift
    return Table(columns={f"x{i}": values[:, i] for i in range(3)}, n=n)


PROFILE = profile_of(table(20_000, seed=0))
SUMMARISER = Summariser(PROFILE, repeats=False)


def watch(endpoint: str, version: int) -> Watch | None:
    if version == 9:
        return None
    if version == 8:
        raise Invalid("The profile cannot be read.", remedy="Deploy it again.")
    return Watch(PROFILE, WatchRules(alarm=AlarmSettings(budget=1_000)))


def monitor(store: MemoryStore) -> EndpointMonitor:
    clock = FakeClock()
    return EndpointMonitor(
        store,
        "churn",
        rule=RULE,
        open_watch=watch,
        tell=lambda _: None,
        troubles=Troubles(logging.getLogger("seatrial"), clock),
        clock=clock,
    )


def add(
    store: MemoryStore,
    minute: int,
    *,
    n: int = 200,
    version: int = 1,
    shift: float = 0.0,
    worker: str = "worker/a/0",
) -> None:
    rows = table(n, seed=minute * 10 + version, shift=shift)
    store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=version,
                revision=3,
                worker=worker,
                start=START + timedelta(minutes=minute),
                width_s=60.0,
                summary=encode(SUMMARISER.summarise(rows)),
                kind=DATA,
            )
        ]
    )


def turn(one: EndpointMonitor) -> list[Judged]:
    return one.turn(START + timedelta(minutes=61))


def test_a_window_is_judged_once_it_is_long_enough_and_has_rows_enough() -> None:
    store = MemoryStore()
    one = monitor(store)
    add(store, 0)
    assert turn(one) == []
    assert one.filling() == {1: 200}
    add(store, 1)
    (judged,) = turn(one)
    assert (judged.version, judged.report.n) == (1, 400)
    assert judged.report.span.start == START
    assert judged.report.span.end == START + timedelta(minutes=2)
    assert judged.report.alarm.outcome is DriftOutcome.QUIET
    assert turn(one) == []


def test_counts_of_several_workers_are_one_window_and_versions_are_apart() -> None:
    store = MemoryStore()
    for minute in range(2):
        for worker in ("worker/a/0", "worker/a/1"):
            add(store, minute, worker=worker, n=150)
        add(store, minute, version=2, n=300)
    judged = turn(monitor(store))
    assert sorted((j.version, j.report.n) for j in judged) == [(1, 450), (2, 600)]


def test_drift_becomes_a_finding_that_says_what_moved_and_since_when() -> None:
    store = MemoryStore()
    for minute in range(20):
        add(store, minute, n=500, shift=0.8 if minute >= 10 else 0.0)
    judged = turn(monitor(store))
    assert len(judged) == 10
    found = {f.labels.kind: f for f in judged[-1].findings}
    drift = found[Kind.INPUT_DRIFT]
    assert drift.level is Level.CRITICAL
    assert drift.features == ("x0",)
    assert drift.since == START + timedelta(minutes=10)
    assert "x0 level up" in drift.what.en
    assert found[Kind.PREDICTION_DRIFT].level is Level.CLEAR
    assert {f.labels.version for f in judged[-1].findings} == {1}
    assert judged[3].findings[0].level is Level.CLEAR


@pytest.mark.parametrize("cut", [3, 8, 13])
def test_a_restart_goes_on_where_it_was_and_judges_nothing_twice(cut: int) -> None:
    def slices(store: MemoryStore, minutes: range) -> None:
        for minute in minutes:
            add(store, minute, n=450, shift=0.3 if minute >= 6 else 0.0)

    whole, broken = MemoryStore(), MemoryStore()
    slices(whole, range(16))
    expected = [(j.report.span, j.report.alarm.log_evidence) for j in turn(monitor(whole))]
    slices(broken, range(cut))
    first = turn(monitor(broken))
    slices(broken, range(cut, 16))
    rest = turn(monitor(broken))
    seen = [(j.report.span, j.report.alarm.log_evidence) for j in (*first, *rest)]
    assert seen == expected
    assert turn(monitor(broken)) == []


def test_reports_are_kept_for_pages() -> None:
    store = MemoryStore()
    for minute in range(6):
        add(store, minute, n=450)
    turn(monitor(store))
    kept = monitor(store).kept()[1]
    assert len(kept.series) == 3
    assert kept.newest["n"] == 900
    assert {c["name"] for c in kept.newest["features"]} == {"x0", "x1", "x2"}
    assert kept.series[0].effects.keys() == {"x0", "x1", "x2"}


def test_a_version_that_cannot_be_watched_stops_no_other() -> None:
    store = MemoryStore()
    for version in (8, 9, 1):
        for minute in range(2):
            add(store, minute, version=version, n=400)
    assert [j.version for j in turn(monitor(store))] == [1]


def test_a_slice_that_is_no_count_is_passed_over_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    one = monitor(store)
    add(store, 0, n=400)
    store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=1,
                revision=1,
                worker="w",
                start=START,
                width_s=1.0,
                summary=b"nonsense",
                kind=DATA,
            )
        ]
    )
    assert turn(one) == []
    add(store, 1, n=400)
    assert [j.report.n for j in turn(one)] == [800]
    assert turn(one) == []
    assert caplog.text.count("churn: counts of rows: The stored summary cannot be read") == 1


def test_a_window_with_few_rows_ends_after_its_longest_time() -> None:
    store = MemoryStore()
    add(store, 0, n=15)
    add(store, 60, n=15)
    (judged,) = turn(monitor(store))
    assert judged.report.n == 30
    assert "too few rows" in judged.report.drift.features[0].reason
