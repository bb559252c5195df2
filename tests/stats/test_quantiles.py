import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.counts import BadStatistic
from seatrial.stats.quantiles import quantile_bounds
from seatrial.stats.sequential import least_over, most_under
from seatrial.stats.sketches import LatencySketch


def test_bounds_of_nothing_say_nothing() -> None:
    found = quantile_bounds(LatencySketch.empty(), 0.95, alpha_lower=0.05, alpha_upper=0.05)
    assert (found.lower, found.upper) == (0.0, math.inf)


@given(st.integers(1, 3_000), st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_bounds_are_order_statistics_within_one_bucket(n: int, seed: int, q: float) -> None:
    values = np.sort(np.random.default_rng(seed).lognormal(-4, 1, n))
    found = quantile_bounds(LatencySketch.of(values), q, alpha_lower=0.05, alpha_upper=0.05)
    most, least = (f(n, limit=1 - q, alpha=0.05) for f in (most_under, least_over))
    if most >= 0:
        assert values[n - 1 - most] <= found.upper <= 1.0203 * values[n - 1 - most]
    else:
        assert found.upper == math.inf
    if least <= n:
        assert values[n - least] / 1.0203 / 1.0203 <= found.lower <= values[n - least]
    else:
        assert found.lower == 0


@pytest.mark.slow
def test_the_true_quantile_is_ever_outside_a_bound_no_more_often_than_alpha() -> None:
    rng, n_trials, alpha = np.random.default_rng(11), 200, 0.1
    truth = math.exp(stats.norm.ppf(0.95) - 4)
    too_low = too_high = 0
    looks = np.geomspace(60, 6_000, 30).astype(int)
    for _ in range(n_trials):
        values = rng.lognormal(-4, 1, looks[-1])
        sketch = LatencySketch.empty()
        parts = np.split(values, looks[:-1])
        found = []
        for part in parts:
            sketch += LatencySketch.of(part)
            found.append(quantile_bounds(sketch, 0.95, alpha_lower=alpha, alpha_upper=alpha))
        too_low += any(bounds.upper < truth for bounds in found)
        too_high += any(bounds.lower > truth for bounds in found)
        assert 0.5 * truth < found[-1].lower < found[-1].upper < 2 * truth
    most = stats.binom.ppf(1 - 1e-6, n_trials, alpha)
    assert too_low <= most
    assert too_high <= most


def test_a_quantile_that_is_none_is_refused() -> None:
    with pytest.raises(BadStatistic, match="q is 95"):
        quantile_bounds(LatencySketch.empty(), 95, alpha_lower=0.05, alpha_upper=0.05)
