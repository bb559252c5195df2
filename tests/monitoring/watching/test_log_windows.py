"""A log cut into counted windows: any chunks, and any kills, give the same ones."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import Chunk
from seatrial.monitoring.rows.table import Table, rows_of
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.monitoring.watching.log_windows import (
    CheckpointUnreadable,
    LogState,
    LogWindow,
    LogWindows,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATEST = NOW + timedelta(days=1)
N = 400
RNG = np.random.default_rng(3)
_MINUTES = np.sort(RNG.integers(0, 600, N)) + RNG.integers(-20, 20, N)
ROWS = Table(
    columns={"x": RNG.normal(size=N), "n": RNG.integers(0, 9, N)},
    n=N,
    at=np.datetime64("2026-02-01T00:00", "us") + _MINUTES.astype("timedelta64[m]"),
)
SUMMARISER = Summariser(profile_of(ROWS))


def cutter(windows: Windows) -> LogWindows:
    return LogWindows(windows, lambda table, _: SUMMARISER.summarise(table))


def chunks(cuts: list[int]) -> list[Chunk]:
    places = sorted({0, N, *cuts})
    return [
        Chunk(
            table=rows_of(ROWS, slice(a, b)),
            columns=Columns(),
            place={"of": "files", "row": b},
        )
        for a, b in itertools.pairwise(places)
    ]


def told(window: LogWindow) -> tuple[int, object, bytes]:
    return window.index, window.span, encode(window.summary)


def windows_of(
    windows: Windows, cuts: list[int], *, restart: bool = False
) -> list[tuple[int, object, bytes]]:
    cut, state, found = cutter(windows), LogState(), []
    for chunk in chunks(cuts):
        took = cut.take(state, chunk, now=NOW, latest=LATEST)
        state = LogState.decode(took.state.encode()) if restart else took.state
        found += map(told, took.windows)
    return found + [told(one) for one in cut.end(state, now=NOW).windows]


HOURLY = Windows(every_s=3600, lateness_s=600.0)


@pytest.mark.parametrize("windows", [Windows(n_rows=70), HOURLY])
@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, N - 1), max_size=8), restart=st.booleans())
def test_any_chunks_and_any_restarts_give_the_same_windows(
    windows: Windows, cuts: list[int], restart: bool
) -> None:
    assert windows_of(windows, cuts, restart=restart) == windows_of(windows, [])


def test_windows_by_count_hold_every_row_once_in_order() -> None:
    found = windows_of(Windows(n_rows=70), [100, 250])
    assert [index for index, _, _ in found] == [0, 1, 2, 3, 4, 5]
    took = cutter(Windows(n_rows=70)).take(LogState(), chunks([])[0], now=NOW, latest=LATEST)
    assert [window.summary.n for window in took.windows] == [70] * 5
    assert sum(summary.n for summary in took.state.open.values()) == N - 5 * 70


def test_a_late_row_is_counted_apart_and_in_no_window() -> None:
    late, done = 0, 0
    cut, state = cutter(Windows(every_s=3600, lateness_s=0.0)), LogState()
    for chunk in chunks([50, 100, 200, 300]):
        took = cut.take(state, chunk, now=NOW, latest=LATEST)
        state, late = took.state, late + sum(took.late.values())
        done += sum(window.summary.n for window in took.windows)
    assert late == state.progress.n_late > 0
    assert done + sum(one.n for one in state.open.values()) + late == N


def test_a_row_from_the_future_closes_no_window() -> None:
    took = cutter(HOURLY).take(
        LogState(), chunks([])[0], now=NOW, latest=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert (took.windows, took.n_undated) == ((), N)


def test_a_window_of_rows_without_times_is_of_now() -> None:
    chunk = Chunk(table=Table(columns={"x": np.zeros(5)}, n=5), columns=Columns(), place={})
    took = cutter(Windows(n_rows=5)).take(LogState(), chunk, now=NOW, latest=LATEST)
    assert (took.windows[0].span.start, took.windows[0].span.end) == (NOW, NOW)


@pytest.mark.parametrize("data", [b"", b"\x93", b"\x94\x09\xc0\x80\x80", b"[1]"])
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointUnreadable):
        LogState.decode(data)


def test_a_place_kept_by_an_earlier_version_is_read() -> None:
    """Schema 1 knew no windows that the clock closed."""
    cut, state = cutter(HOURLY), LogState()
    state = cut.take(state, chunks([])[0], now=NOW, latest=LATEST).state
    progress = state.progress.as_dict()
    del progress["closed_below"]
    counts = {index: encode(summary) for index, summary in state.open.items()}
    old = msgspec.msgpack.encode((1, state.cursor, progress, counts))
    read = LogState.decode(old)
    assert (read.cursor, read.progress, dict(read.touched_us)) == (state.cursor, state.progress, {})
    assert LogState.decode(read.encode()).progress == state.progress
    unknown = msgspec.msgpack.encode((3, state.cursor, progress, counts, {}))
    with pytest.raises(CheckpointUnreadable, match="schema 3 is unknown"):
        LogState.decode(unknown)
    for torn in (b"", b"nonsense", old[:-5], msgspec.msgpack.encode(5)):
        with pytest.raises(CheckpointUnreadable):
            LogState.decode(torn)


def test_windows_that_the_clock_closed_are_judged_in_order_and_with_those_before_them() -> None:
    cut, state = cutter(Windows(every_s=3600, lateness_s=600.0)), LogState()
    took = cut.take(state, chunks([])[0], now=NOW, latest=LATEST)
    state, grace = took.state, timedelta(minutes=30)
    last = max(state.open)
    assert cut.expire(state, now=NOW + timedelta(minutes=29), grace=grace) is state
    state = cut.expire(state, now=NOW + timedelta(days=9), grace=grace)
    assert state.open  # they are handed out once it is kept that they take no more rows
    again = LogState.decode(state.encode())
    done = cut.expired(again, now=NOW)
    indices = [window.index for window in done.windows]
    assert indices == sorted(indices)
    assert indices[-1] == last
    assert done.state.open == {}
    assert cut.expired(done.state, now=NOW).windows == ()
    assert cut.expire(done.state, now=NOW + timedelta(days=9), grace=grace) is done.state
