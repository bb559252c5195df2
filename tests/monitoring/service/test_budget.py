import numpy as np
import pytest

from seatrial.monitoring.service.budget import judge_budget
from seatrial.monitoring.service.config import BudgetConfig, BurnConfig
from seatrial.monitoring.service.finding import Level
from seatrial.release.measurement import Summary

PAGE = BurnConfig(long=3600, short=300, factor=14.4)
TICKET = BurnConfig(long=259_200, short=21_600, factor=1, critical=False)


def windows(
    n: int, k: int, n_short: int, k_short: int, pair: BurnConfig = PAGE
) -> dict[float, Summary]:
    return {
        pair.long: Summary.of(np.full(n, 0.01), errors={"timeout": k}),
        pair.short: Summary.of(np.full(n_short, 0.01), errors={"timeout": k_short}),
    }


@pytest.mark.parametrize(
    ("counts", "level", "code"),
    [
        ((6000, 120, 500, 10), Level.CRITICAL, "burn.burning"),
        ((6000, 120, 500, 0), Level.OK, "burn.over"),
        ((6000, 2, 500, 2), Level.OK, "burn.below"),
        ((10, 1, 10, 1), Level.INCONCLUSIVE, "burn.unproven"),
        ((0, 0, 0, 0), Level.INCONCLUSIVE, "burn.no_requests"),
    ],
)
def test_a_pair_of_windows_has_a_level(
    counts: tuple[int, int, int, int], level: Level, code: str
) -> None:
    found = judge_budget(PAGE, BudgetConfig(), windows(*counts), alpha=0.001)
    assert (found.level, found.code) == (level, code)
    assert found.labels == {"window": "1 h"}


def test_a_pair_may_be_a_warning_only() -> None:
    burning = windows(6000, 120, 500, 10, TICKET)
    assert judge_budget(TICKET, BudgetConfig(), burning, alpha=0.001).level is Level.WARNING


def test_it_says_how_long_the_budget_lasts() -> None:
    found = judge_budget(PAGE, BudgetConfig(), windows(6000, 120, 500, 10), alpha=0.001)
    assert found.evidence["budget_spent_in_s"] == pytest.approx(36 * 3600)
    assert found.reason == (
        "the error budget of 0.1 % is spent 20 times as fast as allowed over 1 h (120 of 6,000) "
        "and 20 times over 5 min; the budget of 30 d lasts 1 d 12 h like this"
    )
