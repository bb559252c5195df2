from __future__ import annotations

import pytest
from scipy import stats

from seatrial.stats.gamma import chi_square_tail


@pytest.mark.parametrize("df", [0.5, 1, 2, 9, 31, 100, 999, 5_000])
@pytest.mark.parametrize("ratio", [1e-6, 0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 3, 20])
def test_the_tail_is_that_of_an_independent_implementation(df: float, ratio: float) -> None:
    x = ratio * df
    assert chi_square_tail(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("x", "df"), [(0.0, 3), (-1.0, 3), (5.0, 0)])
def test_nothing_to_reject_is_certain(x: float, df: float) -> None:
    assert chi_square_tail(x, df) == 1.0
