"""The log of another server under watch: each complete window is judged once, whatever is killed.

See `watching/window_judge.py` for the order in which a window is told and kept; how far the log was
read comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.rows.source import (
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
    TableSource,
)
from seatrial.monitoring.watching.log_findings import LOG, log_labels, too_old, undated, unread
from seatrial.monitoring.watching.log_windows import LogState, LogWindows, Took
from seatrial.monitoring.watching.report_log import VersionLog
from seatrial.monitoring.watching.telling import Telling
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.watch_findings import watch_finding
from seatrial.monitoring.watching.window_judge import Judged, WindowJudge

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_AHEAD = timedelta(hours=1)
"""How far clocks may differ: a row that is of a later time is in no time window."""

TROUBLE = (SourceDenied, SourceMissing, SourceUnavailable, SourceUnreadable)
"""Errors of a log that may be gone with the next look."""

_TROUBLE_S = 60.0
"""How long something must keep the log from being watched before people are told."""


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
        grace: how long after the end of a time window, by the clock, it closes without a later
            row, if nothing came for it that long.
        max_age: how old the newest row may be, by the clock; None does not look.
        watch: judges windows.
        store: keeps reports.
        telling: tells people and triggers what is found.
        troubles: of the watch itself; shared with all that watches the log.
        clock: wall time.
        checkpoint: keeps how far the log was read.
        say: told each problem of a source once it is met, and when rows come too late.
    Raises: CheckpointUnreadable, SummaryUnreadable; StoreUnavailable and its kin.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        version: int,
        open_log: Callable[[], TableSource | None],
        windows: LogWindows,
        grace: timedelta,
        max_age: timedelta | None = None,
        watch: Watch,
        store: Store,
        telling: Telling,
        troubles: Troubles,
        clock: Clock,
        checkpoint: Checkpoint,
        say: Callable[[SourceProblem], None],
    ) -> None:
        self._endpoint = endpoint
        self._version = version
        self._open_log = open_log
        self._windows = windows
        self._labels = log_labels(endpoint, version)
        self._grace = grace
        self._max_age = max_age
        self._watch = watch
        self._clock = clock
        self._checkpoint = checkpoint
        self._say = say
        self._troubles = troubles
        self._telling = telling
        self._judge = WindowJudge(store, endpoint, tell=self._tell, troubles=self._troubles)
        self._late_said: int | None = None
        self._undated = (0, 0)
        """Rows in no window, of those that the last look with any rows read."""
        data = checkpoint.read()
        self._state = LogState() if data is None else LogState.decode(data)

    @property
    def n_filling(self) -> int:
        """Rows of the windows that are not complete."""
        return sum(summary.n for summary in self._state.open.values())

    def left_out(self) -> dict[str, int]:
        """Rows so far that count in no window: ``late`` ones came after theirs had closed, the time
        of ``undated`` ones is not known or later than it can be.
        """
        progress = self._state.progress
        return {"late": progress.n_late, "undated": progress.n_undated}

    def kept(self) -> VersionLog | None:
        """The reports so far."""
        return self._judge.kept().get(self._version)

    def troubles(self) -> list[dict[str, str]]:
        """What keeps the log from being watched, as a JSON-able record."""
        return [one.as_dict() for one in self._troubles.lasting(self._endpoint, 0.0)]

    def tick(self) -> list[Judged]:
        """Read what is new and judge the windows that became complete.

        A log that cannot be read is a finding, and is tried again with the next call.
        Raises: NoSuchColumn, DuplicateColumn, CursorInvalid: the configuration does not fit the
            log; StoreUnavailable and its kin, after which a new monitor goes on.
        """
        judged: list[Judged] = []
        try:
            self._read(judged)
        except TROUBLE as trouble:
            self._troubles.met(self._endpoint, LOG, trouble)
            found = unread(self._labels, trouble)
        else:
            self._troubles.over(self._endpoint, LOG)
            self._expire(judged)
            found = self._unsound()
        broken = self._troubles.lasting(self._endpoint, _TROUBLE_S)
        own = watch_finding(self._endpoint, [one for one in broken if one.part != LOG])
        self._telling.tell(self._endpoint, [found, own])
        self._telling.ask(self._endpoint)
        return judged

    def _read(self, judged: list[Judged]) -> None:
        source = self._open_log()
        if source is None:
            return
        n = n_undated = 0
        for chunk in source.chunks(after=self._state.cursor):
            now = self._clock.now()
            for problem in chunk.problems:
                self._say(problem)
            took = self._windows.take(self._state, chunk, now=now, latest=now + _AHEAD)
            self._judge_all(took, judged)
            self._say_late(took.late)
            n, n_undated = n + chunk.table.n, n_undated + took.n_undated
            if n:
                self._undated = (n_undated, n)
            if took.state.cursor != self._state.cursor:
                self._keep(took.state)

    def _unsound(self) -> Finding:
        """The worst of what is wrong with the log as a whole, if anything is."""
        us = self._state.progress.newest_us
        newest = None if us is None else _EPOCH + timedelta(microseconds=us)
        now = self._clock.now()
        old = too_old(self._labels, newest, now=now, max_age=self._max_age)
        return max(undated(self._labels, *self._undated), old, key=lambda one: one.level.rank)

    def _expire(self, judged: list[Judged]) -> None:
        """Close the windows that the clock says are over.

        That they take no more rows is kept before they are judged: a row that comes after a kill
        in between is late, and not lost in a window that was judged.
        """
        now = self._clock.now()
        state = self._windows.expire(self._state, now=now, grace=self._grace)
        if state is not self._state:
            self._keep(state)
        took = self._windows.expired(self._state, now=now)
        if took.windows:
            self._judge_all(took, judged)
            self._keep(took.state)

    def _keep(self, state: LogState) -> None:
        self._checkpoint.write(state.encode())
        self._state = state

    def _judge_all(self, took: Took, judged: list[Judged]) -> None:
        for window in took.windows:
            found = self._judge.judge(
                self._watch,
                self._version,
                window.summary,
                window.span,
                position=window.index + 1,
                now=self._clock.now(),
            )
            judged += [] if found is None else [found]

    def _tell(self, judged: Judged) -> None:
        self._telling.tell(self._endpoint, judged.findings, [judged.window])

    def _say_late(self, late: Mapping[int, int]) -> None:
        """Say it once a window: a log that is written in pieces may bring many late rows."""
        for index in sorted(late):
            if self._late_said is None or index > self._late_said:
                self._late_said = index
                start = self._windows.start(index)
                self._say(
                    SourceProblem(
                        flaw="late",
                        where=f"window {index}",
                        message=f"{late[index]:,} rows of the window from {start} came after it "
                        "had closed and count in none. Raise windows.lateness or windows.grace "
                        "if rows come so late.",
                        n=late[index],
                    )
                )
