"""The logged rows of a version by segment: windows, restarts, and what is kept of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from seatrial.kernel.store import Store, StoreUnavailable
from seatrial.monitoring.alerts.finding import Finding, Level
from seatrial.monitoring.alerts.troubles import LeaseLost, Troubles
from seatrial.monitoring.drift.flaw import Check
from seatrial.monitoring.drift.flaw import Finding as Flaw
from seatrial.monitoring.drift.segments import SegmentDrift
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.verdict import WindowDrift
from seatrial.monitoring.performance.arrivals import Logged
from seatrial.monitoring.rows.source import SourceUnavailable
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segment_reference import segment_reference, with_segments
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.report_record import SEGMENTS_SHOWN, shown_segments
from seatrial.monitoring.watching.segment_monitor import (
    Lacking,
    OpenSegments,
    SegmentMonitor,
    segment_records,
)
from seatrial.monitoring.watching.segment_watch import Read, SegmentWatch
from seatrial.monitoring.watching.slice_windows import WindowRule
from seatrial.monitoring.watching.watch import WatchRules
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_pending import MemoryPending
from seatrial.testing.memory_store import MemoryStore

TOWNS = ("Oslo", "Lima", "Wuhan")
BEGAN_US = 1_772_323_200_000_000


def table(n: int, seed: int, *, moved: float = 0.0, first: int = 0) -> Table:
    """Rows a second apart; in the second town ``x`` moves."""
    rng = np.random.default_rng(seed)
    towns = rng.integers(0, 3, n).astype(np.int32)
    at = (BEGAN_US + np.arange(first, first + n) * 1_000_000).astype("datetime64[us]")
    columns = {"x": rng.normal(size=n) + moved * (towns == 1), "town": Coded(towns, TOWNS)}
    return Table(columns=columns, n=n, at=at)


REFERENCE = table(9_000, 0)
PROFILE = with_segments(profile_of(REFERENCE), REFERENCE, None, ["town"])
SUMMARISER = Summariser(PROFILE, segments=["town"], repeats=False)


@dataclass(frozen=True)
class Part:
    rows: Table
    place: tuple[str, str]

    @property
    def ids(self) -> tuple[str | None, ...]:
        return (None,) * self.rows.n


@dataclass
class Log:
    """Parts of one day, read on from a place."""

    parts: list[Table] = field(default_factory=list)
    broken: bool = False

    def new(self, version: Read) -> Iterator[Logged]:
        if self.broken:
            raise SourceUnavailable("The drive is gone.", remedy="Wait.")
        for i in range(int(version.place("today") or 0), len(self.parts)):
            yield Part(self.parts[i], ("today", str(i + 1)))


def count(logged: Logged) -> Summary:
    return SUMMARISER.summarise(logged.rows)


def watch(
    log: Log, notes: MemoryPending, *, least_rows: int = 600, every_s: float = 60.0
) -> SegmentWatch:
    reference = segment_reference(PROFILE)
    assert reference is not None
    return SegmentWatch(
        notes,
        log,
        count,
        profile=PROFILE,
        reference=reference,
        rule=WindowRule(every_s=every_s, least_rows=least_rows, longest_s=7_200.0),
        rules=WatchRules(),
        endpoint="churn",
        version=1,
    )


def found(watch: SegmentWatch) -> list[Finding]:
    told: list[Finding] = []
    for _ in watch.read(told.append):
        pass
    return told


def test_a_window_is_complete_with_enough_rows_and_names_the_segment_that_moved() -> None:
    log = Log([table(300, i, first=300 * i, moved=1.0) for i in range(3)])
    one = watch(log, MemoryPending())
    (said,) = found(one)
    assert (said.level, said.segments) == (Level.CRITICAL, ("town=Lima",))
    record = one.record()
    assert (record["n"], record["filling"], record["columns"]) == (600, 300, ["town"])
    assert record["start"] == "2026-03-01T00:00:00+00:00"
    assert record["segments"][0]["value"] == "Lima"
    assert record["segments"][0]["moved"][0]["name"] == "x"


def test_a_window_of_few_rows_ends_all_the_same_after_long() -> None:
    log = Log([table(30, 1), table(30, 2, first=8_000)])
    assert [one.level for one in found(watch(log, MemoryPending()))] == [Level.UNKNOWN]


def test_a_restart_reads_the_open_window_again_and_no_other() -> None:
    log, notes = Log([table(300, 0)]), MemoryPending()
    assert found(watch(log, notes)) == []
    log.parts.append(table(300, 1, first=300))
    assert len(found(watch(log, notes))) == 1
    again = watch(log, notes)
    assert found(again) == []
    assert (again.record()["n"], again.record()["filling"]) == (600, 0)


def test_rows_in_any_parts_give_the_same_window() -> None:
    whole = table(600, 4, moved=0.8)
    from seatrial.monitoring.rows.table import rows_of

    cut = [rows_of(whole, slice(i, i + 120)) for i in range(0, 600, 120)]
    records = []
    for parts in ([whole], cut):
        one = watch(Log(parts), MemoryPending())
        found(one)
        records.append(one.record())
    assert records[0] == records[1]


class Opened:
    """See `OpenSegments`: what was told, and what was closed."""

    def __init__(self, **watches: object) -> None:
        self.watches = watches
        self.closed: list[str] = []

    def __call__(self, endpoint: str, version: int) -> SegmentWatch | Lacking | None:
        made = self.watches[endpoint]
        if isinstance(made, Exception):
            raise made
        return made() if callable(made) else made  # type: ignore[return-value]

    def close(self, endpoint: str, version: int) -> None:
        self.closed.append(endpoint)


def turned(monitor: SegmentMonitor, clock: FakeClock, *names: str) -> list[Finding]:
    clock.advance(10)
    told: list[Finding] = []
    monitor.turn({name: [1] for name in names}, told.append)
    return told


def monitor_of(
    clock: FakeClock, opened: OpenSegments, store: Store | None = None
) -> SegmentMonitor:
    return SegmentMonitor(
        store or MemoryStore(),
        clock=clock,
        opened=opened,
        troubles=Troubles(logging.getLogger("seatrial"), clock),
    )


def test_the_monitor_tells_of_every_version_and_says_what_it_knows() -> None:
    store, clock, notes = MemoryStore(), FakeClock(), MemoryPending()
    log = Log([table(600, 1, moved=1.0)])
    opened = Opened(
        churn=lambda: watch(log, notes),
        bare=Lacking(en="Deploy again.", zh="请重新部署。"),
        no=None,
    )
    monitor = monitor_of(clock, opened, store)
    (said,) = turned(monitor, clock, "churn", "bare", "no")
    assert said.labels.endpoint == "churn"
    assert segment_records(store, "churn")["1"]["n"] == 600
    assert segment_records(store, "bare")["1"]["problem"] == {
        "en": "Deploy again.",
        "zh": "请重新部署。",
    }
    assert segment_records(store, "no") == {}
    assert turned(monitor, clock, "churn", "bare", "no") == []
    monitor.close()
    assert sorted(opened.closed) == ["bare", "churn", "no"]


def test_it_looks_every_few_seconds_only() -> None:
    clock, log = FakeClock(), Log()
    monitor = monitor_of(clock, Opened(churn=lambda: watch(log, MemoryPending())))
    turned(monitor, clock, "churn")
    log.parts.append(table(600, 1, moved=1.0))
    clock.advance(1)
    told: list[Finding] = []
    monitor.turn({"churn": [1]}, told.append)
    assert told == []
    assert len(turned(monitor, clock, "churn")) == 1


def test_a_log_that_cannot_be_read_for_a_while_loses_no_window() -> None:
    clock, notes = FakeClock(), MemoryPending()
    log = Log([table(300, 1, moved=1.0)])
    opened = Opened(churn=lambda: watch(log, notes))
    monitor = monitor_of(clock, opened)
    turned(monitor, clock, "churn")
    log.parts.append(table(300, 2, first=300, moved=1.0))
    log.broken = True
    assert turned(monitor, clock, "churn") == []
    log.broken = False
    (said,) = turned(monitor, clock, "churn")
    assert said.segments == ("town=Lima",)


def test_a_window_that_cannot_be_kept_is_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, notes = FakeClock(), MemoryPending()
    log = Log([table(600, 1, moved=1.0)])
    monitor = monitor_of(clock, Opened(churn=lambda: watch(log, notes)))

    def full(name: str, text: str) -> None:
        raise StoreUnavailable("The drive is full.", remedy="Make room.")

    with monkeypatch.context() as broken:
        broken.setattr(notes, "set_note", full)
        (told,) = turned(monitor, clock, "churn")
    (again,) = turned(monitor, clock, "churn")
    assert again == told
    assert turned(monitor, clock, "churn") == []


def test_a_window_that_cannot_be_told_is_told_later_and_not_kept_before() -> None:
    clock, notes = FakeClock(), MemoryPending()
    monitor = monitor_of(clock, Opened(churn=lambda: watch(Log([table(600, 1, moved=1.0)]), notes)))

    def gone(_: Finding) -> None:
        raise StoreUnavailable("The store is gone.", remedy="Wait.")

    clock.advance(10)
    monitor.turn({"churn": [1]}, gone)
    assert notes.note("place/today") is None
    assert len(turned(monitor, clock, "churn")) == 1
    assert notes.note("place/today") == "1"


def test_whoever_lost_the_lease_tells_and_keeps_nothing() -> None:
    clock, notes = FakeClock(), MemoryPending()
    monitor = monitor_of(clock, Opened(churn=lambda: watch(Log([table(600, 1, moved=1.0)]), notes)))

    def lost(_: Finding) -> None:
        raise LeaseLost("Another watches.", remedy="Leave it to that one.")

    clock.advance(10)
    with pytest.raises(LeaseLost):
        monitor.turn({"churn": [1]}, lost)
    assert notes.note("place/today") is None


def test_a_reference_that_cannot_be_read_keeps_nobody_else_from_being_watched() -> None:
    from seatrial.monitoring.summaries.profile_record import ProfileUnreadable

    clock, log = FakeClock(), Log([table(600, 1, moved=1.0)])
    broken = ProfileUnreadable("It is damaged.", remedy="Deploy again.")
    opened = Opened(broken=broken, churn=lambda: watch(log, MemoryPending()))
    monitor = monitor_of(clock, opened)
    assert len(turned(monitor, clock, "broken", "churn")) == 1


def test_segments_in_trouble_are_all_kept_and_the_others_counted() -> None:
    def segment(i: int, severity: Severity) -> SegmentDrift:
        wrong = Flaw(
            check=Check.MISSING,
            column="x",
            value="30% missing",
            expected="1%",
            severity=severity,
            remedy="",
        )
        return SegmentDrift(
            column="town",
            value=f"t{i}",
            n_reference=900,
            drift=WindowDrift(n=90),
            quality=(wrong,) if severity is not Severity.NONE else (),
        )

    for n_bad, n_kept in ((0, SEGMENTS_SHOWN), (SEGMENTS_SHOWN + 7, SEGMENTS_SHOWN + 7)):
        severities = [Severity.WARNING] * n_bad + [Severity.NONE] * (80 - n_bad)
        record = shown_segments([segment(i, one) for i, one in enumerate(severities)])
        assert (len(record["segments"]), record["n_more"]) == (n_kept, 80 - n_kept)
