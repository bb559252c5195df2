from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seatrial.monitoring.drift.literal_rules import ks_rule, psi_rule
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Categorical, Numeric
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Names, Numbers
from seatrial.stats.divergence import ks_from_values


def _psi_of(a: np.ndarray, b: np.ndarray) -> object:
    profile = profile_of(Table(columns={"x": a}, n=len(a)))
    window = Summariser(profile).summarise(Table(columns={"x": b}, n=len(b)))
    column, counted = profile.features["x"], window.features.known["x"]
    assert isinstance(column, Numeric)
    assert isinstance(counted, Numbers)
    return psi_rule(column, counted)


@pytest.mark.parametrize(
    ("shift", "severity"),
    [(0.0, Severity.NONE), (0.37, Severity.WARNING), (0.6, Severity.CRITICAL)],
)
def test_psi_is_graded_at_its_customary_limits(shift: float, severity: Severity) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=20_000), rng.normal(shift, 1, 20_000)
    found = _psi_of(a, b)
    deciles = np.quantile(a, np.linspace(0.1, 0.9, 9))
    p, q = (np.bincount(np.searchsorted(deciles, x), minlength=10) / len(x) for x in (a, b))
    # Values beyond the reference's range have bins of their own here.
    expected = float(((q - p) * np.log(q / p)).sum())
    assert found.psi == pytest.approx(expected, abs=0.02)  # type: ignore[attr-defined]
    assert found.severity is severity  # type: ignore[attr-defined]


def test_psi_of_names_compares_each_of_them() -> None:
    def table(shares: list[float], n: int) -> Table:
        codes = np.repeat(np.arange(3, dtype=np.int32), (np.array(shares) * n).astype(int))
        return Table(columns={"c": Coded(codes, ("a", "b", "c"))}, n=len(codes))

    profile = profile_of(table([0.5, 0.3, 0.2], 1_000))
    window = Summariser(profile).summarise(table([0.3, 0.3, 0.4], 1_000))
    column, counted = profile.features["c"], window.features.known["c"]
    assert isinstance(column, Categorical)
    assert isinstance(counted, Names)
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    assert psi_rule(column, counted).psi == pytest.approx(float(((q - p) * np.log(q / p)).sum()))


def test_ks_speaks_its_customary_words() -> None:
    rng = np.random.default_rng(0)
    a, b = np.sort(rng.normal(size=500)), np.sort(rng.normal(0.3, 1, 400))
    expected = stats.ks_2samp(a, b, method="asymp")
    found = ks_rule(ks_from_values(a, b))
    assert found.drift_detected is True
    assert found.ks_statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.2)
    assert ks_rule(ks_from_values(a, a)).drift_detected is False
