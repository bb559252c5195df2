import numpy as np
import pytest
from scipy import stats

from seatrial.monitoring.service.baseline import (
    BadTraffic,
    Baseline,
    BaselineKind,
    ThroughputCode,
    Traffic,
    baseline,
    throughput,
)

WIDTH = 300
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
NOW = 40 * DAY
USUAL = Baseline(kind=BaselineKind.RECENT, rate_per_s=10.0, lowest_per_s=9.0, n=12)


def traffic(past_s: float, rate_at: object, *, seed: int = 1) -> Traffic:
    """Poisson traffic that ends now; ``rate_at`` takes seconds before now."""
    rng = np.random.default_rng(seed)
    n = int(past_s // WIDTH)
    before = NOW - (NOW - n * WIDTH + WIDTH * np.arange(n))
    rates = np.array([rate_at(s) for s in before])  # type: ignore[operator]
    return Traffic(start_s=NOW - n * WIDTH, width_s=WIDTH, counts=rng.poisson(rates * WIDTH))


def found(past: Traffic) -> Baseline:
    usual = baseline(past, at_s=NOW)
    assert usual is not None
    return usual


def test_a_young_endpoint_has_no_baseline() -> None:
    assert baseline(traffic(0, lambda _: 10.0), at_s=NOW) is None
    assert baseline(traffic(9 * WIDTH, lambda _: 10.0), at_s=NOW) is None


def test_the_last_hour_is_the_first_baseline() -> None:
    usual = found(traffic(3 * HOUR, lambda before: 10.0 if before <= HOUR else 6.0))
    assert usual.kind is BaselineKind.RECENT
    assert usual.rate_per_s == pytest.approx(10, rel=0.05)


def daily(before: float) -> float:
    """Little at this time of the day, much twelve hours from it."""
    return 10 - 8 * np.cos(2 * np.pi * before / DAY)


def test_three_days_make_the_same_time_of_the_day_the_baseline() -> None:
    usual = found(traffic(3.1 * DAY, daily))
    assert (usual.kind, usual.n) == (BaselineKind.TIME_OF_DAY, 3)
    assert usual.rate_per_s == pytest.approx(2, rel=0.1)


def weekly(before: float) -> float:
    """A quiet day today, and on this day of every week."""
    return 1.0 if round(before / DAY) % 7 == 0 else 10.0


def test_three_weeks_make_the_same_time_of_the_week_the_baseline() -> None:
    usual = found(traffic(3.1 * WEEK, weekly))
    assert (usual.kind, usual.n) == (BaselineKind.TIME_OF_WEEK, 3)
    assert usual.rate_per_s == pytest.approx(1, rel=0.1)


def test_one_odd_week_does_not_make_the_baseline() -> None:
    def odd(before: float) -> float:
        return 90.0 if WEEK - DAY < before < WEEK + DAY else 10.0

    assert found(traffic(4.1 * WEEK, odd)).rate_per_s == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("n", "code"),
    [
        (3000, ThroughputCode.USUAL),
        (2400, ThroughputCode.USUAL),
        (2380, ThroughputCode.UNPROVEN),
        (2000, ThroughputCode.LOW),
        (0, ThroughputCode.LOW),
    ],
)
def test_under_80_percent_is_low_when_chance_does_not_do_it(n: int, code: ThroughputCode) -> None:
    assert throughput(n, width_s=300, usual=USUAL, least_share=0.8, alpha=0.001).code is code


def test_less_than_usual_but_not_less_than_ever_is_not_low() -> None:
    bursty = Baseline(kind=BaselineKind.RECENT, rate_per_s=10.0, lowest_per_s=2.0, n=12)
    judged = throughput(900, width_s=300, usual=bursty, least_share=0.8, alpha=0.001)
    assert judged.code is ThroughputCode.UNPROVEN
    assert judged.share == pytest.approx(0.3)


@pytest.mark.parametrize("minutes", [5, 30, 120, 300])
def test_an_outage_does_not_become_usual_while_it_lasts(minutes: int) -> None:
    usual = found(traffic(12 * HOUR, lambda before: 0.0 if before <= 60 * minutes else 10.0))
    assert usual.kind is BaselineKind.RECENT
    assert usual.lowest_per_s > 9
    assert usual.rate_per_s == pytest.approx(10, rel=0.05)


def test_less_traffic_for_good_becomes_usual() -> None:
    usual = found(traffic(12 * HOUR, lambda before: 2.0 if before <= 7.5 * HOUR else 10.0))
    assert usual.rate_per_s == pytest.approx(2, rel=0.1)


def test_without_history_nothing_is_usual() -> None:
    judged = throughput(5, width_s=300, usual=None, least_share=0.8, alpha=0.001)
    assert (judged.code, judged.share) == (ThroughputCode.NO_BASELINE, None)


def test_where_there_never_was_traffic_none_is_missed() -> None:
    never = Baseline(kind=BaselineKind.RECENT, rate_per_s=0.0, lowest_per_s=0.0, n=12)
    for n, code in ((0, ThroughputCode.NO_TRAFFIC_EVER), (9, ThroughputCode.USUAL)):
        assert throughput(n, width_s=300, usual=never, least_share=0.8, alpha=0.1).code is code


@pytest.mark.parametrize("rate", [0.02, 0.5, 10.0])
def test_traffic_just_at_the_level_is_seldom_called_low(rate: float) -> None:
    rng = np.random.default_rng(2)
    n_trials = 2_000
    usual = Baseline(kind=BaselineKind.RECENT, rate_per_s=rate, lowest_per_s=rate, n=12)
    low = sum(
        throughput(int(n), width_s=300, usual=usual, least_share=0.8, alpha=0.001).code
        is ThroughputCode.LOW
        for n in rng.poisson(0.8 * rate * 300, n_trials)
    )
    assert low <= stats.binom.ppf(1 - 1e-6, n_trials, 0.001)


@pytest.mark.parametrize("n", [0, 3, 20, 400])
def test_the_bound_is_never_below_the_chance_itself(n: int) -> None:
    for expected in np.linspace(n + 0.5, 4 * n + 40, 25):
        usual = Baseline(
            kind=BaselineKind.RECENT, rate_per_s=expected / 240, lowest_per_s=1e9, n=12
        )
        judged = throughput(n, width_s=300, usual=usual, least_share=0.8, alpha=0.01)
        if judged.code is ThroughputCode.LOW:
            assert stats.poisson.cdf(n, expected) <= 0.01


@pytest.mark.parametrize(("width", "counts"), [(0, [1]), (300, [-1]), (300, [[1]])])
def test_traffic_that_makes_no_sense_is_refused(width: float, counts: object) -> None:
    with pytest.raises(BadTraffic):
        Traffic(start_s=0, width_s=width, counts=np.array(counts))
