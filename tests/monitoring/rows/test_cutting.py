"""Any chunking gives the same windows; no row is lost without a word."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from seatrial.monitoring.rows.table import Table, rows_of
from seatrial.monitoring.rows.window import Windows, end_of, start_of

START = datetime(2030, 1, 1, tzinfo=UTC)


def rows(*minutes: float | None, start: datetime = START) -> Table:
    """Rows predicted some minutes after the start; None: not known when."""
    naive = start.astimezone(UTC).replace(tzinfo=None)
    at = [None if m is None else naive + timedelta(minutes=m) for m in minutes]
    return Table(
        columns={"row": np.arange(len(minutes))}, n=len(minutes), at=np.array(at, "datetime64[us]")
    )


def numbers(table: Table) -> list[int]:
    column = table.columns["row"]
    assert isinstance(column, np.ndarray)
    return [int(row) for row in column]


def summary(events: list[Event]) -> dict[str, dict[object, list[int]]]:
    """Rows of each window, late rows of each, undated rows, and what closed windows say."""
    found: dict[str, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        match event:
            case Piece(window, table):
                assert window not in found["closed"]
                found["in"][window] += numbers(table)
            case Late(window, table):
                found["late"][window] += numbers(table)
            case Undated(table):
                found["undated"][None] += numbers(table)
            case Closed(window, n):
                assert window not in found["closed"]
                found["closed"][window].append(n)
    return {name: dict(by) for name, by in found.items()}


def all_events(windows: Windows, table: Table, cuts: list[int]) -> list[Event]:
    """The events of a table read in chunks that end at ``cuts``, progress kept as JSON between."""
    progress, events = Progress(), []
    for start, end in zip([0, *cuts], [*cuts, table.n], strict=True):
        progress, new = cut(windows, progress, rows_of(table, slice(start, end)))
        progress = Progress.from_dict(json.loads(json.dumps(progress.as_dict())))
        events += new
    progress, new = finish(windows, progress)
    assert progress.open == {}
    return events + new


minutes = st.lists(st.none() | st.integers(-3_000, 6_000), max_size=40)
plans = st.one_of(
    st.builds(Windows, n_rows=st.integers(1, 9)),
    st.builds(
        Windows,
        every_s=st.sampled_from([60, 3_600, 86_400, 7 * 86_400, 90_000]),
        time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
        lateness_s=st.none() | st.sampled_from([0, 60, 7_200]),
    ),
)


@given(plans, minutes, st.lists(st.integers(0, 40), max_size=6))
def test_any_chunking_gives_the_same_windows(
    plan: Windows, when: list[int | None], cuts: list[int]
) -> None:
    # Around the night of 30 to 31 March 2030, when Berlin loses an hour.
    table = rows(*when, start=datetime(2030, 3, 30, tzinfo=UTC))
    cuts = sorted(min(c, table.n) for c in cuts)
    whole = summary(all_events(plan, table, []))
    assert summary(all_events(plan, table, cuts)) == whole


@given(plans, minutes)
def test_every_row_is_in_a_window_or_late_or_undated(plan: Windows, when: list[int | None]) -> None:
    found = summary(all_events(plan, rows(*when), []))
    everywhere = [
        row
        for name in ("in", "late", "undated")
        for of in found.get(name, {}).values()
        for row in of
    ]
    assert sorted(everywhere) == list(range(len(when)))
    assert {w: len(r) for w, r in found.get("in", {}).items()} == {
        w: n for w, (n,) in found.get("closed", {}).items()
    }


@given(plans.filter(lambda plan: plan.every_s is not None), minutes)
def test_rows_lie_between_the_bounds_of_their_window(plan: Windows, when: list[int | None]) -> None:
    for event in all_events(plan, rows(*when), []):
        if isinstance(event, Piece | Late):
            assert event.window.start is not None
            assert event.window.end is not None
            assert event.table.at is not None
            for at in event.table.at.tolist():
                assert event.window.start <= at.replace(tzinfo=UTC) < event.window.end


def test_windows_by_count_go_on_over_chunks_and_the_last_is_said_to_be_short() -> None:
    events = all_events(Windows(n_rows=3), rows(0, 0, 0, 0, 0), [2])
    assert [(e.window.index, e.n, e.full) for e in events if isinstance(e, Closed)] == [
        (0, 3, True),
        (1, 2, False),
    ]


def test_rows_without_times_can_be_counted_but_not_dated() -> None:
    table = Table(columns={"row": np.arange(3)}, n=3)
    assert summary(all_events(Windows(n_rows=2), table, []))["in"]
    assert summary(all_events(Windows(every_s=60), table, [])) == {"undated": {None: [0, 1, 2]}}


def test_a_window_closes_when_its_lateness_is_over_and_not_before() -> None:
    plan = Windows(every_s=3600, lateness_s=600)
    progress, events = cut(plan, Progress(), rows(0, 59, 60, 69))
    assert not any(isinstance(e, Closed) for e in events)
    progress, events = cut(plan, progress, rows(70))
    assert [(e.window.start, e.n) for e in events if isinstance(e, Closed)] == [(START, 2)]
    progress, events = cut(plan, progress, rows(30, 71))
    assert summary(events)["late"] == {e.window: [0] for e in events if isinstance(e, Late)}
    assert progress.n_late == 1
    assert sum(isinstance(e, Late) for e in events) == 1


def test_equal_and_unsorted_times_share_their_window() -> None:
    found = summary(all_events(Windows(every_s=3600), rows(90, 10, 10, 70, 10), []))
    assert sorted(found["in"].values()) == [[0, 3], [1, 2, 4]]


def test_a_clock_that_is_ahead_closes_nothing() -> None:
    plan = Windows(every_s=3600, lateness_s=0)
    latest = START + timedelta(hours=1)
    progress, events = cut(plan, Progress(), rows(0, 10_000_000, 60), latest=latest)
    assert summary(events)["undated"] == {None: [1]}
    assert progress.newest_us == int(latest.timestamp() * 1e6)
    assert progress.n_undated == 1


@pytest.mark.parametrize("year", [-5000, 0, 1, 9999, 12000, 200000])
def test_times_beyond_all_calendars_are_undated(year: int) -> None:
    at = np.array([f"{year:05}-01-01" if year >= 0 else f"{year}-01-01"], "datetime64[us]")
    table = Table(columns={"row": np.arange(1)}, n=1, at=at)
    for every_s in (60, 86_400):
        for zone in ("UTC", "Pacific/Kiritimati", "America/New_York"):
            plan = Windows(every_s=every_s, time_zone=zone, lateness_s=1e9)
            found = summary(all_events(plan, table, []))
            assert set(found) == ({"in", "closed"} if 1 < year <= 9999 else {"undated"})


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/Berlin", "2030-03-31", 23),
        ("Europe/Berlin", "2030-10-27", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),  # its midnight does not exist
        ("Asia/Shanghai", "2030-03-31", 24),
        ("Asia/Kathmandu", "2030-03-31", 24),  # 5:45 ahead
    ],
)
def test_a_day_is_one_of_the_calendar(zone: str, date: str, hours: int) -> None:
    day = datetime.fromisoformat(date)
    noon = day.replace(hour=12, tzinfo=ZoneInfo(zone))
    (piece, *_) = all_events(Windows(every_s=86_400, time_zone=zone), rows(0, start=noon), [])
    assert isinstance(piece, Piece)
    assert piece.window.start is not None
    assert piece.window.end is not None
    assert piece.window.end - piece.window.start == timedelta(hours=hours)
    last = piece.window.end - timedelta(microseconds=1)
    assert last.astimezone(ZoneInfo(zone)).date() == day.date()


def test_weeks_begin_on_monday() -> None:
    (piece, *_) = all_events(Windows(every_s=7 * 86_400), rows(0), [])
    assert isinstance(piece, Piece)
    assert piece.window.start == datetime(2029, 12, 31, tzinfo=UTC)
    assert piece.window.start.weekday() == 0


def test_sorted_rows_are_cut_without_a_copy() -> None:
    table = rows(*range(120))
    pieces = [e for e in all_events(Windows(every_s=3600), table, []) if isinstance(e, Piece)]
    assert len(pieces) == 2
    for piece in pieces:
        assert np.shares_memory(piece.table.columns["row"], table.columns["row"])  # type: ignore[arg-type]


def test_windows_that_are_closed_take_no_more_rows_and_those_after_them_do() -> None:
    windows = Windows(every_s=600, lateness_s=3_600.0)
    progress, _ = cut(windows, Progress(), rows(1, 12, 25))
    first, second, third = sorted(progress.open)
    assert drained(windows, progress) == (progress, [])
    closing = close_until(progress, second)
    assert close_until(closing, first) == closing  # what is closed stays closed
    kept = Progress.from_dict(json.loads(json.dumps(closing.as_dict())))
    after, events = cut(windows, kept, rows(2, 13, 26))
    late = summary(events)["late"]
    assert [window.index for window in late] == [first, second]  # type: ignore[attr-defined]
    assert (after.n_late, after.open[third]) == (2, 2)
    done, closed = drained(windows, after)
    assert [(e.window.index, e.n) for e in closed if isinstance(e, Closed)] == [
        (first, 1),
        (second, 1),
    ]
    assert done.open == {third: 2}
    assert drained(windows, done)[1] == []
    begin, end = start_of(windows, third), end_of(windows, third)
    assert begin is not None
    assert end == begin + timedelta(minutes=10)
    assert end_of(Windows(n_rows=5), 3) is None


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 35)
)
def test_closing_at_any_time_loses_no_row_without_a_word(
    at: list[int], cut_at: int, until: int
) -> None:
    windows = Windows(every_s=600, lateness_s=600.0)
    table = rows(*at)
    progress, events = cut(windows, Progress(), rows_of(table, slice(0, cut_at)))
    base = min((e.window.index for e in events if isinstance(e, Piece)), default=0)
    progress, closed = drained(windows, close_until(progress, base + until))
    events += closed
    progress, more = cut(windows, progress, rows_of(table, slice(cut_at, len(at))))
    events += [*more, *finish(windows, progress)[1]]
    found = summary(events)
    counted = [row for one in found.get("in", {}).values() for row in one]
    late = [row for one in found.get("late", {}).values() for row in one]
    assert sorted(counted + late) == list(range(len(at)))
    assert progress.n_late == len(late)
    assert {w: len(r) for w, r in found.get("in", {}).items()} == {
        w: sum(n) for w, n in found.get("closed", {}).items()
    }
