"""Differences of shares: the published example, the definition, and few events."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlog1py, xlogy

from seatrial.stats.comoments import Comoments
from seatrial.stats.mixture import Mixture
from seatrial.stats.share_difference import of_shares, score_reading, shares_at_any_look


def events(k: int, n: int) -> Comoments:
    return Comoments.of(np.arange(n) < k)


def difference(k0: int, n0: int, k1: int, n1: int):
    return of_shares(events(k0, n0), events(k1, n1))


@pytest.mark.parametrize(
    ("counts", "bounds"),
    [
        ((48, 80, 56, 70), (0.0528, 0.3382)),
        ((3, 10, 9, 10), (0.1700, 0.8406)),
        ((10, 10, 20, 20), (-0.1658, 0.2844)),
    ],
)
def test_published_examples(counts: tuple[int, int, int, int], bounds: tuple[float, float]) -> None:
    """Newcombe 1998, Stat. Med. 17:873, table II, as other packages test them."""
    found = score_reading(difference(*counts), alpha=0.05)
    assert (round(float(found.lower), 4), round(float(found.upper), 4)) == bounds


def score(k0: int, n0: int, k1: int, n1: int, delta: float) -> float:
    """By its definition, with the likeliest pair of shares found numerically."""

    def unlikely(p0: float) -> float:
        p1 = p0 + delta
        return -(xlogy(k0, p0) + xlog1py(n0 - k0, -p0) + xlogy(k1, p1) + xlog1py(n1 - k1, -p1))

    inside = (max(0.0, -delta) + 1e-12, min(1.0, 1 - delta) - 1e-12)
    p0 = minimize_scalar(unlikely, bounds=inside, method="bounded", options={"xatol": 1e-12}).x
    p1 = p0 + delta
    variance = (p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1) * (n0 + n1) / (n0 + n1 - 1)
    return (k1 / n1 - k0 / n0 - delta) / np.sqrt(variance)


@pytest.mark.parametrize(
    "counts",
    [
        (56, 70, 48, 80),
        (9, 10, 3, 10),
        (0, 20, 5, 29),
        (0, 20, 0, 29),
        (10, 10, 20, 20),
        (500, 10_000, 580, 10_000),
    ],
)
def test_a_bound_is_where_the_score_is_what_was_asked(counts: tuple[int, int, int, int]) -> None:
    found = score_reading(difference(*counts), alpha=0.05)
    assert score(*counts, float(found.lower)) == pytest.approx(1.959964, abs=2e-5)
    assert score(*counts, float(found.upper)) == pytest.approx(-1.959964, abs=2e-5)


def test_the_p_value_of_no_difference_is_that_of_statsmodels() -> None:
    """statsmodels 0.15.0: test_proportions_2indep(48, 80, 56, 70, method="score")."""
    found = score_reading(difference(56, 70, 48, 80), alpha=0.05)
    assert float(found.p_value) == pytest.approx(0.008258287929380758, rel=1e-9)


def test_not_worse_by_a_margin_is_the_score_at_the_margin() -> None:
    found = score_reading(difference(100, 1000, 95, 1000), alpha=0.05, sides=1, null=-0.03)
    from scipy.stats import norm

    expected = norm.sf(score(100, 1000, 95, 1000, -0.03))
    assert float(found.p_value) == pytest.approx(expected, rel=1e-5)
    assert (float(found.lower) > -0.03) == (expected <= 0.05)


@pytest.mark.parametrize("counts", [(5, 50, 12, 50), (5, 50, 14, 50), (5, 50, 20, 50)])
def test_interval_and_p_value_agree(counts: tuple[int, int, int, int]) -> None:
    found = score_reading(difference(*counts), alpha=0.05)
    assert (found.lower > 0) == (found.p_value <= 0.05)


def test_no_unit_says_nothing() -> None:
    for found in (
        score_reading(difference(0, 0, 5, 10), alpha=0.05),
        shares_at_any_look(
            difference(0, 0, 5, 10), Mixture.tightest_at(100, alpha=0.05), alpha=0.05
        ),
    ):
        assert float(found.p_value) == 1.0
        assert found.lower <= -1
        assert found.upper >= 1


def test_at_any_look_what_is_very_wrong_is_found_with_few_units() -> None:
    mixture = Mixture.tightest_at(10_000, alpha=0.05)
    found = shares_at_any_look(difference(0, 40, 40, 40), mixture, alpha=0.05)
    assert found.lower > 0
    assert float(found.p_value) == 0.05
    none = shares_at_any_look(difference(0, 40, 1, 40), mixture, alpha=0.05)
    assert float(none.p_value) == 1.0
    assert none.lower < 0 < none.upper


def test_at_any_look_interval_and_p_value_agree_among_many_events() -> None:
    mixture = Mixture.tightest_at(4_000, alpha=0.05)
    for k in range(100, 320, 20):
        found = shares_at_any_look(difference(100, 2000, k, 2000), mixture, alpha=0.05)
        assert (found.lower > 0) == (found.p_value <= 0.05)


def test_one_sided_only_the_direction_asked_for_counts() -> None:
    mixture = Mixture.tightest_at(4_000, alpha=0.05, sides=1)
    for counts in ((100, 1000, 400, 1000), (0, 40, 40, 40)):
        found = shares_at_any_look(difference(*counts), mixture, alpha=0.05)
        k0, n0, k1, n1 = counts
        back = shares_at_any_look(difference(k1, n1, k0, n0), mixture, alpha=0.05)
        assert found.p_value <= 0.05
        assert float(back.p_value) == 1.0
