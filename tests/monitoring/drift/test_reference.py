from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from seatrial.monitoring.drift.reference import Reference
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Table


@pytest.mark.parametrize("n", [700, 40_000])
def test_the_distance_to_reference_rows_is_exact(n: int) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.gamma(2, 1, 5_000), rng.gamma(2.1, 1, n)
    reference = Reference(Table(columns={"x": before}, n=5_000))
    (column,) = reference.check(Table(columns={"x": after}, n=n)).drift.features
    assert column.ks is not None
    assert column.ks.value == pytest.approx(stats.ks_2samp(before, after).statistic, abs=1e-12)
    assert column.ks.error == 0.0


def test_a_window_is_checked_for_drift_quality_and_segments_in_one_go(
    mixed: Callable[..., Table],
) -> None:
    reference = Reference(mixed(4_000, seed=0), segments=["flag"])
    quiet = reference.check(mixed(1_000, seed=1))
    assert quiet.drift.severity is Severity.NONE
    assert quiet.quality == ()
    assert len(quiet.segments) == 2
    moved = reference.check(mixed(1_000, seed=1, shift=1.0), importance={"count": 9.0})
    assert moved.drift.severity is Severity.CRITICAL
    assert moved.drift.moved[0].name == "count"
    assert moved.segments[0].drift.moved
    assert moved.summary.n == 1_000


def test_numbers_that_mean_classes_are_names(mixed: Callable[..., Table]) -> None:
    reference = Reference(mixed(500, seed=0), categorical=["count"])
    found = {c.name: c.kind for c in reference.check(mixed(500, seed=1)).drift.features}
    assert found["count"] == "categorical"
