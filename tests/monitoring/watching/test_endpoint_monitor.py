"""A server's counts become windows, reports and findings, each once."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import DATA, REPORT, Slice
from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.drift.alarm_state import AlarmSettings
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.monitoring.watching.endpoint_monitor import EndpointMonitor, OpenWatch
from seatrial.monitoring.watching.report_log import ReportLog
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.slice_windows import WindowRule
from seatrial.monitoring.watching.watch import Span, Watch, WatchRules
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


def monitor(
    store: MemoryStore,
    *,
    open_watch: OpenWatch = watch,
    tell: Callable[[Judged], None] = lambda _: None,
    clock: FakeClock | None = None,
) -> EndpointMonitor:
    clock = clock or FakeClock()
    return EndpointMonitor(
        store,
        "churn",
        rule=RULE,
        open_watch=open_watch,
        tell=tell,
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
    rows: Table | None = None,
) -> None:
    rows = rows or table(n, seed=minute * 10 + version, shift=shift)
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


def put(store: MemoryStore, kind: str, summary: bytes, *, version: int = 1) -> None:
    """A slice of whatever bytes."""
    piece = Slice(
        endpoint="churn",
        version=version,
        revision=1,
        worker="w",
        start=START,
        width_s=1.0,
        summary=summary,
        kind=kind,
    )
    store.add_slices([piece])


def test_a_version_that_went_quiet_has_its_last_window_judged_by_the_clock() -> None:
    store = MemoryStore()
    add(store, 0, n=30)
    one = monitor(store)
    ends = START + timedelta(seconds=RULE.longest_s + RULE.grace_s)
    assert one.turn(ends - timedelta(seconds=1)) == []
    assert [j.report.n for j in one.turn(ends)] == [30]
    assert one.filling() == {}
    add(store, 90, n=400)  # what comes later is the next window
    assert one.turn(ends) == []
    assert monitor(store).filling_since() is None
    again = monitor(store)
    again.turn(ends)
    assert again.filling() == {1: 400}


def test_a_window_is_told_before_it_is_kept() -> None:
    store, order = MemoryStore(), []

    def tell(judged: Judged) -> None:
        order.append((judged.report.n, len(store.read_slices("churn", kind=REPORT))))

    for minute in range(4):
        add(store, minute, n=450)
    turn(monitor(store, tell=tell))
    assert order == [(900, 0), (900, 1)]


def test_a_report_that_nobody_can_read_is_passed_over_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    for minute in range(2):
        add(store, minute, n=450)
    turn(monitor(store))
    newer = zlib.compress(msgspec.msgpack.encode([99, 7, b"", {}]))
    (_, piece), *_ = store.read_slices("churn", kind=REPORT)
    later = zlib.compress(msgspec.msgpack.encode([1, 9, b"", {"schema": 2}]))
    half = zlib.compress(msgspec.msgpack.encode([1, 9, b"", {"schema": 1}]))
    for torn in (b"", b"nonsense", piece.summary[:-9], newer, later, half):
        put(store, REPORT, torn)
    for minute in range(2, 4):
        add(store, minute, n=450)
    again = monitor(store)
    assert [j.report.n for j in turn(again)] == [900]
    assert turn(again) == []
    assert len(again.kept()[1].series) == 2
    assert caplog.text.count("kept reports") == 1


def test_two_monitors_that_both_watch_for_a_while_keep_each_window_once() -> None:
    """One that was thought to be dead wakes up in the middle of its turn."""
    store = MemoryStore()
    other = monitor(store)
    late: list[Judged] = []

    def tell(judged: Judged) -> None:
        if not late:  # it sleeps, and the other does its work
            late.extend(turn(other))

    for minute in range(6):
        add(store, minute, n=450)
    turn(monitor(store, tell=tell))
    assert len(late) == 3
    kept = monitor(store).kept()[1]
    assert [point.end for point in kept.series] == [j.report.span.end for j in late]
    assert kept.position == late[-1].position
    assert turn(monitor(store)) == []


def test_evidence_that_cannot_be_read_begins_anew_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    for minute in range(2):
        add(store, minute, n=450)
    first = monitor(store)
    turn(first)
    kept = first.kept()[1]
    log = ReportLog(store, "churn")
    span = Span(start=START, end=START + timedelta(minutes=2))
    log.append(1, kept.newest, span, state=b"torn", position=kept.position + 1)
    for minute in range(2, 6):
        add(store, minute, n=450)
    assert len(turn(monitor(store))) == 2
    assert "version 1: the evidence so far" in caplog.text


def test_evidence_of_another_profile_begins_anew_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    for minute in range(2):
        add(store, minute, n=450)
    turn(monitor(store))
    wider = Table(columns={f"y{i}": np.arange(2_000.0) for i in range(5)}, n=2_000)
    other = profile_of(wider)
    counted = encode(Summariser(other, repeats=False).summarise(wider))
    for _ in range(2):
        put(store, DATA, counted)
    one = monitor(store, open_watch=lambda *_: Watch(other))
    (judged,) = one.turn(START + timedelta(days=1))
    assert judged.report.n == 4_000
    assert "version 1: the evidence so far" in caplog.text


def test_a_version_whose_profile_is_gone_is_watched_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, clock, gone = MemoryStore(), FakeClock(), True

    def opened(endpoint: str, version: int) -> Watch | None:
        if gone:
            raise Invalid("There is no bundle.", remedy="Restore it.")
        return watch(endpoint, version)

    one = monitor(store, open_watch=opened, clock=clock)
    for minute in range(4):
        add(store, minute, n=450)
    assert turn(one) == []
    assert caplog.text.count("There is no bundle") == 1
    gone = False
    clock.advance(61)
    for minute in range(4, 6):
        add(store, minute, n=450)
    assert len(turn(one)) == 1


@pytest.mark.parametrize("filled", [np.nan, np.inf, -np.inf, 1e308, 0.0])
def test_a_window_of_nothing_but_one_odd_value_is_judged(filled: float) -> None:
    store = MemoryStore()
    rows = Table(columns={f"x{i}": np.full(450, filled) for i in range(3)}, n=450)
    for minute in range(2):
        add(store, minute, rows=rows)
    (judged,) = turn(monitor(store))
    levels = {f.labels.kind: f.level for f in judged.findings}
    assert levels[Kind.INPUT_DRIFT] is Level.CRITICAL
    json.dumps(report_record(judged.report), allow_nan=False)


def test_windows_without_rows_say_that_nothing_is_known() -> None:
    store = MemoryStore()
    empty = Table(columns={f"x{i}": np.empty(0) for i in range(3)}, n=0)
    for minute in (0, 61):
        add(store, minute, rows=empty)
    (judged,) = turn(monitor(store))
    assert {f.level for f in judged.findings} == {Level.UNKNOWN, Level.WARNING}
    quality = {f.labels.kind: f for f in judged.findings}[Kind.DATA_QUALITY]
    assert "rows: no rows" in quality.what.en
