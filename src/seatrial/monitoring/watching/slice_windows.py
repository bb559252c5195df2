"""Windows from the slices of a server: counts of workers added up until there is enough to judge.

A worker hands in its counts every minute. A window of a version goes on until it has lasted long
enough and has enough rows, whatever number of workers counted them; so windows depend on the slices
and their order alone, and a process that starts anew cuts the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    """

    every_s: float = 600.0
    least_rows: int = 500
    longest_s: float = 86_400.0


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

    def refresh(self) -> Iterator[SliceWindow]:
        """Read on, and yield each window that became complete.

        Raises: StoreUnavailable: nothing is lost, the next call reads on; SummaryUnreadable,
            SummariesDiffer: a slice that is no such count, which is passed over by the next call.
        """
        while page := self._slices.read_slices(
            self._endpoint, kind=DATA, after=self._position, limit=_PAGE
        ):
            for position, piece in page:
                self._position = position
                if position <= self._done.get(piece.version, 0):
                    continue
                window = self._added(position, piece)
                if window.complete(self._rule):
                    del self._open[piece.version]
                    yield SliceWindow(
                        version=piece.version,
                        summary=window.summary,
                        span=Span(start=window.start, end=window.end),
                        position=position,
                    )

    def filling(self) -> dict[int, int]:
        """Rows so far of the windows that are not complete, by version."""
        return {version: window.summary.n for version, window in self._open.items()}

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
