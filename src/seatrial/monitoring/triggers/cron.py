"""Cron expressions of five fields, and the times they name.

minute, hour, day of month, month, day of week; ``*``, lists, ranges, steps and English names, and
``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``. As with every cron, where both days
are restricted either is enough, and 7 is Sunday too. Nothing else: no seconds, ``L``, ``W``, ``#``.

Local times that a change of clocks skips run at the time shown an hour later; times it repeats run
once, the first time.

Written here because it is small and the core takes no dependency for it; tests compare it with
`cronsim`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from seatrial.kernel.errors import Invalid

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(r"(\*|[0-9]+|[a-z]{3})(?:-([0-9]+|[a-z]{3}))?(?:/([0-9]+))?", re.ASCII)
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LONGEST_WAIT_DAYS = 8 * 366  # 29 February, across a year that has none
_CLOCK_CHANGE = timedelta(hours=3)  # more than clocks are ever changed by at once


class BadCron(Invalid):
    """A text that is no cron expression, or one that never comes."""

    code = "monitoring.bad_cron"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Times of a schedule.

    Args:
        text: as it was written.
        minutes: in [0, 59].
        hours: in [0, 23].
        days: of the month, in [1, 31].
        months: in [1, 12].
        weekdays: in [0, 6], 0 is Sunday.
        either_day: whether a day that fits ``days`` or ``weekdays`` is enough.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @property
    def fields(self) -> str:
        """Its five fields, by whichever short name it was written."""
        return _fields(self.text)

    def on(self, day: date) -> bool:
        """Whether a day is one of the schedule."""
        if day.month not in self.months:
            return False
        fits = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return any(fits) if self.either_day else all(fits)


def parse_cron(text: str) -> Cron:
    """The schedule a text means.   Raises: BadCron."""
    fields = _fields(text).split()
    if len(fields) != 5:
        raise _bad(text, f"has {len(fields)} fields, not 5")
    weekdays = {day % 7 for day in _field(text, fields[4], (0, 7), "day of week", _DAYS)}
    cron = Cron(
        text=text.strip(),
        minutes=tuple(sorted(_field(text, fields[0], (0, 59), "minute"))),
        hours=tuple(sorted(_field(text, fields[1], (0, 23), "hour"))),
        days=frozenset(_field(text, fields[2], (1, 31), "day of month")),
        months=frozenset(_field(text, fields[3], (1, 12), "month", _MONTHS)),
        weekdays=frozenset(weekdays),
        # As Vixie cron has it, a field that begins with a star restricts nothing by itself.
        either_day=not (fields[2].startswith("*") or fields[4].startswith("*")),
    )
    if not cron.either_day and all(
        min(cron.days) > _LONGEST_MONTH[month - 1] for month in cron.months
    ):
        raise _bad(text, "names a day that no month has")
    return cron


def _fields(text: str) -> str:
    return " ".join(_MACROS.get(text.strip().lower(), text).lower().split())


def latest(cron: Cron, now: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The newest time of the schedule that is not after ``now``, in UTC.

    Args:
        now: aware.
        zone: whose clocks the schedule means.
    Returns: None when there was none within eight years.
    """
    return _nearest(cron, now, zone, back=True)


def following(cron: Cron, now: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The first time of the schedule after ``now``, in UTC; see `latest`."""
    return _nearest(cron, now, zone, back=False)


def _nearest(cron: Cron, now: datetime, zone: tzinfo, *, back: bool) -> datetime | None:
    """Walks local times away from ``now``.

    Near a change of clocks the order of local times is not that of the moments they name, so the
    walk goes on a little after the first that fits.
    """
    best: datetime | None = None
    best_local: datetime | None = None
    for local in _walk(cron, now.astimezone(zone).date(), back=back):
        if best_local is not None and abs(local - best_local) > _CLOCK_CHANGE:
            break
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if (moment <= now) is not back:
            continue
        if best is None:
            best, best_local = moment, local
        best = max(best, moment) if back else min(best, moment)
    return best


def _walk(cron: Cron, day: date, *, back: bool) -> Iterator[datetime]:
    """Local times of the schedule from the day on the other side of ``day`` on."""
    sign = -1 if back else 1
    hours, minutes = cron.hours[::sign], cron.minutes[::sign]
    for n in range(-1, _LONGEST_WAIT_DAYS):
        that_day = day + timedelta(days=sign * n)
        if cron.on(that_day):
            for hour in hours:
                for minute in minutes:
                    yield datetime.combine(that_day, time(hour, minute))


def _field(
    text: str, field: str, bounds: tuple[int, int], name: str, words: Sequence[str] = ()
) -> set[int]:
    low, high = bounds
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _bad(text, f"has {part!r} for the {name}")
        first, last, step = match.groups()
        if first == "*" and last is None:
            start, stop = low, high - (name == "day of week")
        elif first == "*":
            raise _bad(text, f"has {part!r} for the {name}")
        else:
            start = _number(text, first, low, name, words)
            stop = _number(text, last, low, name, words) if last else start
            if step and not last:
                stop = high  # "5/15" means from 5 on
        if not low <= start <= stop <= high or step == "0" or len(step or "") > 4:
            raise _bad(text, f"has {part!r} for the {name}, which goes from {low} to {high}")
        found.update(range(start, stop + 1, int(step or 1)))
    return found


def _number(text: str, word: str, low: int, name: str, words: Sequence[str]) -> int:
    if word.isdecimal():
        return int(word) if len(word) <= 2 else 99
    if word not in words:
        raise _bad(text, f"has {word!r} for the {name}")
    return words.index(word) + low


def _bad(text: str, why: str) -> BadCron:
    return BadCron(
        f"The schedule {text[:100]!r} {why[:150]}.",
        remedy="Write minute, hour, day of month, month and day of week, such as '0 3 * * mon'.",
        value=text[:100],
    )
