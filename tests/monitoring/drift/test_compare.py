from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.verdict import DriftLimits
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.stats.divergence import ks_from_values


def _profile(mixed: Callable[..., Table]) -> Profile:
    return profile_of(mixed(5_000, seed=0))


def test_a_window_like_the_reference_moves_nothing(mixed: Callable[..., Table]) -> None:
    profile = _profile(mixed)
    found = compare(profile, Summariser(profile).summarise(mixed(2_000, seed=1)))
    assert found.severity is Severity.NONE
    assert found.moved == ()
    assert {column.kind for column in found.features} == {
        "numeric",
        "categorical",
        "text",
        "embedding",
    }
    assert all("no evidence" in column.reason for column in found.features)


def test_every_kind_of_column_is_seen_to_move(mixed: Callable[..., Table]) -> None:
    profile = _profile(mixed)
    found = compare(profile, Summariser(profile).summarise(mixed(2_000, seed=1, shift=1.0)))
    assert {column.name for column in found.moved} == set(profile.features)
    assert found.severity is Severity.CRITICAL
    number = next(column for column in found.features if column.name == "number")
    assert "PSI" in number.reason
    assert number.psi is not None
    assert number.ks is not None
    assert number.psi.corrected == number.effect


def test_columns_are_ranked_by_what_matters_to_the_model(mixed: Callable[..., Table]) -> None:
    profile = _profile(mixed)
    window = Summariser(profile).summarise(mixed(2_000, seed=1, shift=1.0))
    heavy = compare(profile, window, importance={"flag": 100.0, "number": 0.0})
    assert heavy.moved[0].name == "flag"
    assert heavy.moved[-1].name == "number"
    assert heavy.moved[0].importance == 100.0


def test_a_small_change_with_much_evidence_is_reported_without_a_severity() -> None:
    rng = np.random.default_rng(0)
    profile = profile_of(Table(columns={"x": rng.normal(size=50_000)}, n=50_000))
    window = Table(columns={"x": rng.normal(0.05, 1, 50_000)}, n=50_000)
    (column,) = compare(profile, Summariser(profile).summarise(window)).features
    assert column.evidence < 1e-6
    assert column.severity is Severity.NONE
    assert "moved, but by little" in column.reason


def test_predictions_are_compared_like_features() -> None:
    rng = np.random.default_rng(0)

    def both(n: int, mean: float) -> tuple[Table, Table]:
        features = Table(columns={"x": rng.normal(size=n)}, n=n)
        return features, Table(columns={"prediction": rng.normal(mean, 1, n)}, n=n)

    features, answers = both(3_000, 0.0)
    profile = profile_of(features, predictions=answers)
    found = compare(profile, Summariser(profile).summarise(*both(1_000, 1.0)))
    assert [column.name for column in found.moved] == ["prediction"]
    assert found.predictions[0].severity is Severity.CRITICAL


def test_an_exact_distance_takes_the_place_of_the_counted_one() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=3_000), rng.normal(0.3, 1, 2_000)
    profile = profile_of(Table(columns={"x": a}, n=3_000))
    window = Summariser(profile).summarise(Table(columns={"x": b}, n=2_000))
    exact = ks_from_values(np.sort(a), np.sort(b))
    counted = compare(profile, window).features[0].ks
    given = compare(profile, window, exact={"x": exact}).features[0].ks
    assert given == exact
    assert counted is not None
    assert counted.value == pytest.approx(exact.value, abs=0.001)
    assert counted.value <= exact.value <= counted.value + counted.error


def test_without_drift_the_share_of_windows_with_a_severity_stays_under_alpha() -> None:
    rng = np.random.default_rng(5)
    limits = DriftLimits(alpha=0.05, psi_warning=1e-9, psi_critical=10.0)
    n_columns, n_windows, false = 10, 150, 0
    profile = profile_of(
        Table(columns={f"x{i}": rng.normal(size=4_000) for i in range(n_columns)}, n=4_000)
    )
    summariser = Summariser(profile, repeats=False)
    for _ in range(n_windows):
        rows = Table(columns={f"x{i}": rng.normal(size=400) for i in range(n_columns)}, n=400)
        found = compare(profile, summariser.summarise(rows), limits=limits)
        false += found.severity is not Severity.NONE
    # When nothing moved, any column found is false: the share of windows is the rate controlled.
    assert false / n_windows <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_windows)


def _names(codes: np.ndarray) -> Table:
    values = tuple(f"v{i}" for i in range(int(codes.max()) + 1))
    return Table(columns={"x": Coded(codes.astype(np.int32), values)}, n=len(codes))


def _shape_p(then: np.ndarray, now: np.ndarray) -> float:
    profile = profile_of(_names(then), repeats=False)
    window = Summariser(profile, repeats=False).summarise(_names(now))
    (column,) = compare(profile, window).features
    return column.tests["shape"]


@pytest.mark.slow
@pytest.mark.parametrize("power", [0.0, 1.2], ids=["even", "skewed"])
@pytest.mark.parametrize("n_names", [10, 100, 1_000, 10_000])
@pytest.mark.parametrize(("n", "m"), [(4_000, 1_000), (1_000, 8_000)])
def test_names_without_a_change_are_moved_as_rarely_as_the_evidence_says(
    n_names: int, power: float, n: int, m: int
) -> None:
    """Rare names seemed to grow, or to be gone, where few rows had chosen what was counted."""
    rng = np.random.default_rng(7)
    shares = 1 / np.arange(1, n_names + 1) ** power
    p = shares / shares.sum()
    trials = 150
    found = np.array(
        [_shape_p(rng.choice(n_names, n, p=p), rng.choice(n_names, m, p=p)) for _ in range(trials)]
    )
    for level in (0.05, 0.01):
        most = level + 3.5 * np.sqrt(level * (1 - level) / trials)
        assert (found <= level).mean() <= most, level


@pytest.mark.parametrize("n_names", [100, 1_000])
def test_a_rare_name_that_grows_to_two_percent_is_found(n_names: int) -> None:
    rng = np.random.default_rng(8)
    shares = 1 / np.arange(1, n_names + 1) ** 1.2
    p = shares / shares.sum()
    for _ in range(20):
        then = rng.choice(n_names, 10_000, p=p)
        now = rng.choice(n_names, 2_000, p=p)
        now[rng.random(2_000) < 0.02] = n_names - 1
        assert _shape_p(then, now) < 1e-4
