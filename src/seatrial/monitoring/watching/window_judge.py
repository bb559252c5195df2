"""The windows of an endpoint, judged one after the other: each once, whatever is killed meanwhile.

What follows from a window is told before the window is kept as judged. After a kill in between it
is judged again to the same result, and alerts and triggers take the same finding twice for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Slices
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.drift.alarm_state import WatchState
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.triggers.rule import Window
from seatrial.monitoring.watching.report_log import ReportLog, VersionLog
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.watch import Span, Watch, WindowReport
from seatrial.monitoring.watching.watch_findings import findings
from seatrial.stats.detector_state import BadDetectorState

REPORTS, EVIDENCE = "kept reports", "the evidence so far"
"""Parts of the watch that may be in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A window that was judged.

    Args:
        version: that answered.
        report: of it.
        findings: what people are told.
        position: grows from window to window of a version.
    """

    version: int
    report: WindowReport
    findings: tuple[Finding, ...]
    position: int

    @property
    def window(self) -> Window:
        """As triggers take it."""
        return Window(
            version=self.version,
            end=self.report.span.end,
            index=self.position,
            psi={column.name: column.effect for column in self.report.drift.features},
        )


class WindowJudge:
    """Judges windows of one endpoint.

    Args:
        slices: where reports are kept.
        endpoint: its name.
        tell: told what follows from each window, at least once.
        troubles: told of what was kept and cannot be read.
    Raises: StoreUnavailable and its kin.
    """

    def __init__(
        self,
        slices: Slices,
        endpoint: str,
        *,
        tell: Callable[[Judged], None],
        troubles: Troubles,
    ) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self._troubles = troubles
        self._reports = ReportLog(slices, endpoint)
        self._memory: dict[int, tuple[int, WatchState]] = {}
        self.kept()

    def kept(self) -> Mapping[int, VersionLog]:
        """The reports so far, by version.   Raises: StoreUnavailable and its kin."""
        known = self._reports.refresh()
        for problem in self._reports.unreadable():
            self._troubles.met(self._endpoint, REPORTS, problem)
        return known

    def judge(
        self,
        watch: Watch,
        version: int,
        window: Summary,
        span: Span,
        *,
        position: int,
        now: datetime,
    ) -> Judged | None:
        """Judge a window, tell of it, and keep that it is judged, in this order.

        Args:
            position: grows from window to window of the version.
            now: to judge the age of the rows by.
        Returns: None when it was judged before.
        Raises: StoreUnavailable and its kin: judge it again; BadWatch: it cannot be judged.
        """
        kept = self.kept().get(version)
        if kept is not None and position <= kept.position:
            return None
        before = self._state(watch, version, kept)
        try:
            state, report = watch.step(before, window, span, now=now)
        except BadDetectorState as problem:
            self._troubles.met(self._endpoint, EVIDENCE, problem, version=version)
            state, report = watch.step(watch.start(), window, span, now=now)
        said = tuple(findings(report, endpoint=self._endpoint, version=version))
        judged = Judged(version=version, report=report, findings=said, position=position)
        self._tell(judged)
        self._reports.append(
            version, report_record(report), span, state=state.encode(), position=position
        )
        self._memory[version] = (position, state)
        self._troubles.over(self._endpoint, EVIDENCE, version=version)
        return judged

    def _state(self, watch: Watch, version: int, kept: VersionLog | None) -> WatchState:
        """What the watch remembers; from the store, if somebody else judged meanwhile.

        Evidence that cannot be read begins anew, and that is said: to judge no window ever again
        would be worse.
        """
        if kept is None:
            return watch.start()
        position, state = self._memory.get(version, (None, None))
        if state is not None and position == kept.position:
            return state
        try:
            return WatchState.decode(kept.state)
        except Invalid as problem:
            self._troubles.met(self._endpoint, EVIDENCE, problem, version=version)
            return watch.start()
