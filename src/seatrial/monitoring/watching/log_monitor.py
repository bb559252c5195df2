"""The log of another server under watch: each complete window is judged once, whatever is killed.

What follows from a window is told before the window is kept as judged. After a kill in between it
is judged again to the same result, and alerts and triggers take the same finding twice for one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.drift.alarm_state import WatchState
from seatrial.monitoring.rows.source import (
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
    TableSource,
)
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.rule import Rule
from seatrial.monitoring.triggers.rule import Window as TriggerWindow
from seatrial.monitoring.watching.endpoint_monitor import Judged
from seatrial.monitoring.watching.log_windows import LogState, LogWindow, LogWindows
from seatrial.monitoring.watching.report_log import ReportLog, VersionLog
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.watch_findings import findings

LOG = "log"
"""Kind of the finding about a log that cannot be read."""

_AHEAD = timedelta(hours=1)
"""How far clocks may differ: a row that is of a later time is in no time window."""

TROUBLE = (SourceDenied, SourceMissing, SourceUnavailable, SourceUnreadable)
"""Errors of a log that may be gone with the next look."""

_log = logging.getLogger(__name__)


class Checkpoint(Protocol):
    """Keeps one state, which replaces the one before whole or not at all."""

    def read(self) -> bytes | None:
        """The state that was written last; None before the first."""
        ...

    def write(self, data: bytes) -> None:
        """Keep a state."""
        ...


class LogMonitor:
    """Watches one log.

    Args:
        endpoint: what its findings are about, and ``version`` of it.
        open_log: makes the source; None while nothing is there to read.
        windows: cuts and counts its rows.
        watch: judges windows.
        store: keeps reports and triggers.
        alarms: lets alerts live, and tells people.
        rules: that say when to retrain.
        clock: wall time.
        checkpoint: keeps how far the log was read.
        say: told each problem of a source once it is met.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        version: int,
        open_log: Callable[[], TableSource | None],
        windows: LogWindows,
        watch: Watch,
        store: Store,
        alarms: Alarms,
        rules: Sequence[Rule],
        clock: Clock,
        checkpoint: Checkpoint,
        say: Callable[[SourceProblem], None],
    ) -> None:
        self._endpoint = endpoint
        self._version = version
        self._open_log = open_log
        self._windows = windows
        self._watch = watch
        self._alarms = alarms
        self._rules = rules
        self._triggers = TriggerBook(store)
        self._clock = clock
        self._checkpoint = checkpoint
        self._say = say
        self._trouble = ""
        self._reports = ReportLog(store, endpoint)
        self._kept = self._reports.refresh().get(version)
        self._memory = watch.start() if self._kept is None else WatchState.decode(self._kept.state)
        data = checkpoint.read()
        self._state = LogState() if data is None else LogState.decode(data)

    @property
    def n_filling(self) -> int:
        """Rows of the windows that are not complete."""
        return sum(summary.n for summary in self._state.open.values())

    @property
    def n_left_out(self) -> int:
        """Rows so far that are in no window: their time is not known, or came too late."""
        return self._state.progress.n_late + self._state.progress.n_undated

    def kept(self) -> VersionLog | None:
        """The reports so far."""
        return self._reports.refresh().get(self._version)

    def tick(self) -> list[Judged]:
        """Read what is new and judge the windows that became complete.

        A log that cannot be read is a finding, and is tried again with the next call.
        Raises: NoSuchColumn, DuplicateColumn, CursorInvalid: the configuration does not fit the
            log; StoreUnavailable, StoreFull.
        """
        judged: list[Judged] = []
        try:
            self._read(judged)
        except TROUBLE as trouble:
            if trouble.problem != self._trouble:  # it is met again with every look
                _log.warning("%s: %s", self._endpoint, trouble)
            self._trouble = trouble.problem
            self._alarms.tick([self._unread(trouble)])
        else:
            self._trouble = ""
            self._alarms.tick([Finding(labels=self._log_labels, level=Level.CLEAR)])
        self._ask(None)
        return judged

    def _read(self, judged: list[Judged]) -> None:
        source = self._open_log()
        if source is None:
            return
        for chunk in source.chunks(after=self._state.cursor):
            now = self._clock.now()
            for problem in chunk.problems:
                self._say(problem)
            took = self._windows.take(self._state, chunk, now=now, latest=now + _AHEAD)
            judged += [found for one in took.windows if (found := self._judge(one)) is not None]
            if took.state.cursor != self._state.cursor:
                self._checkpoint.write(took.state.encode())
                self._state = took.state

    def _judge(self, window: LogWindow) -> Judged | None:
        if self._kept is not None and window.index < self._kept.position:
            return None  # before a kill that came before the checkpoint
        state, report = self._watch.step(
            self._memory, window.summary, window.span, now=self._clock.now()
        )
        said = tuple(findings(report, endpoint=self._endpoint, version=self._version))
        judged = Judged(version=self._version, report=report, findings=said)
        self._alarms.tick(said)
        self._ask(
            TriggerWindow(
                version=self._version,
                end=report.span.end,
                psi={column.name: column.effect for column in report.drift.features},
            )
        )
        self._reports.append(
            self._version,
            report_record(report),
            window.span,
            state=state.encode(),
            position=window.index + 1,
        )
        self._kept = self._reports.refresh()[self._version]
        self._memory = state
        return judged

    def _ask(self, window: TriggerWindow | None) -> None:
        if self._rules:
            self._triggers.look(self._endpoint, self._rules, now=self._clock.now(), window=window)

    @property
    def _log_labels(self) -> Labels:
        return Labels(endpoint=self._endpoint, kind=LOG, version=self._version)

    def _unread(self, trouble: SeatrialError) -> Finding:
        return Finding(
            labels=self._log_labels,
            level=Level.CRITICAL,
            what=Phrase(
                f"The log is not watched: {trouble.problem}", f"日志未被监控：{trouble.problem}"
            ),
            steps=(Phrase(trouble.remedy),),
            evidence={"code": trouble.code},
        )
