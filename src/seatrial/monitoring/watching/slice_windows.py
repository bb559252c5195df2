"""Windows from the slices of a server: counts of workers added up until there is enough to judge.

A worker hands in its counts every minute. A window of a version goes on until it has lasted long
enough and has enough rows, whatever number of workers counted them; so windows depend on the slices
and their order alone, and a process that starts anew cuts the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import DATA, Slice, Slices
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.summaries.summary_record import decode
from seatrial.monitoring.watching.watch import Span

_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """When a window is complete.

    Args:
        every_s: it lasts at least so many seconds, > 0.
        least_rows: and has at least so many rows, >= 1;
        longest_s: but no longer than this, if it has any row.
        grace_s: what is counted is handed in at most so late: a window that has lasted the longest
            by the clock, and this besides, is complete though nothing more came.
    """

    every_s: float = 600.0
    least_rows: int = 500
    longest_s: float = 86_400.0
    grace_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceWindow:
    """A complete window of one version.

    Args:
        version: that answered.
        summary: its rows.
        span: from the begin of its first slice to the end of its last.
        position: of its last slice.
    """

    version: int
    summary: Summary
    span: Span
    position: int


@dataclass(slots=True)
class _Open:
    summary: Summary
    start: datetime
    end: datetime
    position: int

    def complete(self, rule: WindowRule) -> bool:
        lasted_s = (self.end - self.start).total_seconds()
        enough = self.summary.n >= rule.least_rows and lasted_s >= rule.every_s
        return enough or lasted_s >= rule.longest_s

    def over(self, rule: WindowRule, now: datetime) -> bool:
        """Whether the clock says that it has ended."""
        return (now - self.start).total_seconds() >= rule.longest_s + rule.grace_s

    def window(self, version: int) -> SliceWindow:
        return SliceWindow(
            version=version,
            summary=self.summary,
            span=Span(start=self.start, end=self.end),
            position=self.position,
        )


class SliceWindows:
    """Cuts the slices of one endpoint into windows, version by version.

    Args:
        slices: where they are read.
        endpoint: its name.
        rule: when a window is complete.
        after: by version, the position up to which windows were cut before.
    """

    def __init__(
        self,
        slices: Slices,
        endpoint: str,
        rule: WindowRule,
        *,
        after: Mapping[int, int] | None = None,
    ) -> None:
        self._slices = slices
        self._endpoint = endpoint
        self._rule = rule
        self._done = dict(after or {})
        self._position = 0
        self._open: dict[int, _Open] = {}
        self._unreadable: list[Invalid] = []

    def refresh(self, now: datetime) -> Iterator[SliceWindow]:
        """Read on, and yield each window that became complete.

        A slice that is no count is passed over; see `unreadable`.
        Raises: StoreUnavailable and its kin: nothing is lost, the next call reads on.
        """
        while page := self._slices.read_slices(
            self._endpoint, kind=DATA, after=self._position, limit=_PAGE
        ):
            for position, piece in page:
                self._position = position
                if position <= self._done.get(piece.version, 0):
                    continue
                try:
                    window = self._added(position, piece)
                except Invalid as problem:
                    self._unreadable.append(problem)
                    continue
                if window.complete(self._rule):
                    yield self._closed(piece.version)
        for version in [v for v, one in self._open.items() if one.over(self._rule, now)]:
            yield self._closed(version)

    def unreadable(self) -> list[Invalid]:
        """Slices that were passed over since the last call of this: why."""
        found, self._unreadable = self._unreadable, []
        return found

    def filling_since(self) -> datetime | None:
        """Begin of the first slice that is in no complete window; None without any."""
        return min((window.start for window in self._open.values()), default=None)

    def filling(self) -> dict[int, int]:
        """Rows so far of the windows that are not complete, by version."""
        return {version: window.summary.n for version, window in self._open.items()}

    def _closed(self, version: int) -> SliceWindow:
        return self._open.pop(version).window(version)

    def _added(self, position: int, piece: Slice) -> _Open:
        news = decode(piece.summary)
        end = piece.start + timedelta(seconds=piece.width_s)
        held = self._open.get(piece.version)
        if held is None:
            held = self._open[piece.version] = _Open(news, piece.start, end, position)
        else:
            held.summary = held.summary + news
            held.start, held.end = min(held.start, piece.start), max(held.end, end)
            held.position = position
        return held
