"""A log, chunk by chunk: rows become counted windows, and what must be kept between two chunks.

Pure: the state is a value, with a stored form. What has been read and not yet judged is in it as
counts, so that a process that was killed goes on without reading a row twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import Chunk
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.rows.window import (
    Closed,
    Event,
    Late,
    Piece,
    Progress,
    Undated,
    Window,
    Windows,
    cut,
    finish,
)
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.summaries.summary_record import decode, encode
from seatrial.monitoring.watching.watch import Span

SCHEMA = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Count = Callable[[Table, Columns], Summary]
"""Counts some rows against the reference."""


class CheckpointUnreadable(Invalid):
    """What was kept between two chunks is not what this version can read."""

    code = "monitoring.checkpoint_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """How far a log was read, and what of it is not judged yet.

    Args:
        cursor: where to read on; None at the beginning.
        progress: of the cutting.
        open: counts of each window that is not complete, by its index.
    """

    cursor: str | None = None
    progress: Progress = field(default_factory=Progress)
    open: Mapping[int, Summary] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Compact bytes, with a version.   Raises: SummaryTooLarge."""
        counts = {index: encode(summary) for index, summary in self.open.items()}
        return msgspec.msgpack.encode((SCHEMA, self.cursor, self.progress.as_dict(), counts))

    @classmethod
    def decode(cls, data: bytes) -> LogState:
        """The state that was encoded.   Raises: CheckpointUnreadable, SummaryUnreadable."""
        try:
            schema, cursor, progress, counts = msgspec.msgpack.decode(
                data, type=tuple[int, str | None, dict[str, Any], dict[int, bytes]]
            )
            if schema != SCHEMA:
                raise _unreadable(f"its schema {schema} is unknown")
            return cls(
                cursor=cursor,
                progress=Progress.from_dict(progress),
                open={index: decode(one) for index, one in counts.items()},
            )
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWindow:
    """A complete window of a log.

    Args:
        index: grows from window to window.
        summary: its rows.
        span: when it was: its borders, or for one by count the times of its rows.
    """

    index: int
    summary: Summary
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What came of a chunk.

    Args:
        state: afterwards.
        windows: that became complete, in order.
        n_late: rows whose window had closed, and ``n_undated`` rows in no window; neither counts.
    """

    state: LogState
    windows: tuple[LogWindow, ...]
    n_late: int = 0
    n_undated: int = 0


class LogWindows:
    """Cuts and counts.

    Args:
        windows: how rows are cut.
        count: counts rows of a chunk.
    """

    def __init__(self, windows: Windows, count: Count) -> None:
        self._windows = windows
        self._count = count

    def take(self, state: LogState, chunk: Chunk, *, now: datetime, latest: datetime) -> Took:
        """Take a chunk in.

        Args:
            now: the span of windows without any time.
            latest: a row that says it is younger is in no window.
        """
        progress, events = cut(self._windows, state.progress, chunk.table, latest=latest)
        held = dict(state.open)
        done = self._events(events, held, chunk.columns, now)
        return Took(
            state=LogState(cursor=chunk.cursor, progress=progress, open=held),
            windows=done,
            n_late=sum(event.table.n for event in events if isinstance(event, Late)),
            n_undated=sum(event.table.n for event in events if isinstance(event, Undated)),
        )

    def end(self, state: LogState, *, now: datetime) -> Took:
        """Close what is open: nothing more will come."""
        progress, events = finish(self._windows, state.progress)
        held = dict(state.open)
        done = self._events(events, held, Columns(), now)
        return Took(state=LogState(cursor=state.cursor, progress=progress, open=held), windows=done)

    def _events(
        self, events: Sequence[Event], held: dict[int, Summary], columns: Columns, now: datetime
    ) -> tuple[LogWindow, ...]:
        done: list[LogWindow] = []
        for event in events:
            match event:
                case Piece():
                    index = event.window.index
                    news = self._count(event.table, columns)
                    held[index] = held[index] + news if index in held else news
                case Closed():
                    summary = held.pop(event.window.index)
                    span = _span(event.window, summary, now)
                    done.append(LogWindow(index=event.window.index, summary=summary, span=span))
                case Late() | Undated():
                    pass
        return tuple(done)


def _span(window: Window, summary: Summary, now: datetime) -> Span:
    if window.start is not None and window.end is not None:
        return Span(start=window.start, end=window.end)
    if summary.first_us is None or summary.last_us is None:
        return Span(start=now, end=now)
    return Span(start=_at(summary.first_us), end=_at(summary.last_us))


def _at(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _unreadable(why: str) -> CheckpointUnreadable:
    return CheckpointUnreadable(
        f"The stored place in the log cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or begin in another folder.",
    )
