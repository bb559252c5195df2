"""The laws of the normal distribution and of Student's t, against an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seatrial.stats.counts import BadStatistic
from seatrial.stats.normal import normal_quantile, normal_tail, student_quantile, student_tail


def test_the_normal_tail_and_its_inverse() -> None:
    z = np.linspace(-8, 8, 65).reshape(5, 13)
    assert normal_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-12)


@pytest.mark.parametrize(
    ("df", "within"), [(3, 2e-5), (5, 2e-7), (10, 1e-9), (50, 1e-12), (1e7, 1e-12)]
)
def test_students_tail(df: float, within: float) -> None:
    t = np.linspace(-12, 12, 97)
    assert student_tail(t, df) == pytest.approx(stats.t.sf(t, df), abs=within)


@pytest.mark.parametrize(("df", "within"), [(5, 1e-4), (10, 1e-6), (30, 1e-9), (1e7, 1e-12)])
@pytest.mark.parametrize("share", [0.9, 0.975, 0.9999, 0.025, 0.5])
def test_students_quantile(df: float, within: float, share: float) -> None:
    assert student_quantile(share, df) == pytest.approx(
        stats.t.ppf(share, df), rel=within, abs=1e-12
    )


def test_too_few_degrees_of_freedom_say_nothing() -> None:
    df = np.array([np.nan, 2.9, 3.0])
    assert np.isnan(student_tail(1.0, df)).tolist() == [True, True, False]
    assert np.isnan(student_quantile(0.9, df)).tolist() == [True, True, False]


@pytest.mark.parametrize("share", [0.0, 1.0, np.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(BadStatistic):
        normal_quantile(share)
