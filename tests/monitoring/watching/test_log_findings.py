"""What is said of a log as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.rows.source import SourceMissing
from seatrial.monitoring.watching.log_findings import log_labels, too_old, undated, unread

LABELS = log_labels("churn", 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("age", "max_age", "level"),
    [
        (HOUR, HOUR, Level.CLEAR),
        (2 * HOUR, HOUR, Level.WARNING),
        (3 * HOUR, HOUR, Level.WARNING),
        (4 * HOUR, HOUR, Level.CRITICAL),
        (-HOUR, HOUR, Level.CLEAR),
        (99 * HOUR, None, Level.CLEAR),
        (None, HOUR, Level.CLEAR),
    ],
)
def test_rows_may_be_so_old(age: timedelta | None, max_age: timedelta | None, level: Level) -> None:
    newest = None if age is None else NOW - age
    assert too_old(LABELS, newest, now=NOW, max_age=max_age).level is level


def test_an_old_log_says_since_when_and_what_to_do() -> None:
    found = too_old(LABELS, NOW - 2 * HOUR, now=NOW, max_age=HOUR)
    assert found.what.en == (
        "The newest row of the log is of 2026-03-01 10:00 UTC, 2 h ago; at most 1 h is expected."
    )
    assert "2026-03-01 10:00 UTC" in found.what.zh
    assert (found.since, found.labels.kind) == (NOW - HOUR, "log")
    assert "still written" in found.steps[0].en


@pytest.mark.parametrize(
    ("n_undated", "level"), [(0, Level.CLEAR), (3, Level.WARNING), (10, Level.CRITICAL)]
)
def test_rows_in_no_window_are_counted(n_undated: int, level: Level) -> None:
    found = undated(LABELS, n_undated, 10)
    assert found.level is level
    assert (f"{n_undated} of the 10 rows" in found.what.en) is (n_undated > 0)


def test_a_log_that_cannot_be_read_is_critical_and_says_why() -> None:
    gone = SourceMissing("There is no file 'log'.", remedy="Give the path of the data.")
    found = unread(LABELS, gone)
    assert (found.level, found.evidence) == (Level.CRITICAL, {"code": gone.code})
    assert (found.what.en, found.steps[0].en) == (
        "The log is not watched: There is no file 'log'.",
        "Give the path of the data.",
    )
