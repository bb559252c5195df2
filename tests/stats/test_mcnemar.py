"""McNemar's test against published values and scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from seatrial.stats.counts import BadStatistic
from seatrial.stats.mcnemar import mcnemar


def test_the_published_example_comes_out():
    found = mcnemar(1, 7)  # Fagerland 2013: airways before and after a transplantation
    assert (round(found.p_exact, 4), round(found.p_mid, 4)) == (0.0703, 0.0391)


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_both_are_sums_of_binomial_chances(b, c):
    found = mcnemar(b, c)
    n, fewer = b + c, min(b, c)
    exact = min(1.0, 2 * binom.cdf(fewer, n, 0.5))
    mid = 2 * binom.cdf(fewer - 1, n, 0.5) + binom.pmf(fewer, n, 0.5)
    assert found.p_exact == pytest.approx(exact, rel=1e-9, abs=1e-290)
    assert found.p_mid == pytest.approx(min(1.0, mid), rel=1e-9, abs=1e-290)
    assert found.p_mid <= found.p_exact


def test_two_that_never_differ_are_no_surprise():
    assert mcnemar(0, 0).p_exact == 1.0


def test_counts_below_nothing_are_refused():
    with pytest.raises(BadStatistic, match="no counts"):
        mcnemar(-1, 3)
