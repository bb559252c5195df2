import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.duration import BadDuration, parse_duration, show_duration, show_watched


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
        ("45s", 45),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("2d", 172_800),
        (" 10m ", 600),
        ("1.5h", 5400),
    ],
)
def test_a_duration_reads_as_people_write_it(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "h", "1x", "-5", "1h later", "1 h", True, math.nan, -1, "1e3"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str | float) -> None:
    with pytest.raises(BadDuration, match="1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.21, "0.2 s"),
        (9.96, "10.0 s"),
        (45, "45 s"),
        (3900, "1 h 5 min"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**7))
def test_whole_seconds_survive_reading(seconds: int) -> None:
    assert parse_duration(f"{seconds}s") == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0.2 秒"), (45, "45 秒"), (3900, "1 小时 5 分钟"), (90000, "1 天 1 小时")],
)
def test_durations_are_shown_in_chinese(seconds: float, text: str) -> None:
    assert show_duration(seconds, language="zh") == text


def test_a_watch_that_is_extended_does_not_read_like_a_fault() -> None:
    assert show_watched(12, 20) == "12 s of 20 s"
    assert show_watched(101, 20) == "1 min 41 s, at least 20 s"
