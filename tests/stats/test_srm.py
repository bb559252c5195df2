"""Sample ratio mismatch: the authors' own figures, scipy's chi-square, and false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seatrial.stats.counts import BadStatistic
from seatrial.stats.srm import mismatch_at_any_look, mismatch_evidence, mismatch_p_value


def test_at_any_look_it_is_what_the_authors_compute() -> None:
    """ssrm_test 0.1.5, sequential_p_values, of the same increments."""
    looks = np.cumsum([[6, 4], [60, 40], [300, 250], [1000, 900]], axis=0)
    found = [mismatch_at_any_look(looks[: i + 1], (1, 1)) for i in range(4)]
    assert found == pytest.approx(
        [1, 0.9817006629354934, 0.8095972155418357, 0.34511883580850095], rel=1e-9
    )
    three = np.cumsum([[100, 210, 95], [1000, 2300, 900]], axis=0)
    assert mismatch_at_any_look(three, (1, 2, 1)) == pytest.approx(0.0018180331964535595, rel=1e-9)


def test_at_the_horizon_it_is_chi_square() -> None:
    expected = stats.chisquare([5060, 4940, 9800], np.array([1, 1, 2]) / 4 * 19_800).pvalue
    assert mismatch_p_value([5060, 4940, 9800], (1, 1, 2)) == pytest.approx(expected)


def test_nothing_seen_is_no_mismatch() -> None:
    assert mismatch_p_value([0, 0], (1, 1)) == 1.0
    assert mismatch_at_any_look(np.zeros((0, 2)), (1, 1)) == 1.0


def test_a_split_that_is_right_is_rarely_called_wrong_at_any_look() -> None:
    rng = np.random.default_rng(4)
    n_trials, alpha = 2_000, 0.05
    control = rng.binomial(2_000, 0.3, (100, n_trials)).cumsum(axis=0)
    total = 2_000 * np.arange(1, 101)[:, None]
    evidence = mismatch_evidence(np.stack([control, total - control], axis=-1), (3, 7))
    wrong = (evidence >= -np.log(alpha)).any(axis=0).mean()
    assert 0 < wrong <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / n_trials)


@pytest.mark.parametrize(
    ("counts", "shares"), [([1, 2], (1,)), ([1, 2], (1, 0)), ([1, 2, 3], (1, 1)), ([-1, 2], (1, 1))]
)
def test_what_is_no_split_is_refused(counts: list[int], shares: tuple[float, ...]) -> None:
    with pytest.raises(BadStatistic):
        mismatch_p_value(counts, shares)
