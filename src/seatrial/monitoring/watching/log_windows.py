"""A log, chunk by chunk: rows become counted windows, and what must be kept between two chunks.

Pure: the state is a value, with a stored form. What has been read and not yet judged is in it as
counts, so that a process that was killed goes on without reading a row twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.cutting import (
    Closed,
    Event,
    Late,
    Piece,
    Progress,
    Undated,
    close_until,
    cut,
    drained,
    finish,
)
from seatrial.monitoring.rows.source import Chunk
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.rows.window import Window, Windows, end_of, start_of
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.summaries.summary_record import decode, encode
from seatrial.monitoring.watching.watch import Span

SCHEMA = 2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

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
        touched_us: when rows were added to each of them last, by the clock, microseconds since
            1970.
    """

    cursor: str | None = None
    progress: Progress = field(default_factory=Progress)
    open: Mapping[int, Summary] = field(default_factory=dict)
    touched_us: Mapping[int, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Compact bytes, with a version.   Raises: SummaryTooLarge."""
        counts = {index: encode(summary) for index, summary in self.open.items()}
        record = (SCHEMA, self.cursor, self.progress.as_dict(), counts, dict(self.touched_us))
        return msgspec.msgpack.encode(record)

    @classmethod
    def decode(cls, data: bytes) -> LogState:
        """The state that was encoded.   Raises: CheckpointUnreadable, SummaryUnreadable."""
        try:
            schema, *rest = msgspec.msgpack.decode(data)
            if schema == 1:
                rest = [*rest, {}]
            elif schema != SCHEMA:
                raise _unreadable(f"its schema {schema} is unknown")
            cursor, progress, counts, touched_us = msgspec.convert(
                rest, type=tuple[str | None, dict[str, Any], dict[int, bytes], dict[int, int]]
            )
            return cls(
                cursor=cursor,
                progress=Progress.from_dict(progress),
                open={index: decode(one) for index, one in counts.items()},
                touched_us=touched_us,
            )
        except (
            msgspec.DecodeError,
            msgspec.ValidationError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
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
        late: rows that came after their window had closed, by its index; they count in none.
        n_undated: rows in no window.
    """

    state: LogState
    windows: tuple[LogWindow, ...]
    late: Mapping[int, int] = field(default_factory=dict)
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
            now: by the clock; also the span of windows without any time.
            latest: a row that says it is younger is in no window.
        """
        progress, events = cut(self._windows, state.progress, chunk.table, latest=latest)
        held = dict(state.open)
        done = self._events(events, held, chunk.columns, now)
        grown = {event.window.index for event in events if isinstance(event, Piece)}
        touched = {i: _us(now) if i in grown else state.touched_us.get(i, 0) for i in held}
        late: Counter[int] = Counter()
        for event in events:
            if isinstance(event, Late):
                late[event.window.index] += event.table.n
        return Took(
            state=LogState(cursor=chunk.cursor, progress=progress, open=held, touched_us=touched),
            windows=done,
            late=dict(late),
            n_undated=sum(event.table.n for event in events if isinstance(event, Undated)),
        )

    def expire(self, state: LogState, *, now: datetime, grace: timedelta) -> LogState:
        """Take no more rows into time windows that the clock says are over; `expired` judges them.

        That is ``grace`` after the end and the allowed lateness, if nothing came for it that long.
        A window goes with those before it: they are judged in order.
        """
        last = None
        for index in sorted(state.open):
            end = self._end(index)
            idle_us = _us(now) - state.touched_us.get(index, 0)
            quiet = not 0 <= idle_us < grace // _US  # a clock that was set back is quiet too
            if end is None or now < end + grace or not quiet:
                break
            last = index
        if last is None:
            return state
        return replace(state, progress=close_until(state.progress, last))

    def expired(self, state: LogState, *, now: datetime) -> Took:
        """The windows that take no more rows, also after a restart in between."""
        progress, events = drained(self._windows, state.progress)
        held = dict(state.open)
        done = self._events(events, held, Columns(), now)
        return Took(state=replace(state, progress=progress, open=held), windows=done)

    def end(self, state: LogState, *, now: datetime) -> Took:
        """Close what is open: nothing more will come."""
        progress, events = finish(self._windows, state.progress)
        held = dict(state.open)
        done = self._events(events, held, Columns(), now)
        return Took(state=LogState(cursor=state.cursor, progress=progress, open=held), windows=done)

    def start(self, index: int) -> datetime | None:
        """When a window begins; None for one by count."""
        return start_of(self._windows, index)

    def _end(self, index: int) -> datetime | None:
        """When rows of a window are late; None where that is for nobody to say."""
        end, lateness_s = end_of(self._windows, index), self._windows.lateness_s
        if end is None or lateness_s is None:
            return None
        return end + timedelta(seconds=lateness_s)

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


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _US


def _at(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _unreadable(why: str) -> CheckpointUnreadable:
    return CheckpointUnreadable(
        f"The stored place in the log cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or begin in another folder.",
    )
