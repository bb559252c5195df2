"""Rows into windows, as the rows come: any chunking gives the same windows.

A time window closes when a row is seen that was predicted later than its end and the allowed
lateness together, or when whoever reads says that no more will come (`close_until`). A row whose
window has closed is late: it is handed on as such and never put into another window. Windows
without rows do not appear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Table, rows_of
from seatrial.monitoring.rows.window import EPOCH, Window, Windows, indices_of, window_at

_FIRST_US: Final = -62_135_510_400_000_000  # 0001-01-02: a day less for zones
_END_US: Final = 253_402_214_400_000_000  # 9999-12-31


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows of a window; there may be more."""

    window: Window
    table: Table


@dataclass(frozen=True, slots=True)
class Closed:
    """A window is complete, with ``n`` rows; ``full`` is False for one by count cut short."""

    window: Window
    n: int
    full: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """Rows that came after their window had closed."""

    window: Window
    table: Table


@dataclass(frozen=True, slots=True, eq=False)
class Undated:
    """Rows that are in no time window: theirs is unknown, or later than it can be."""

    table: Table


Event: TypeAlias = Piece | Closed | Late | Undated


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the cutting has come; all that must be kept between chunks.

    Args:
        n_seen: rows taken in, the undated and the late among them.
        newest_us: the latest time of a row, microseconds since 1970; None before the first.
        open: rows of each window that is not closed, by its index.
        n_late, n_undated: rows set apart.
        closed_below: time windows with a smaller index are closed, whatever rows say; None for
            none.
    """

    n_seen: int = 0
    newest_us: int | None = None
    open: Mapping[int, int] = field(default_factory=dict)
    n_late: int = 0
    n_undated: int = 0
    closed_below: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `Progress.from_dict` is its inverse."""
        return {
            "n_seen": self.n_seen,
            "newest_us": self.newest_us,
            "open": {str(index): n for index, n in self.open.items()},
            "n_late": self.n_late,
            "n_undated": self.n_undated,
            "closed_below": self.closed_below,
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Progress:
        """What `as_dict` gave."""
        return cls(**{**kept, "open": {int(index): n for index, n in kept["open"].items()}})


def cut(
    windows: Windows, progress: Progress, table: Table, *, latest: datetime | None = None
) -> tuple[Progress, list[Event]]:
    """Put the rows of a chunk into windows.

    Args:
        table: the chunk.
        latest: no row can have been predicted after this; aware. One that says so is undated, so
            that a wrong clock does not close every window. None: any time is believed.
    Returns: the new progress; pieces, then what was late or undated, then the windows that closed.
    """
    if windows.n_rows is not None:
        return _by_count(windows.n_rows, progress, table, latest)
    return _by_time(windows, progress, table, latest)


def close_until(progress: Progress, index: int) -> Progress:
    """Take no more rows into the time windows up to one; `drained` hands them out."""
    below = index + 1
    return replace(progress, closed_below=max(below, progress.closed_below or below))


def drained(windows: Windows, progress: Progress) -> tuple[Progress, list[Event]]:
    """The windows that take no more rows, as closed."""
    if progress.closed_below is None:
        return progress, []
    done = {i: n for i, n in sorted(progress.open.items()) if i < progress.closed_below}
    rest = {i: n for i, n in progress.open.items() if i not in done}
    closed: list[Event] = [Closed(window_at(windows, index), n) for index, n in done.items()]
    return replace(progress, open=rest), closed


def finish(windows: Windows, progress: Progress) -> tuple[Progress, list[Event]]:
    """Close what is open: nothing more will come."""
    closed: list[Event] = [
        Closed(window_at(windows, index), n, full=windows.n_rows in {None, n})
        for index, n in sorted(progress.open.items())
    ]
    return replace(progress, open={}), closed


def _by_count(
    size: int, progress: Progress, table: Table, latest: datetime | None
) -> tuple[Progress, list[Event]]:
    events: list[Event] = []
    seen, held = progress.n_seen, dict(progress.open)
    start = 0
    while start < table.n:
        index = seen // size
        taken = min(table.n - start, (index + 1) * size - seen)
        window = Window(index)
        events.append(Piece(window, rows_of(table, slice(start, start + taken))))
        held[index] = held.get(index, 0) + taken
        seen, start = seen + taken, start + taken
        if seen == (index + 1) * size:
            events.append(Closed(window, held.pop(index)))
    us = _micros(table)
    dated = us[_dated(us, latest)]
    newest = [int(dated.max())] if len(dated) else []
    newest += [] if progress.newest_us is None else [progress.newest_us]
    return replace(progress, n_seen=seen, open=held, newest_us=max(newest, default=None)), events


def _by_time(
    windows: Windows, progress: Progress, table: Table, latest: datetime | None
) -> tuple[Progress, list[Event]]:
    us = _micros(table)
    dated = _dated(us, latest)
    events: list[Event] = []
    n_undated = table.n - int(np.count_nonzero(dated))
    if n_undated:
        undated = Undated(_some(table, np.flatnonzero(~dated)))
    rows = np.flatnonzero(dated)
    us = us[rows]
    index = indices_of(windows, us)
    newest = _newest_before(us, progress.newest_us)
    late = index < _closed_below(windows, newest[:-1])
    if progress.closed_below is not None:
        late |= index < progress.closed_below
    held = dict(progress.open)
    for one, of in _groups(index, ~late):
        events.append(Piece(window_at(windows, one), _some(table, rows[of])))
        held[one] = held.get(one, 0) + len(of)
    events += [
        Late(window_at(windows, one), _some(table, rows[of])) for one, of in _groups(index, late)
    ]
    if n_undated:
        events.append(undated)
    newest_us = int(newest[-1]) if len(us) or progress.newest_us is not None else None
    if newest_us is not None:
        below = int(_closed_below(windows, newest[-1:])[0])
        for one in sorted(one for one in held if one < below):
            events.append(Closed(window_at(windows, one), held.pop(one)))
    return replace(
        progress,
        n_seen=progress.n_seen + table.n,
        newest_us=newest_us,
        open=held,
        n_late=progress.n_late + int(np.count_nonzero(late)),
        n_undated=progress.n_undated + n_undated,
    ), events


def _dated(us: NDArray[np.int64], latest: datetime | None) -> NDArray[np.bool_]:
    return (us >= _FIRST_US) & (us < (_END_US if latest is None else _us(latest) + 1))


def _micros(table: Table) -> NDArray[np.int64]:
    if table.at is None:
        return np.full(table.n, np.iinfo(np.int64).min)
    return table.at.astype("datetime64[us]").view(np.int64)  # NaT is the least of all


def _newest_before(us: NDArray[np.int64], newest_us: int | None) -> NDArray[np.int64]:
    """Shape (n + 1,): the latest time before each row, and after all; the least when none was."""
    first = np.iinfo(np.int64).min if newest_us is None else newest_us
    return np.maximum.accumulate(np.concatenate((np.array([first], np.int64), us)))


def _closed_below(windows: Windows, newest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Windows with a smaller index are closed once a row of the time ``newest`` was seen."""
    nothing = np.iinfo(np.int64).min
    if windows.lateness_s is None:
        return np.full(len(newest), nothing)
    seen = newest != nothing
    mark = np.maximum(np.where(seen, newest - round(windows.lateness_s * 1e6), 0), _FIRST_US)
    return np.where(seen, indices_of(windows, mark), nothing)


def _groups(
    index: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """The places of the chosen rows by window, windows in order, rows as they came."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return
    order = places[np.argsort(index[places], kind="stable")]
    borders = np.flatnonzero(np.diff(index[order])) + 1
    for of in np.split(order, borders):
        yield int(index[of[0]]), of


def _some(table: Table, rows: NDArray[np.intp]) -> Table:
    # Neighbours are a view, which is what rows in order of time nearly always are.
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return rows_of(table, slice(int(rows[0]), int(rows[-1]) + 1))
    return rows_of(table, rows)


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
