"""Whether a budget lasts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.spend.outlook import DAY_US, HOUR_US, Level, outlook, pace

NOW_US = 20_000 * DAY_US


def seen(limit=1000, spent=0, reserved=0, units_per_s=0.0, ends_us=NOW_US + HOUR_US):
    return outlook(
        limit=limit,
        spent=spent,
        reserved=reserved,
        units_per_s=units_per_s,
        now_us=NOW_US,
        ends_us=ends_us,
    )


def test_a_budget_that_runs_out_before_its_window_ends_is_short():
    short = seen(spent=500, units_per_s=500 / 1800)
    assert (short.level, short.runs_out_us) == (Level.WARNING, NOW_US + HOUR_US // 2)
    lasts = seen(spent=500, units_per_s=500 / 7200)
    assert (lasts.level, lasts.runs_out_us) == (Level.CLEAR, None)


def test_one_without_an_end_says_when_and_is_short_only_at_its_last_tenth():
    far = seen(spent=500, units_per_s=1.0, ends_us=None)
    assert (far.level, far.runs_out_us) == (Level.CLEAR, NOW_US + 500_000_000)
    assert seen(spent=950, units_per_s=1.0, ends_us=None).level is Level.WARNING


def test_what_is_reserved_is_not_left_but_may_come_back():
    held = seen(spent=100, reserved=900)
    assert (held.left, held.used_up, held.level) == (0, False, Level.WARNING)


def test_a_hundredth_pays_for_no_call():
    gone = seen(spent=995, units_per_s=1.0)
    assert (gone.used_up, gone.level, gone.runs_out_us) == (True, Level.CRITICAL, None)
    assert seen(limit=0).used_up
    assert seen(limit=100, spent=300).left == 0


@given(st.integers(1, 10**18), st.floats(0, 1), st.floats(0, 1e16))
def test_the_forecast_lies_ahead_and_within_the_window(limit, part, units_per_s):
    found = seen(limit=limit, spent=int(limit * part), units_per_s=units_per_s)
    assert 0 <= found.left <= limit
    if found.runs_out_us is not None:
        assert NOW_US <= found.runs_out_us < NOW_US + HOUR_US


def test_the_first_seconds_make_no_pace():
    assert pace(300, since_us=NOW_US - 1, now_us=NOW_US) == 1.0
    assert pace(3600, since_us=NOW_US - HOUR_US, now_us=NOW_US) == 1.0
