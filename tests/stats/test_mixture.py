"""Bounds for any look: wide enough at every look, and the p-value is their inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.counts import BadStatistic
from seatrial.stats.mixture import Mixture

ALPHAS = st.floats(0.001, 0.3)
SIDES = st.sampled_from([1, 2])


@given(ALPHAS, SIDES, st.floats(1, 1e7), st.floats(10, 1e6))
def test_the_p_value_is_the_alpha_whose_bound_is_met(alpha, sides, n, tightest):
    mixture = Mixture.tightest_at(tightest, alpha=0.05, sides=sides)
    z = float(mixture.errors(n, alpha=alpha))
    assert float(mixture.p_value(z, n)) == pytest.approx(alpha, rel=1e-9)


@given(ALPHAS, SIDES, st.floats(1, 1e7))
def test_it_is_wider_than_a_bound_for_one_look(alpha, sides, n):
    from seatrial.stats.normal import normal_quantile

    mixture = Mixture.tightest_at(1000, alpha=alpha, sides=sides)
    assert float(mixture.errors(n, alpha=alpha)) > normal_quantile(1 - alpha / sides)


def test_it_is_tightest_about_where_it_was_asked_to_be():
    n = np.arange(50, 20_000, 10)
    # Standard errors shrink as 1 / sqrt(n); what is tightest is the bound beside those.
    found = n[Mixture.tightest_at(2_000, alpha=0.05).errors(n, alpha=0.05).argmin()]
    assert 1_500 < found < 2_700


def test_it_is_the_formula_of_the_paper():
    rate, n, alpha = 0.002, 700, 0.05
    s = n * rate
    two = math.sqrt(2 * (s + 1) / s * math.log(math.sqrt(s + 1) / alpha))
    one = math.sqrt(2 * (s + 1) / s * math.log(1 + math.sqrt(s + 1) / (2 * alpha)))
    assert float(Mixture(rate=rate).errors(n, alpha=alpha)) == pytest.approx(two)
    assert float(Mixture(rate=rate, sides=1).errors(n, alpha=alpha)) == pytest.approx(one)


def test_nothing_seen_is_nothing_known():
    mixture = Mixture.tightest_at(100, alpha=0.05)
    assert float(mixture.errors(0, alpha=0.05)) == math.inf
    assert float(mixture.p_value(9.0, 0)) == 1.0


def test_the_wrong_direction_is_no_evidence_one_sided():
    mixture = Mixture.tightest_at(100, alpha=0.05, sides=1)
    assert float(mixture.p_value(-9.0, 1000)) == 1.0
    assert float(mixture.p_value(math.inf, 1000)) == 0.0


@pytest.mark.parametrize(("alpha", "sides"), [(0.0, 2), (1.0, 2), (0.5, 1)])
def test_an_alpha_that_makes_no_sense_is_refused(alpha, sides):
    with pytest.raises(BadStatistic):
        Mixture(rate=0.01, sides=sides).errors(10, alpha=alpha)
    with pytest.raises(BadStatistic):
        Mixture.tightest_at(10, alpha=alpha, sides=sides)
