"""A followed log: windows judged once whatever is killed, alerts that fire once, logs that go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta

import numpy as np
import pytest
from faults import STORE, Fault, facts_of

from seatrial.kernel.store import REPORT, Slice, StoreUnavailable
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import Chunk, SourceMissing, SourceProblem
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import features_of
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.rule import DriftRule, Quorum, Rule
from seatrial.monitoring.watching.log_monitor import LogMonitor
from seatrial.monitoring.watching.log_windows import LogState, LogWindows
from seatrial.monitoring.watching.telling import Telling
from seatrial.monitoring.watching.watch import Watch
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_source import MemorySource
from seatrial.testing.memory_store import MemoryStore


def table(n: int, *, seed: int, shift: float = 0.0) -> Table:
    rng = np.random.default_rng(seed)
    return Table(columns={"x": rng.normal(shift, 1, n), "y": rng.normal(size=n)}, n=n)


WATCH = Watch(profile_of(table(5_000, seed=0)))


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@dataclass
class Memory:
    data: bytes | None = None
    kill: bool = False

    def read(self) -> bytes | None:
        return self.data

    def write(self, data: bytes) -> None:
        if self.kill:
            raise Killed
        self.data = data


@dataclass
class World:
    """What stays when a monitor dies."""

    store: MemoryStore = field(default_factory=MemoryStore)
    place: Memory = field(default_factory=Memory)
    clock: FakeClock = field(default_factory=FakeClock)
    tables: list[Table] = field(default_factory=list)
    gone: bool = False
    windows: Windows = field(default_factory=lambda: Windows(n_rows=500))
    said: list[SourceProblem] = field(default_factory=list)
    max_age: timedelta | None = None

    def monitor(self, *, rules: tuple[Rule, ...] = ()) -> LogMonitor:
        summariser = Summariser(WATCH.profile)
        book = AlertBook(self.store)
        troubles = Troubles(logging.getLogger("seatrial"), self.clock)
        return LogMonitor(
            endpoint="churn",
            version=2,
            open_log=self._open,
            windows=LogWindows(self.windows, lambda t, c: summariser.summarise(features_of(t, c))),
            grace=timedelta(minutes=10),
            max_age=self.max_age,
            watch=WATCH,
            store=self.store,
            telling=Telling(
                Alarms(book, Couriers([]), clock=self.clock),
                TriggerBook(self.store),
                rules=lambda _: rules,
                clock=self.clock,
                troubles=troubles,
            ),
            troubles=troubles,
            clock=self.clock,
            checkpoint=self.place,
            say=self.said.append,
        )

    def _open(self) -> MemorySource:
        if self.gone:
            raise SourceMissing("There is no file 'log'.", remedy="Give the path of the data.")
        times = [one.at for one in self.tables if one.at is not None]
        at = [t.replace(tzinfo=UTC) for one in times for t in one.astype("datetime64[us]").tolist()]
        if not at:
            return MemorySource(self.rows())
        return MemorySource(self.rows() | {"at": at}, Columns(at="at"))

    def pass_(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def rows(self) -> dict[str, list[object]]:
        """All rows so far, as plain values."""
        return {
            name: [value for one in self.tables for value in one.columns[name].tolist()]
            for name in ("x", "y")
        }

    def ends(self) -> list[int]:
        """Rows of each window kept, in order."""
        from seatrial.monitoring.watching.report_log import ReportLog

        kept = ReportLog(self.store, "churn").refresh().get(2)
        return [point.n for point in kept.series] if kept else []

    def alerts(self) -> dict[str, Phase]:
        book = AlertBook(self.store)
        book.refresh()
        return {a.labels.kind: a.phase for a in book.alerts() if a.phase is not Phase.QUIET}

    def fired(self) -> list[str]:
        facts = self.store.read(stream="alerts/churn")
        return [f.data["key"] for f in facts if f.kind == "alert.fired"]


def test_each_window_is_judged_once_as_the_log_grows() -> None:
    world = World()
    one = world.monitor()
    assert one.tick() == []
    world.tables.append(table(700, seed=1))
    assert [j.report.n for j in one.tick()] == [500]
    assert one.n_filling == 200
    assert one.tick() == []
    world.tables.append(table(400, seed=2))
    assert [j.report.n for j in one.tick()] == [500]
    assert world.ends() == [500, 500]


def test_drift_fires_once_and_asks_once() -> None:
    world = World()
    rules = (DriftRule(name="drift", limit=0.05, quorum=Quorum(k=1, n=1)),)
    world.tables += [table(1_000, seed=1), table(1_500, seed=2, shift=0.4)]
    one = world.monitor(rules=rules)
    assert len(one.tick()) == 5
    assert world.alerts() == {"input_drift": Phase.FIRING}
    assert len(world.fired()) == 1
    asked = [f.kind for f in world.store.read(stream="triggers/churn")]
    assert asked.count("evaluation.requested") == 1


def test_a_monitor_that_starts_anew_goes_on_where_the_other_was() -> None:
    world = World()
    world.tables.append(table(700, seed=1))
    world.monitor().tick()
    world.tables.append(table(1_000, seed=2))
    again = world.monitor()
    assert again.n_filling == 200
    assert [j.report.n for j in again.tick()] == [500, 500]
    assert world.ends() == [500, 500, 500]


class DiesAtReport(MemoryStore):
    """Dies as the n-th report is to be kept."""

    left = 1

    def add_slices(self, slices: list[Slice]) -> None:
        if any(piece.kind == REPORT for piece in slices):
            self.left -= 1
            if self.left < 0:
                raise Killed
        super().add_slices(slices)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_kill_before_a_report_is_kept_loses_no_window_and_fires_no_second_alert(
    kept: int,
) -> None:
    store = DiesAtReport()
    store.left = kept
    world = World(store=store)
    world.tables.append(table(2_000, seed=2, shift=0.4))
    with pytest.raises(Killed):
        world.monitor().tick()
    store.left = 100
    assert len(world.monitor().tick()) == 4 - kept
    assert world.ends() == [500] * 4
    assert len(world.fired()) == len(set(world.fired())) == 1


def test_a_kill_after_the_reports_and_before_the_place_judges_no_window_twice() -> None:
    world = World()
    world.tables.append(table(1_200, seed=2))
    world.place.kill = True
    with pytest.raises(Killed):
        world.monitor().tick()
    assert world.ends() == [500, 500]
    world.place.kill = False
    again = world.monitor()
    assert again.tick() == []
    assert again.n_filling == 200
    world.tables.append(table(300, seed=3))
    assert len(again.tick()) == 1
    assert world.ends() == [500, 500, 500]


def test_evidence_is_the_same_with_and_without_a_kill() -> None:
    def log_evidence(world: World) -> list[float]:
        from seatrial.monitoring.watching.report_log import ReportLog

        kept = ReportLog(world.store, "churn").refresh()[2]
        return [point.log_evidence for point in kept.series]

    parts = [table(700, seed=s, shift=0.05 * s) for s in range(5)]
    whole, killed = World(), World()
    whole.tables += parts
    whole.monitor().tick()
    for part in parts:
        killed.tables.append(part)
        killed.monitor().tick()
    assert log_evidence(killed) == log_evidence(whole)


def test_a_log_that_cannot_be_read_is_an_alert_that_ends_when_it_can() -> None:
    world = World(gone=True)
    one = world.monitor()
    assert one.tick() == []
    assert world.alerts() == {"log": Phase.FIRING}
    world.gone = False
    world.tables.append(table(600, seed=1))
    assert len(one.tick()) == 1
    world.clock.advance(timedelta(hours=1).total_seconds())
    one.tick()
    assert world.alerts() == {"log": Phase.RESOLVED}


def test_problems_of_a_source_are_told() -> None:
    problem = SourceProblem(flaw="line", where="log:3", message="Line 3 is left out.")

    class Flawed(MemorySource):
        def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
            for chunk in super().chunks(after=after):
                yield Chunk(
                    table=chunk.table,
                    columns=chunk.columns,
                    place=chunk.place,
                    problems=(problem,),
                )

    world = World()
    world.tables.append(table(10, seed=1))
    world._open = lambda: Flawed(world.rows())  # type: ignore[method-assign]
    world.monitor().tick()
    assert world.said == [problem]


def watched_log(fault: Fault) -> World:
    """A log that is quiet, then drifts, watched by monitors that each live for one tick."""
    world = World(windows=Windows(every_s=600, lateness_s=60.0))
    fault.in_(world.store, *STORE)
    fault.in_(world.place, "write")
    rules = (DriftRule(name="drift", limit=0.05, quorum=Quorum(k=1, n=1)),)
    for shift in (0.0, 0.6):
        world.tables.append(dated(world, 1_800, shift=shift))
        for _ in range(3):  # the first may fail
            with fault.arming(), suppress(StoreUnavailable):
                world.monitor(rules=rules).tick()
    world.pass_(3_600)
    for _ in range(3):
        with fault.arming(), suppress(StoreUnavailable):
            world.monitor(rules=rules).tick()
    return world


@pytest.mark.parametrize("kept", [False, True])
def test_a_write_that_fails_loses_nothing_and_tells_nothing_twice(kept: bool) -> None:
    def told(world: World) -> tuple[object, ...]:
        facts = facts_of(world.store, "alerts/churn", "triggers/churn")
        reports = [piece.summary for _, piece in world.store.read_slices("churn", kind=REPORT)]
        assert world.place.data is not None
        return facts, reports, LogState.decode(world.place.data).progress

    whole = watched_log(Fault())
    assert whole.alerts().keys() == {"input_drift", "data_quality"}
    assert whole.ends() == [600] * 6
    n = 0
    while True:
        n += 1
        fault = Fault(at=n, kept=kept)
        world = watched_log(fault)
        if fault.n < n:
            break
        assert told(world) == told(whole), f"write {n}"
    assert n > 12


def dated(world: World, n: int, *, shift: float = 0.0, late_s: float = 0.0) -> Table:
    """Rows of the next ``n`` seconds; the clock is at their end afterwards."""
    one = table(n, seed=len(world.tables) + 1, shift=shift)
    begin = np.datetime64(world.clock.now().replace(tzinfo=None), "us")
    at = begin + np.arange(n).astype("timedelta64[s]") - np.timedelta64(round(late_s), "s")
    world.pass_(n)
    return Table(columns=one.columns, n=n, at=at)


def test_a_time_window_of_a_log_that_went_quiet_ends_by_the_clock() -> None:
    world = World(windows=Windows(every_s=600, lateness_s=60.0))
    world.tables.append(dated(world, 1_500))
    one = world.monitor()
    assert [j.report.n for j in one.tick()] == [600, 600]
    assert one.n_filling == 300
    world.pass_(300 + 60 + 599)  # ends at 1,800
    assert one.tick() == []
    world.pass_(1)
    (last,) = one.tick()
    assert last.report.n == 300
    assert (last.report.span.end - last.report.span.start).total_seconds() == 600
    assert one.tick() == []
    assert world.ends() == [600, 600, 300]


def test_a_log_that_is_read_late_is_given_time_to_be_complete() -> None:
    """A file of yesterday that is written in two pieces is one window."""
    world = World(windows=Windows(every_s=600, lateness_s=60.0))
    world.pass_(86_400)
    world.tables.append(dated(world, 200, late_s=86_400))
    one = world.monitor()
    assert one.tick() == []
    world.pass_(500)
    world.tables.append(dated(world, 200, late_s=86_400 + 500))
    assert one.tick() == []
    world.pass_(600)
    assert [j.report.n for j in one.tick()] == [400]


def test_rows_that_come_after_the_clock_closed_their_window_are_counted_and_said() -> None:
    world = World(windows=Windows(every_s=600, lateness_s=60.0))
    world.tables.append(dated(world, 300))
    world.monitor().tick()
    world.pass_(3_600)
    assert len(world.monitor().tick()) == 1
    world.tables.append(dated(world, 40, late_s=3_600))
    again = world.monitor()  # how far it closed outlives the process
    assert again.tick() == []
    assert (again.left_out(), again.n_filling) == ({"late": 40, "undated": 0}, 0)
    (problem,) = [one for one in world.said if one.flaw == "late"]
    assert problem.n == 40
    assert "came after it had closed" in problem.message
    world.tables.append(dated(world, 700))
    assert [j.report.n for j in again.tick()] != []


def test_windows_by_count_stay_open_however_long_it_takes() -> None:
    world = World()
    world.tables.append(table(300, seed=1))
    one = world.monitor()
    one.tick()
    world.pass_(1e7)
    assert one.tick() == []
    assert one.n_filling == 300


@pytest.mark.parametrize("windows", [Windows(n_rows=500), Windows(every_s=600, lateness_s=60.0)])
def test_a_log_whose_newest_row_is_too_old_is_an_alert(windows: Windows) -> None:
    world = World(windows=windows, max_age=timedelta(hours=1))
    world.tables.append(dated(world, 100))
    world.monitor().tick()
    world.pass_(3_599)
    world.monitor().tick()
    assert "log" not in world.alerts()
    world.pass_(2)
    world.monitor().tick()
    assert (world.alerts()["log"], severity(world)) == (Phase.FIRING, Level.WARNING)
    world.pass_(2 * 3_600)
    world.monitor().tick()
    assert severity(world) is Level.CRITICAL
    world.tables.append(dated(world, 100))
    world.monitor().tick()
    world.pass_(900)
    world.monitor().tick()
    assert world.alerts().get("log") is not Phase.FIRING


def test_rows_that_can_be_in_no_window_are_an_alert_until_others_come() -> None:
    world = World(windows=Windows(every_s=600, lateness_s=60.0))
    world.tables.append(dated(world, 40, late_s=-86_400))
    one = world.monitor()
    assert one.tick() == []
    assert (world.alerts(), severity(world)) == ({"log": Phase.FIRING}, Level.CRITICAL)
    one.tick()
    assert world.alerts() == {"log": Phase.FIRING}
    world.tables.append(dated(world, 40))
    one.tick()
    world.pass_(900)
    one.tick()
    assert world.alerts().get("log") is not Phase.FIRING


def severity(world: World) -> Level:
    book = AlertBook(world.store)
    book.refresh()
    return next(a.severity for a in book.alerts() if a.labels.kind == "log")
