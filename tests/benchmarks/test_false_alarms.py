"""The benchmark of the drift alarm: what it draws, what it counts, and its goals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.monitor.false_alarms import (
    DRIFTS,
    N_BINS,
    Delay,
    Drift,
    NoDrift,
    delay,
    delay_table,
    goals,
    no_drift,
    quiet_table,
    shifted,
)

QUIET = NoDrift(
    rows=1_000,
    reference=1_000,
    n_windows=20_000,
    alarms=2,
    highest=1e4,
    ks=0.9,
    psi_1=0.0,
    psi_2=0.0,
)
LATE = Delay(
    drift="level",
    reference=100_000,
    ours=5.9,
    missed=0.0,
    psi_1=None,
    psi_1_missed=1.0,
    psi_2_missed=1.0,
    goal=6,
)


def test_every_drift_moves_rows_and_loses_none() -> None:
    for drift in DRIFTS:
        before, after = np.array(drift.before), np.array(drift.after)
        assert before.sum() == pytest.approx(1)
        assert after.sum() == pytest.approx(1)
        assert after.min() > 0
        assert np.abs(after - before).max() > 0.001


def test_a_shift_is_the_one_of_the_normal_law() -> None:
    edges = stats.norm.ppf(np.arange(N_BINS + 1) / N_BINS)
    expected = np.diff(stats.norm.cdf(edges, loc=0.3, scale=1.2))
    np.testing.assert_allclose(shifted(0.3, 1.2), expected, atol=1e-12)


def test_a_gross_drift_is_seen_at_once_and_no_drift_is_not_seen() -> None:
    gross = Drift("gross", shifted(), shifted(1.0))
    found = delay(gross, 10_000, 5)
    assert (found.ours, found.missed, found.psi_1) == (1.0, 0.0, 1.0)
    assert delay(replace(gross, after=shifted()), 10_000, 3).missed == 1.0


def test_quiet_windows_are_counted_and_the_usual_rules_alarm_in_them() -> None:
    found = no_drift(200, 1_000, 2, 5)
    assert (found.n_windows, found.alarms) == (10, 0)
    assert found.ks > 0.1
    assert found.psi_1 >= found.psi_2


@pytest.mark.parametrize(
    ("quiet", "late", "met"),
    [
        (QUIET, LATE, [True, True]),
        (replace(QUIET, alarms=3), LATE, [False, True]),
        (QUIET, replace(LATE, ours=6.1), [True, False]),
        (QUIET, replace(LATE, missed=0.01), [True, False]),
        (QUIET, replace(LATE, ours=None), [True, False]),
        (QUIET, replace(LATE, reference=1_000), [True]),
        (QUIET, replace(LATE, goal=None), [True]),
    ],
)
def test_a_goal_is_met_by_its_figure_or_missed(quiet: NoDrift, late: Delay, met: list) -> None:
    assert [goal.met for goal in goals([quiet], [late])] == met
    assert "1,000" in quiet_table([quiet])
    assert late.drift in delay_table([late])
