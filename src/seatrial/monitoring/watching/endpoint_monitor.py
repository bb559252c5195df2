"""One endpoint of a server under watch: counts of its rows become windows, reports and findings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Slices, StoreFull, StoreUnavailable
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.drift.alarm_state import WatchState
from seatrial.monitoring.watching.report_log import ReportLog, VersionLog
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.slice_windows import SliceWindow, SliceWindows, WindowRule
from seatrial.monitoring.watching.watch import Watch, WindowReport
from seatrial.monitoring.watching.watch_findings import findings

_log = logging.getLogger(__name__)


class OpenWatch(Protocol):
    """Makes the watch of a version."""

    def __call__(self, endpoint: str, version: int) -> Watch | None:
        """The watch, or None when the version has no reference; blocks.

        Raises: SeatrialError: the reference cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A window that was judged.

    Args:
        version: that answered.
        report: of it.
        findings: what people are told.
    """

    version: int
    report: WindowReport
    findings: tuple[Finding, ...]


class EndpointMonitor:
    """Judges the windows of one endpoint, each once, whatever is killed meanwhile.

    Args:
        slices: where counts are read and reports kept.
        endpoint: its name.
        rule: when a window is complete.
        open_watch: makes the watch of a version.
    """

    def __init__(
        self, slices: Slices, endpoint: str, *, rule: WindowRule, open_watch: OpenWatch
    ) -> None:
        self._endpoint = endpoint
        self._open_watch = open_watch
        self._reports = ReportLog(slices, endpoint)
        known = self._reports.refresh()
        done = {version: kept.position for version, kept in known.items()}
        self._windows = SliceWindows(slices, endpoint, rule, after=done)
        self._watches: dict[int, Watch | None] = {}
        self._states: dict[int, WatchState] = {}

    def turn(self, now: datetime) -> list[Judged]:
        """Judge the windows that became complete.

        Raises: StoreUnavailable, StoreFull: what was not kept is judged again after a restart.
        """
        judged: list[Judged] = []
        for window in self._windows.refresh():
            try:
                found = self._judge(window, now)
            except (StoreUnavailable, StoreFull):
                raise
            except SeatrialError as problem:
                _log.warning("%s: a window was not judged: %s", self._endpoint, problem)
                continue
            if found is not None:
                judged.append(found)
        self._reports.refresh()
        return judged

    def kept(self) -> Mapping[int, VersionLog]:
        """Reports by version, as of the last turn."""
        return self._reports.refresh()

    def filling(self) -> Mapping[int, int]:
        """Rows of the windows that are not complete yet, by version."""
        return self._windows.filling()

    def _judge(self, window: SliceWindow, now: datetime) -> Judged | None:
        watch = self._watch(window.version)
        if watch is None:
            return None
        state, report = watch.step(
            self._state(window.version, watch), window.summary, window.span, now=now
        )
        self._reports.append(
            window.version,
            report_record(report),
            window.span,
            state=state.encode(),
            position=window.position,
        )
        self._states[window.version] = state
        said = findings(report, endpoint=self._endpoint, version=window.version)
        return Judged(version=window.version, report=report, findings=tuple(said))

    def _watch(self, version: int) -> Watch | None:
        if version not in self._watches:
            try:
                self._watches[version] = self._open_watch(self._endpoint, version)
            except SeatrialError as problem:
                _log.warning("%s version %d is not watched: %s", self._endpoint, version, problem)
                self._watches[version] = None
        return self._watches[version]

    def _state(self, version: int, watch: Watch) -> WatchState:
        if version not in self._states:
            kept = self._reports.refresh().get(version)
            self._states[version] = watch.start() if kept is None else WatchState.decode(kept.state)
        return self._states[version]
