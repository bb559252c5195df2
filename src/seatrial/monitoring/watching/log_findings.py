"""What is said of a log as a whole: it cannot be read, it is old, its rows have no time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase

LOG = "log"
"""Kind of the finding about a log as a whole."""

_CRITICAL_AGES = 3
"""So many times as old as it may be is critical."""


def log_labels(endpoint: str, version: int) -> Labels:
    """What such findings are about."""
    return Labels(endpoint=endpoint, kind=LOG, version=version)


def unread(labels: Labels, trouble: SeatrialError) -> Finding:
    """The log cannot be read."""
    return Finding(
        labels=labels,
        level=Level.CRITICAL,
        what=Phrase(
            f"The log is not watched: {trouble.problem}", f"日志未被监控：{trouble.problem}"
        ),
        steps=(Phrase(trouble.remedy),),
        evidence={"code": trouble.code},
    )


def too_old(
    labels: Labels, newest: datetime | None, *, now: datetime, max_age: timedelta | None
) -> Finding:
    """Whether the newest row is older than it may be; clear where nobody asks or none has a time.

    Args:
        newest: its time, aware; None before the first.
        now: aware.
        max_age: > 0; over it is a warning, over three times it critical.
    """
    age = timedelta(0) if newest is None else now - newest
    if newest is None or max_age is None or age <= max_age:
        return Finding(labels=labels, level=Level.CLEAR)
    of, limit_s = f"{newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC", max_age.total_seconds()
    age_s = age.total_seconds()
    return Finding(
        labels=labels,
        level=Level.CRITICAL if age > _CRITICAL_AGES * max_age else Level.WARNING,
        what=Phrase(
            f"The newest row of the log is of {of}, {show_duration(age_s, language='en')} ago; "
            f"at most {show_duration(limit_s, language='en')} is expected.",
            f"日志中最新一行的时间为 {of}，距今 {show_duration(age_s, language='zh')}；"
            f"预期不超过 {show_duration(limit_s, language='zh')}。",
        ),
        sure=Phrase("Read off the times of the rows.", "由各行的时间得出。"),
        since=newest + max_age,
        steps=(
            Phrase(
                "Check that the server still answers and that its log is still written.",
                "请确认服务仍在应答、日志仍在写入。",
            ),
        ),
        evidence={"newest": newest.isoformat(), "max_age_s": limit_s},
    )


def undated(labels: Labels, n_undated: int, n: int) -> Finding:
    """Whether rows read last are in no window, since their time is unknown or yet to come.

    Args: ``n_undated`` of ``n`` rows.
    """
    if not n_undated:
        return Finding(labels=labels, level=Level.CLEAR)
    return Finding(
        labels=labels,
        level=Level.CRITICAL if n_undated == n else Level.WARNING,
        what=Phrase(
            f"{n_undated:,} of the {n:,} rows read last have no time, or one that is yet to come, "
            "and are in no window.",
            f"最近读取的 {n:,} 行中有 {n_undated:,} 行没有时间或时间晚于当前，不进入任何窗口。",
        ),
        sure=Phrase("Counted.", "逐行统计得出。"),
        steps=(
            Phrase(
                "Check the time column, its zone and the clock of what writes the log.",
                "请检查时间列、其时区以及写入日志一方的时钟。",
            ),
        ),
        evidence={"undated": n_undated, "rows": n},
    )
