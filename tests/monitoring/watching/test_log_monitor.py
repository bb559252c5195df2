"""A followed log: windows judged once whatever is killed, alerts that fire once, logs that go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pytest

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import REPORT, Slice
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.rows.source import Chunk, SourceMissing, SourceProblem
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import features_of
from seatrial.monitoring.summaries.profile import profile_of
from seatrial.monitoring.triggers.rule import DriftRule, Quorum, Rule
from seatrial.monitoring.watching.log_monitor import LogMonitor
from seatrial.monitoring.watching.log_windows import LogWindows
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
    clock: Clock = field(default_factory=FakeClock)
    tables: list[Table] = field(default_factory=list)
    gone: bool = False
    windows: Windows = field(default_factory=lambda: Windows(n_rows=500))
    said: list[SourceProblem] = field(default_factory=list)

    def monitor(self, *, rules: tuple[Rule, ...] = ()) -> LogMonitor:
        summariser = Summariser(WATCH.profile)
        book = AlertBook(self.store)
        return LogMonitor(
            endpoint="churn",
            version=2,
            open_log=self._open,
            windows=LogWindows(self.windows, lambda t, c: summariser.summarise(features_of(t, c))),
            grace=timedelta(minutes=10),
            watch=WATCH,
            store=self.store,
            alarms=Alarms(book, Couriers([]), clock=self.clock),
            rules=rules,
            clock=self.clock,
            checkpoint=self.place,
            say=self.said.append,
        )

    def _open(self) -> MemorySource:
        if self.gone:
            raise SourceMissing("There is no file 'log'.", remedy="Give the path of the data.")
        return MemorySource(self.rows())

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
    assert isinstance(world.clock, FakeClock)
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
