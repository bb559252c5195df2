"""Cron expressions against `cronsim`, and where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.triggers.cron import BadCron, following, latest, parse_cron

BERLIN = ZoneInfo("Europe/Berlin")


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    two = st.tuples(number, number).filter(lambda p: p[0] < p[1])  # cronsim reads 0-0/1 as 0/1
    span = two.map(lambda p: f"{p[0]}-{p[1]}")
    step = st.integers(1, 20)
    part = st.one_of(
        number.map(str),
        span,
        st.tuples(span, step).map(lambda p: f"{p[0]}/{p[1]}"),
        step.map(lambda n: f"*/{n}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(
    " ".join
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1))  # noqa: DTZ001


@settings(max_examples=150)
@given(text=expressions, now=moments)
def test_the_next_time_is_that_of_cronsim(text, now):
    now = now.replace(tzinfo=UTC)
    assert following(parse_cron(text), now) == next(CronSim(text, now))


@settings(max_examples=100)
@given(text=expressions, now=moments)
def test_the_latest_time_is_the_one_no_other_follows(text, now):
    now = now.replace(tzinfo=UTC)
    cron = parse_cron(text)
    found = latest(cron, now)
    assert found <= now < following(cron, now)
    assert following(cron, found - timedelta(seconds=1)) == found
    assert following(cron, found) == following(cron, now)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 3 * * mon", datetime(2030, 1, 7, 3, tzinfo=UTC)),
        ("0 0 1 jan,jul *", datetime(2030, 7, 1, tzinfo=UTC)),
        ("@weekly", datetime(2030, 1, 6, tzinfo=UTC)),
        ("@Monthly", datetime(2030, 2, 1, tzinfo=UTC)),
        ("0 0 * * 7", datetime(2030, 1, 6, tzinfo=UTC)),
        ("0 0 * * 5-7", datetime(2030, 1, 4, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2032, 2, 29, tzinfo=UTC)),
        ("0 0 13 * fri", datetime(2030, 1, 4, tzinfo=UTC)),
        ("5/20 * * * *", datetime(2030, 1, 1, 0, 5, tzinfo=UTC)),
    ],
)
def test_what_people_write(text, wanted):
    assert following(parse_cron(text), datetime(2030, 1, 1, tzinfo=UTC)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "* * * * mon-sun",
        "a * * * *",
        "1, * * * *",
        "-1 * * * *",
        "*-5 * * * *",
        "0 0 31 2 *",
        "0 0 30,31 feb *",
        "0 0 L * *",
        "@reboot",
        "９ * * * *",
        "1" * 5000 + " * * * *",
    ],
)
def test_what_is_no_schedule_is_refused_with_an_example(text):
    with pytest.raises(BadCron, match="such as '0 3") as bad:
        parse_cron(text)
    assert len(str(bad.value)) < 400


@settings(max_examples=300)
@given(st.text(alphabet="0123456789*/-, @abcdefjlmnostuy", max_size=30))
def test_no_text_breaks_the_reader(text):
    try:
        cron = parse_cron(text)
    except BadCron:
        return
    assert latest(cron, datetime(2030, 1, 1, tzinfo=UTC)) is not None


def test_a_time_that_a_change_of_clocks_skips_runs_an_hour_later():
    cron = parse_cron("30 2 * * *")
    before = datetime(2030, 3, 31, 0, 0, tzinfo=UTC)  # 01:00 in Berlin; 02:30 is not there
    assert following(cron, before, BERLIN) == datetime(2030, 3, 31, 1, 30, tzinfo=UTC)
    assert latest(cron, datetime(2030, 3, 31, 1, 31, tzinfo=UTC), BERLIN) == datetime(
        2030, 3, 31, 1, 30, tzinfo=UTC
    )


def test_a_time_that_a_change_of_clocks_repeats_runs_once():
    cron = parse_cron("30 2 * * *")
    first = datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
    assert following(cron, first - timedelta(minutes=1), BERLIN) == first
    assert following(cron, first, BERLIN) == datetime(2030, 10, 28, 1, 30, tzinfo=UTC)


def test_around_a_change_of_clocks_latest_and_following_agree():
    cron = parse_cron("*/30 * * * *")
    now = datetime(2030, 3, 30, 22, 0, tzinfo=UTC)
    for _ in range(20):
        after = following(cron, now, BERLIN)
        assert latest(cron, after, BERLIN) == after
        assert after - now == timedelta(minutes=30)
        now = after


@pytest.mark.parametrize(
    ("text", "fields"),
    [(" @Daily ", "0 0 * * *"), ("0  3 * * MON", "0 3 * * mon"), ("@annually", "0 0 1 1 *")],
)
def test_its_fields_are_five_by_whichever_name(text: str, fields: str) -> None:
    assert parse_cron(text).fields == fields
