import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.burnrate import FAST, SLOW, BurnCode, BurnRule, burn
from seatrial.stats.counts import BadStatistic, Counts

BUDGET = 0.001
ALPHA = 0.001


def judged(long: tuple[int, int], short: tuple[int, int], rule: BurnRule = FAST) -> BurnCode:
    found = burn(
        rule,
        long=Counts(n=long[0], k=long[1]),
        short=Counts(n=short[0], k=short[1]),
        budget=BUDGET,
        alpha=ALPHA,
    )
    return found.code


@pytest.mark.parametrize(
    ("long", "short", "code"),
    [
        ((60_000, 1_200), (5_000, 100), BurnCode.BURNING),
        ((60_000, 1_200), (5_000, 5), BurnCode.OVER),
        ((60_000, 800), (5_000, 200), BurnCode.BELOW),
        ((60_000, 0), (5_000, 0), BurnCode.BELOW),
        ((0, 0), (0, 0), BurnCode.NO_REQUESTS),
        ((60_000, 1_200), (0, 0), BurnCode.NO_REQUESTS),
    ],
)
def test_both_windows_must_burn(
    long: tuple[int, int], short: tuple[int, int], code: BurnCode
) -> None:
    assert judged(long, short) is code


@pytest.mark.parametrize("n", [1, 5, 10, 50])
def test_one_error_among_few_requests_pages_nobody(n: int) -> None:
    assert judged((n, 1), (n, 1)) is BurnCode.UNPROVEN


def test_an_outage_of_a_quiet_service_pages_after_a_few_requests() -> None:
    first = next(n for n in range(1, 100) if judged((n, n), (n, n)) is BurnCode.BURNING)
    assert first == 3


def test_rates_are_multiples_of_the_budget() -> None:
    found = burn(
        FAST,
        long=Counts(n=10_000, k=200),
        short=Counts(n=1_000, k=40),
        budget=BUDGET,
        alpha=ALPHA,
    )
    assert found.rate == pytest.approx(20)
    assert found.recent_rate == pytest.approx(40)
    assert found.interval.lower < 20 < found.interval.upper
    assert found.spent_in_s(30 * 86_400) == pytest.approx(18 * 3600)


def test_nothing_is_spent_without_errors() -> None:
    found = burn(FAST, long=Counts(n=9, k=0), short=Counts(n=9, k=0), budget=BUDGET, alpha=ALPHA)
    assert found.spent_in_s(86_400) is None


def test_the_book_s_shares_of_a_month_s_budget() -> None:
    month = 30 * 86_400
    assert FAST.factor * FAST.long_s / month == pytest.approx(0.02)
    assert SLOW.factor * SLOW.long_s / month == pytest.approx(0.05)


def test_a_budget_so_large_that_no_rate_reaches_the_factor_asks_for_all_to_fail() -> None:
    whole, most = Counts(n=400, k=400), Counts(n=400, k=399)
    for counts, code in ((whole, BurnCode.BURNING), (most, BurnCode.BELOW)):
        assert burn(FAST, long=counts, short=counts, budget=0.2, alpha=ALPHA).code is code


@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(1, 10**4), st.floats(0, 1))
def test_an_alarm_is_never_without_its_effect(
    n_long: int, long: float, n_short: int, short: float
) -> None:
    k_long, k_short = int(n_long * long), int(n_short * short)
    if judged((n_long, k_long), (n_short, k_short)) is BurnCode.BURNING:
        assert k_long / n_long >= 14.4 * BUDGET
        assert k_short / n_short >= 14.4 * BUDGET


@pytest.mark.parametrize("n_long", [30, 60, 300, 3_000])
def test_a_service_that_just_keeps_its_budget_pages_less_often_than_alpha(n_long: int) -> None:
    rng = np.random.default_rng(20)
    n_trials, n_short = 4_000, max(1, n_long // 12)
    older = rng.binomial(n_long - n_short, BUDGET, n_trials)
    newer = rng.binomial(n_short, BUDGET, n_trials)
    pages = sum(
        judged((n_long, int(a + b)), (n_short, int(b))) is BurnCode.BURNING
        for a, b in zip(older, newer, strict=True)
    )
    assert pages <= stats.binom.ppf(1 - 1e-6, n_trials, ALPHA)
    book = ((older + newer) >= 14.4 * BUDGET * n_long) & (newer >= 14.4 * BUDGET * n_short)
    if n_long <= 60:  # what the rule of the book does there, for comparison
        assert book.sum() > pages


def test_a_quiet_service_pages_nobody_in_a_quarter_where_the_book_s_rule_does() -> None:
    rng = np.random.default_rng(21)
    n = rng.poisson(1.0, 90 * 1440)  # a request a minute, one in a thousand fails
    k = rng.binomial(n, BUDGET)
    sums = [[np.convolve(x, np.ones(m, dtype=int))[: len(x)] for x in (n, k)] for m in (60, 5)]
    (n_long, k_long), (n_short, k_short) = sums
    asked = FAST.factor * BUDGET
    book = (n_short > 0) & (k_long >= asked * n_long) & (k_short >= asked * n_short)
    looks = {
        (n_long[i], k_long[i], n_short[i], k_short[i]) for i in np.flatnonzero(book) if k_long[i]
    }
    assert book.sum() > 100
    assert [look for look in looks if judged(look[:2], look[2:]) is BurnCode.BURNING] == []


@pytest.mark.parametrize(
    ("long_s", "short_s", "factor"), [(300, 3600, 2), (60, 60, 2), (60, 0, 2), (60, 5, 0)]
)
def test_windows_in_the_wrong_order_are_refused(
    long_s: float, short_s: float, factor: float
) -> None:
    with pytest.raises(BadStatistic, match="is no rule"):
        BurnRule(long_s=long_s, short_s=short_s, factor=factor)


def test_a_budget_that_is_no_share_is_refused() -> None:
    with pytest.raises(BadStatistic, match="budget"):
        burn(FAST, long=Counts(n=1, k=0), short=Counts(n=1, k=0), budget=1.0, alpha=ALPHA)
