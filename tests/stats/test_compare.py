import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.compare import compare_rates
from seatrial.stats.counts import Counts


@given(st.data())
def test_swapping_the_versions_mirrors_what_lies_between_their_rates(data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 10**6)), data.draw(st.integers(0, 10**6))
    a, b = (Counts(n=m, k=data.draw(st.integers(0, m))) for m in n)
    there = compare_rates(a, b, alpha_lower=0.05, alpha_upper=0.05, around=0.001).difference
    assert -1 <= there.lower <= (b.rate or 0) - (a.rate or 0) <= there.upper <= 1 or not (
        a.n and b.n
    )


def _first_wrong_looks(
    stable_rate: float, canary_rate: float, margin: float, *, n_trials: int = 120
) -> tuple[int, int]:
    """How many of the comparisons at 40 looks ever claim under, ever over, the margin."""
    rng = np.random.default_rng(7)
    looks = np.geomspace(200, 40_000, 40).astype(int)
    steps = np.diff(looks, prepend=0)
    under = over = 0
    for _ in range(n_trials):
        canary = np.cumsum(rng.binomial(steps, canary_rate))
        stable = np.cumsum(rng.binomial(19 * steps, stable_rate))
        found = [
            compare_rates(
                Counts(n=19 * int(n), k=int(s)),
                Counts(n=int(n), k=int(c)),
                alpha_lower=0.05,
                alpha_upper=0.05,
                around=margin,
            ).difference
            for n, c, s in zip(looks, canary, stable, strict=True)
        ]
        under += any(d.upper <= margin for d in found)
        over += any(d.lower >= margin for d in found)
    return under, over


@pytest.mark.slow
def test_a_canary_worse_by_just_the_margin_is_claimed_neither_way_more_often_than_alpha() -> None:
    most = stats.binom.ppf(1 - 1e-6, 120, 0.05)
    under, over = _first_wrong_looks(0.001, 0.002, 0.001)
    assert under <= most
    assert over <= most


@pytest.mark.slow
def test_equal_versions_are_shown_to_be_so_and_much_worse_ones_are_shown_to_be_worse() -> None:
    under, over = _first_wrong_looks(0.0005, 0.0005, 0.001, n_trials=40)
    assert (under, over) == (40, 0)
    under, over = _first_wrong_looks(0.0005, 0.01, 0.001, n_trials=40)
    assert (under, over) == (0, 40)
