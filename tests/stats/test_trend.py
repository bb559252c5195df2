import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.counts import BadStatistic
from seatrial.stats.trend import Trend, TrendCode, trend
from seatrial.stats.trend import _t_quantile as t_quantile

HOUR = np.arange(60) * 60.0
LIMIT = 200.0
AHEAD = 4 * 3600.0


def forecast(values: np.ndarray, **options: object) -> Trend:
    told: dict[str, object] = {"limit": LIMIT, "horizon_s": AHEAD, "alpha": 0.05} | options
    return trend(HOUR[: len(values)], values, **told)  # type: ignore[arg-type]


def _slope(found: Trend) -> float:
    assert found.slope is not None
    return (found.slope.lower + found.slope.upper) / 2


def climb(rng: np.random.Generator, noise: float = 5.0) -> np.ndarray:
    """From 80 to 139 in 59 minutes: 200 is 61 minutes ahead."""
    return 80 + HOUR / 60 + rng.normal(0, noise, 60)


def test_a_straight_line_crosses_where_it_does() -> None:
    found = forecast(80 + HOUR / 60)
    assert found.code is TrendCode.CROSSES
    assert found.crossing is not None
    assert found.crossing.in_s == pytest.approx(61 * 60)
    assert found.level == pytest.approx(139)
    assert _slope(found) == pytest.approx(1 / 60)


def test_the_slope_of_equal_weights_is_that_of_least_squares() -> None:
    values = 80 + HOUR / 60 + np.random.default_rng(1).uniform(-5, 5, 60)  # no wild one in it
    found, oracle = forecast(values), stats.linregress(HOUR, values)
    assert found.n == 60
    assert _slope(found) == pytest.approx(oracle.slope)
    assert found.level == pytest.approx(oracle.intercept + oracle.slope * HOUR[-1])


@pytest.mark.parametrize("freedom", [5, 8, 20, 58])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_the_t_quantile_is_student_s(freedom: int, alpha: float) -> None:
    assert t_quantile(alpha, freedom) == pytest.approx(
        stats.t.ppf(1 - alpha / 2, freedom), rel=0.03
    )


def test_the_interval_holds_the_crossing_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = crossed = 0
    for _ in range(400):
        found = forecast(climb(rng)).crossing
        if found is not None:
            crossed += 1
            held += found.interval.lower <= 61 * 60 <= found.interval.upper
    assert crossed >= 370  # the others look like climbs that ended
    assert held >= stats.binom.ppf(1e-4, crossed, 0.975)


def test_without_a_trend_it_seldom_sees_one() -> None:
    rng = np.random.default_rng(3)
    n = 400
    alarms = sum(
        forecast(rng.normal(150, 10, 60), horizon_s=math.inf).crossing is not None for _ in range(n)
    )
    assert alarms <= stats.binom.ppf(1 - 1e-4, n, 0.025)


def test_a_quantity_that_wanders_is_not_taken_for_a_trend_much_more_often() -> None:
    rng = np.random.default_rng(4)
    n, alarms, naive = 300, 0, 0
    for _ in range(n):
        noise = rng.normal(0, 5, 60)
        for i in range(1, 60):
            noise[i] += 0.7 * noise[i - 1]
        alarms += forecast(120 + noise, horizon_s=math.inf).crossing is not None
        line = stats.linregress(HOUR, noise)
        naive += line.pvalue < 0.05 and line.slope > 0
    assert naive > 0.15 * n
    assert alarms < 0.05 * n


def test_a_few_wild_minutes_do_not_move_it() -> None:
    rng = np.random.default_rng(5)
    values = climb(rng)
    wild = values.copy()
    wild[[7, 23, 41]] = 10_000
    a, b = forecast(values).crossing, forecast(wild).crossing
    assert a is not None
    assert b is not None
    assert b.in_s == pytest.approx(a.in_s, rel=0.1)


@pytest.mark.parametrize("at", [15, 30, 45, 55])
def test_a_step_is_not_a_trend(at: int) -> None:
    rng = np.random.default_rng(6)
    values = np.where(np.arange(60) < at, 80.0, 140.0) + rng.normal(0, 5, 60)
    assert forecast(values).crossing is None


@pytest.mark.parametrize("minutes", [15, 20, 30])
def test_a_climb_that_began_lately_is_judged_from_where_it_began(minutes: int) -> None:
    rng = np.random.default_rng(8)
    found_in = []
    for _ in range(40):
        climbed = np.maximum(HOUR / 60 - (60 - minutes), 0)
        crossing = forecast(50 + 3 * climbed + rng.normal(0, 5, 60)).crossing
        if crossing is not None:
            found_in.append(crossing.in_s)
    assert len(found_in) >= 30
    truth = (LIMIT - 50) / 3 * 60 - (minutes - 1) * 60
    assert np.median(found_in) == pytest.approx(truth, rel=0.15)


