"""Windows of rows, by count or by time, and where each lies in the calendar.

How rows are put into them is in `rows/cutting.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid

_DAY_US: Final = 86_400_000_000
_QUARTER_US: Final = 900_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal() - 1  # counted from a Monday, 0001-01-01


class BadWindow(Invalid):
    """Windows cannot be cut so."""

    code = "monitoring.bad_window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How rows are cut into windows: by count or by time, one of the two.

    Args:
        n_rows: rows of a window, >= 1, in the order they come in.
        every_s: length in whole seconds, >= 1. Windows of whole days begin at midnight, those of
            whole weeks on Monday; shorter ones count from 1970.
        time_zone: IANA name; where the midnights of windows of whole days are. Such a day has 23
            or 25 hours when the clock is changed.
        lateness_s: how much later than its window's end, by the times of rows, a row may still
            come, >= 0; None: until everything was read.
    Raises: BadWindow.
    """

    n_rows: int | None = None
    every_s: int | None = None
    time_zone: str = "UTC"
    lateness_s: float | None = None

    def __post_init__(self) -> None:
        if (self.n_rows is None) == (self.every_s is None):
            raise BadWindow(
                f"Windows of {self.n_rows} rows and {self.every_s} seconds are none.",
                remedy="Give either a number of rows or a length.",
            )
        for name, value in (("n_rows", self.n_rows), ("every_s", self.every_s)):
            if value is not None and value < 1:
                raise BadWindow(f"{name} is {value}.", remedy="Give at least 1.", field=name)
        if self.lateness_s is not None and not 0 <= self.lateness_s < 1e10:
            raise BadWindow(
                f"lateness_s is {self.lateness_s}.", remedy="Give 0 or more.", field="lateness_s"
            )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadWindow(
                f"There is no time zone {self.time_zone!r}.",
                remedy="Give an IANA name such as Europe/Berlin or Asia/Shanghai.",
                field="time_zone",
            ) from error


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One window.

    Args:
        index: counts windows; of time windows, from a fixed beginning, with gaps where no rows are.
        start, end: of a time window, in UTC; the end is not part of it. None for one by count.
    """

    index: int
    start: datetime | None = None
    end: datetime | None = None


def start_of(windows: Windows, index: int) -> datetime | None:
    """When a window begins; None for one by count."""
    return window_at(windows, index).start


def end_of(windows: Windows, index: int) -> datetime | None:
    """When a window ends; None for one by count."""
    return window_at(windows, index).end


def _in_days(windows: Windows) -> int | None:
    """The length in whole days, or None."""
    assert windows.every_s is not None
    days, rest = divmod(windows.every_s, 86_400)
    return None if rest else days


def indices_of(windows: Windows, us: NDArray[np.int64]) -> NDArray[np.int64]:
    """The window of each time, in microseconds since 1970; of windows by time."""
    assert windows.every_s is not None
    days = _in_days(windows)
    if days is None:
        return us // (windows.every_s * 1_000_000)
    return _local_days(us, windows.time_zone) // days


def _local_days(us: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    """Days since Monday, 0001-01-01, by the calendar of a zone."""
    if time_zone == "UTC":
        return us // _DAY_US + _EPOCH_DAY
    # Clocks are changed on quarters of an hour, so one look-up for each quarter does.
    quarters, at = np.unique(us // _QUARTER_US, return_inverse=True)
    zone = ZoneInfo(time_zone)
    days = [
        (EPOCH + timedelta(seconds=900 * int(q))).astimezone(zone).toordinal() for q in quarters
    ]
    return np.array(days, np.int64)[at] - 1


def window_at(windows: Windows, index: int) -> Window:
    """The window of an index."""
    if windows.every_s is None:
        return Window(index)
    days = _in_days(windows)
    if days is None:
        start = EPOCH + timedelta(seconds=index * windows.every_s)
        return Window(index, start, start + timedelta(seconds=windows.every_s))
    zone = ZoneInfo(windows.time_zone)
    first, after = _midnight(index * days, zone), _midnight((index + 1) * days, zone)
    return Window(index, first, after)


def _midnight(day: int, zone: ZoneInfo) -> datetime:
    local = datetime.fromordinal(max(1, min(day + 1, date.max.toordinal())))
    return local.replace(tzinfo=zone).astimezone(UTC)
