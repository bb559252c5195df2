import numpy as np
import pytest

from seatrial.stats.counts import BadStatistic, Counts
from seatrial.stats.forecast import requests_until
from seatrial.stats.sequential import most_under, requests_needed

NOTHING = Counts(n=0, k=0)


def _exact(counts: Counts, rate: float, limit: float, alpha: float) -> int:
    """Request by request, with every look allowed."""
    alive, through = np.zeros(4_000), 0.0
    alive[0] = 1.0
    for n in range(1, 20_000):
        alive[1:] = alive[1:] * (1 - rate) + alive[:-1] * rate
        alive[0] *= 1 - rate
        allowed = most_under(counts.n + n, limit=limit, alpha=alpha) - counts.k
        if allowed >= 0:
            through += alive[: allowed + 1].sum()
            alive[: allowed + 1] = 0.0
        if through >= 0.5:
            return n
    raise AssertionError("not through")


@pytest.mark.parametrize(
    ("counts", "rate"),
    [(NOTHING, 0.01), (NOTHING, 0.03), (Counts(n=200, k=9), 0.02)],
)
def test_the_forecast_is_the_exact_waiting_time_but_for_the_looks(
    counts: Counts, rate: float
) -> None:
    exact = _exact(counts, rate, 0.05, 0.05)
    found = requests_until(counts, limit=0.05, alpha=0.05, rate=rate)
    assert found is not None
    assert exact <= found <= 1.08 * exact


def test_the_median_is_far_under_what_the_mean_alone_would_say() -> None:
    median = requests_until(NOTHING, limit=0.001, alpha=0.05, rate=0.0005)
    along_the_mean = requests_needed(NOTHING, limit=0.001, alpha=0.05, rate=0.0005)
    assert median is not None
    assert along_the_mean is not None
    assert median < 0.7 * along_the_mean


def test_a_perfect_version_needs_the_least_and_a_proven_one_nothing() -> None:
    assert requests_until(NOTHING, limit=0.001, alpha=0.05, rate=0.0) == requests_needed(
        NOTHING, limit=0.001, alpha=0.05
    )
    assert requests_until(Counts(n=9_000, k=0), limit=0.001, alpha=0.05, rate=0.0005) == 0


@pytest.mark.parametrize("rate", [0.001, 0.002, 0.000999])
def test_a_version_at_or_next_to_the_limit_has_no_date(rate: float) -> None:
    assert requests_until(NOTHING, limit=0.001, alpha=0.05, rate=rate) is None


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(BadStatistic, match=r"rate is 1\.5"):
        requests_until(NOTHING, limit=0.001, alpha=0.05, rate=1.5)