def test_a_climb_that_ended_is_not_a_trend() -> None:
    rng = np.random.default_rng(7)
    values = np.minimum(80 + 1.5 * HOUR / 60, 140) + rng.normal(0, 3, 60)
    assert forecast(values).code is TrendCode.ENDED


def test_what_is_over_the_limit_already_crosses_nothing() -> None:
    assert forecast(np.full(60, 250.0)).code is TrendCode.OVER


def test_what_falls_does_not_reach_a_limit_above_it() -> None:
    assert forecast(140 - HOUR / 60).code is TrendCode.FLAT


def test_a_crossing_beyond_the_horizon_is_none() -> None:
    assert forecast(80 + HOUR / 60, horizon_s=3600.0).code is TrendCode.FAR_OFF


def test_a_constant_leads_nowhere() -> None:
    assert forecast(np.full(60, 100.0)).code is TrendCode.FLAT


@pytest.mark.parametrize("n", [0, 1, 9])
def test_few_points_say_nothing(n: int) -> None:
    assert forecast(np.linspace(1, 100, n)).code is TrendCode.TOO_FEW


def test_minutes_without_a_value_do_not_count() -> None:
    values = 80 + HOUR / 60
    values[::2] = math.nan
    found = forecast(values)
    assert found.n == 30
    assert found.crossing is not None


def test_a_value_behind_which_nothing_stands_does_not_count() -> None:
    values, weights = 80 + HOUR / 60, np.ones(60)
    values[10], weights[10] = 1e9, 0.0
    assert forecast(values, weights=weights).n == 59


def test_points_at_one_time_have_no_slope() -> None:
    found = trend(np.zeros(20), np.arange(20.0), limit=100.0, horizon_s=AHEAD)
    assert found.code is TrendCode.FLAT


@given(st.permutations(list(range(60))), st.floats(-1e9, 1e9))
def test_neither_order_nor_origin_of_time_matters(order: list[int], origin: float) -> None:
    values = 80 + HOUR / 60 + 5 * np.sin(np.arange(60))
    plain = forecast(values).crossing
    moved = trend(HOUR[order] + origin, values[order], limit=LIMIT, horizon_s=AHEAD).crossing
    assert plain is not None
    assert moved is not None
    assert moved.in_s == pytest.approx(plain.in_s, rel=1e-4)


def test_the_newest_five_hundred_points_are_used() -> None:
    values = np.concatenate([np.full(500, 500.0), 80 + np.arange(500) / 10])
    found = trend(np.arange(1000) * 60.0, values, limit=LIMIT, horizon_s=1e6)
    assert found.n == 500
    assert found.code is TrendCode.CROSSES


@pytest.mark.parametrize(
    ("times", "values", "weights"),
    [
        ([0, 1], [1], None),
        ([[0, 1]], [[1, 2]], None),
        ([0, math.nan], [1, 2], None),
        ([0, 1], [1, 2], [1, -1]),
        ([0, 1], [1, 2], [1, math.inf]),
    ],
)
def test_series_that_make_no_sense_are_refused(
    times: object, values: object, weights: object
) -> None:
    with pytest.raises(BadStatistic):
        trend(times, values, weights, limit=1.0, horizon_s=1.0)  # type: ignore[arg-type]


_numbers = st.floats(-1e12, 1e12) | st.just(math.nan)


@given(
    st.lists(st.tuples(st.floats(0, 1e9), _numbers, st.floats(0, 1e6)), max_size=40),
    st.floats(-1e12, 1e12),
)
def test_any_series_has_an_answer_that_holds_together(
    points: list[tuple[float, float, float]], limit: float
) -> None:
    times, values, weights = (
        (list(column) for column in zip(*points, strict=True))
        if points
        else (
            [],
            [],
            [],
        )
    )
    found = trend(times, values, weights, limit=limit, horizon_s=AHEAD)
    assert found.n <= len(points)
    assert (found.crossing is not None) == (found.code is TrendCode.CROSSES)
    if found.crossing is not None:
        interval = found.crossing.interval
        assert 0 <= interval.lower <= found.crossing.in_s <= interval.upper
        assert found.crossing.in_s <= AHEAD


def test_a_last_value_that_hardly_counts_changes_no_answer() -> None:
    values = np.arange(len(HOUR), dtype=float)
    even = np.ones(len(HOUR))
    weights = even.copy()
    weights[-1] = 1e-17  # 59 + 1e-17 is 59
    found = trend(HOUR, values, weights, limit=1e6, horizon_s=AHEAD)
    assert found.code is trend(HOUR, values, even, limit=1e6, horizon_s=AHEAD).code
