"""One endpoint of a server under watch: counts of its rows become windows, reports and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Slices
from seatrial.monitoring.alerts.troubles import NOT_KEPT, Troubles
from seatrial.monitoring.watching.report_log import VersionLog
from seatrial.monitoring.watching.slice_windows import SliceWindow, SliceWindows, WindowRule
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.window_judge import Judged, WindowJudge

COUNTS, WINDOWS, PROFILE = "counts of rows", "windows", "reference profile"
"""Parts of the watch that may be in trouble."""

_OPEN_AGAIN_S = 60.0
"""How long a version that could not be opened is left alone."""


class OpenWatch(Protocol):
    """Makes the watch of a version."""

    def __call__(self, endpoint: str, version: int) -> Watch | None:
        """The watch, or None when the version has no reference; blocks.

        Raises: SeatrialError: the reference cannot be read.
        """
        ...


class EndpointMonitor:
    """Judges the windows of one endpoint, each once, whatever is killed meanwhile.

    Args:
        slices: where counts are read and reports kept.
        endpoint: its name.
        rule: when a window is complete.
        open_watch: makes the watch of a version.
        tell: told what follows from each window before it is kept as judged.
        troubles: told of what is not watched, and why.
        clock: monotonic time.
    Raises: StoreUnavailable and its kin.
    """

    def __init__(
        self,
        slices: Slices,
        endpoint: str,
        *,
        rule: WindowRule,
        open_watch: OpenWatch,
        tell: Callable[[Judged], None],
        troubles: Troubles,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._open_watch = open_watch
        self._troubles = troubles
        self._clock = clock
        self._judge = WindowJudge(slices, endpoint, tell=tell, troubles=troubles)
        done = {version: kept.position for version, kept in self._judge.kept().items()}
        self._windows = SliceWindows(slices, endpoint, rule, after=done)
        self._watches: dict[int, Watch | None] = {}
        self._again_s: dict[int, float] = {}

    def turn(self, now: datetime) -> list[Judged]:
        """Judge the windows that became complete.

        Raises: StoreUnavailable and its kin: what was not kept is judged again by a new monitor.
        """
        judged: list[Judged] = []
        for window in self._windows.refresh(now):
            try:
                found = self._judged(window, now)
            except NOT_KEPT:
                raise
            except Exception as problem:  # noqa: BLE001 - a border: other windows are judged
                self._troubles.met(self._endpoint, WINDOWS, problem, version=window.version)
                continue
            self._troubles.over(self._endpoint, WINDOWS, version=window.version)
            if found is not None:
                judged.append(found)
        for unreadable in self._windows.unreadable():
            self._troubles.met(self._endpoint, COUNTS, unreadable)
        return judged

    def kept(self) -> Mapping[int, VersionLog]:
        """Reports by version, as of now."""
        return self._judge.kept()

    def filling(self) -> Mapping[int, int]:
        """Rows of the windows that are not complete yet, by version."""
        return self._windows.filling()

    def filling_since(self) -> datetime | None:
        """Begin of the first slice that is in no judged window; None without any."""
        return self._windows.filling_since()

    def _judged(self, window: SliceWindow, now: datetime) -> Judged | None:
        watch = self._watch(window.version)
        if watch is None:
            return None
        return self._judge.judge(
            watch,
            window.version,
            window.summary,
            window.span,
            position=window.position,
            now=now,
        )

    def _watch(self, version: int) -> Watch | None:
        now_s = self._clock.monotonic()
        known = version in self._watches
        if not known or (version in self._again_s and now_s >= self._again_s[version]):
            self._again_s.pop(version, None)
            try:
                self._watches[version] = self._open_watch(self._endpoint, version)
            except SeatrialError as problem:
                self._troubles.met(self._endpoint, PROFILE, problem, version=version)
                self._watches[version] = None
                self._again_s[version] = now_s + _OPEN_AGAIN_S
            else:
                self._troubles.over(self._endpoint, PROFILE, version=version)
        return self._watches[version]
