"""When a row was predicted, however it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.tables.times import times_of

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
US = int(MOMENT.timestamp()) * 1_000_000 + 678_901

local = datetime.fromisoformat  # times as a clock shows them, without a zone


def found(array: Any, zone: str = "UTC") -> list[datetime | None]:
    at, _ = times_of(array, zone)
    assert at.dtype == np.dtype("datetime64[us]")
    return at.tolist()


@pytest.mark.parametrize(
    ("array", "step_us"),
    [
        (pa.array([MOMENT, None], pa.timestamp("us", "UTC")), 1),
        (pa.array([MOMENT, None], pa.timestamp("ns", "Asia/Shanghai")), 1),
        (pa.array([US // 1000, None], pa.timestamp("ms")), 1_000),
        (pa.array([US // 1_000_000, None], pa.timestamp("s", "UTC")), 1_000_000),
        (pa.array([US // 1_000_000, None]), 1_000_000),
        (pa.array([US // 1000, None]), 1_000),
        (pa.array([US, None]), 1),
        (pa.array([US * 1000, None]), 1),
        (pa.array([US * 1000, None], pa.uint64()), 1_000),
        (pa.array([US / 1e6, None]), 1),
        (pa.array(["2030-01-02T03:04:05.678901Z", None]), 1),
        (pa.array(["2030-01-02 03:04:05.678901+00:00", None]).dictionary_encode(), 1),
        (pa.array(["2030-01-02T11:04:05.678901+08:00", None], pa.large_string()), 1),
        (pa.array(["2030-01-02 03:04:05", None], pa.string_view()), 1_000_000),
        (pa.array([str(US // 1_000_000), None]), 1_000_000),
        (pa.array([MOMENT.date(), None]), 86_400_000_000),
        (pa.array(["2030-01-02", None]), 86_400_000_000),
    ],
    ids=lambda a: str(getattr(a, "type", "")),
)
def test_a_moment_is_found_however_it_is_written(array: Any, step_us: int) -> None:
    at, n_bad = times_of(array, "UTC")
    wanted = US // step_us * step_us
    assert abs(int(at[0].astype(np.int64)) - wanted) <= (1000 if array.type == pa.uint64() else 0)
    assert np.isnat(at[1])
    assert n_bad == 0


def test_local_times_are_those_of_the_zone() -> None:
    summer, winter = local("2030-07-01T12"), local("2030-01-01T12")
    for array in (pa.array([summer, winter]), pa.array([str(summer), str(winter)])):
        assert found(array, "Europe/Berlin") == [
            local("2030-07-01T10"),
            local("2030-01-01T11"),
        ]
    assert found(pa.array([summer.date()]), "Asia/Shanghai") == [local("2030-06-30T16")]


@given(st.lists(st.datetimes(local("0001-01-04"), local("9999-12-28")), max_size=20))
def test_local_times_agree_with_the_calendar(moments: list[datetime]) -> None:
    zone = ZoneInfo("America/New_York")
    wanted = [m.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None) for m in moments]
    # Before railways offsets were no whole quarters of an hour.
    kept = [i for i, m in enumerate(moments) if m.year > 1900]
    got = found(pa.array(moments, pa.timestamp("us")), "America/New_York")
    assert [got[i] for i in kept] == [wanted[i] for i in kept]


@pytest.mark.parametrize(
    ("array", "n_bad"),
    [
        (pa.array(["tomorrow", "", None, "2030-02-30"]), 3),
        (pa.array([True, None]), 1),
        (pa.array([float("inf"), float("nan"), 1e300, None]), 2),
        (pa.array([10**15], pa.timestamp("s")), 1),
        (pa.array([-(2**63), 2**63 - 1], pa.timestamp("s")), 2),
        (pa.array([-(2**63) + 1], pa.timestamp("us")), 1),
        (pa.array([b"x"]), 1),
        (pa.array(["x", None, "y"]).dictionary_encode(), 2),
    ],
    ids=lambda a: str(getattr(a, "type", "")),
)
def test_what_is_no_time_is_missing_and_counted(array: Any, n_bad: int) -> None:
    at, n = times_of(array, "UTC")
    assert np.isnat(at).all()
    assert n == n_bad


def test_an_aware_text_needs_no_zone() -> None:
    east = datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=8)))
    assert found(pa.array([east.isoformat()]), "America/New_York") == [local("2029-12-31T16")]


def test_nothing_is_no_time_at_all() -> None:
    assert found(pa.array([], pa.timestamp("us")), "Europe/Berlin") == []
    assert found(pa.nulls(2)) == [None, None]
