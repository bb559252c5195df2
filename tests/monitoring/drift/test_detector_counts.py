from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from seatrial.monitoring.drift.alarm_bins import watched, window_bins
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.drift.detector import DriftAlarm
from seatrial.monitoring.drift.detector_counts import N_APART, detector_counts
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Categorical
from seatrial.monitoring.summaries.profiling import profile_of


def test_every_row_of_reference_and_window_is_in_one_bin(mixed: Callable[..., Table]) -> None:
    profile = profile_of(mixed(900, seed=0))
    found = detector_counts(profile, Summariser(profile).summarise(mixed(200, seed=1)))
    assert {counts.name for counts in found} >= {"number", "town", "letter/length"}
    assert {counts.name for counts in found if not counts.ordered} == {"town", "flag"}
    for counts in found:
        # Half of the vectors are what the axes are made from.
        assert counts.reference.sum() == (450 if counts.column == "embedding" else 900)
        assert counts.current.sum() == 200
        assert counts.reference.shape == counts.current.shape
    number = next(counts for counts in found if counts.name == "number")
    assert number.reference[-N_APART] == int(np.isnan(mixed(900, seed=0).columns["number"]).sum())


def test_a_column_that_is_not_there_has_no_rows(mixed: Callable[..., Table]) -> None:
    profile = profile_of(mixed(100, seed=0))
    found = detector_counts(profile, Summariser(profile).summarise(Table(columns={}, n=50)))
    assert all(counts.current.sum() == 0 for counts in found)
    assert all(len(counts.current) == len(counts.reference) for counts in found)


def names(n: int, k: int, *, seed: int, skew: float = 0.0) -> Table:
    """Rows of ``k`` names; alike, or as their rank to the power of ``-skew``."""
    rng = np.random.default_rng(seed)
    share = np.arange(1, k + 1.0) ** -skew
    codes = rng.choice(k, n, p=share / share.sum()).astype(np.int32)
    values = tuple(f"n{code}" for code in range(k))
    return Table(columns={"name": Coded(codes=codes, values=values)}, n=n)


@pytest.mark.parametrize("skew", [0.0, 1.0])
@pytest.mark.parametrize("k", [50, 200, 1_000, 3_000, 10_000])
@pytest.mark.parametrize("n_reference", [1_000, 5_000])
def test_shares_of_the_reference_are_those_of_rows_to_come(
    n_reference: int, k: int, skew: float
) -> None:
    """Names that are new, known and not frequent, and frequent: over draws, none is favoured."""
    off = []
    for seed in range(12):
        profile = profile_of(names(n_reference, k, seed=seed, skew=skew))
        window = Summariser(profile).summarise(names(5_000, k, seed=100 + seed, skew=skew))
        (found,) = detector_counts(profile, window)
        expected = found.reference / found.reference.sum()
        met = found.current / found.current.sum()
        off.append([*(met - expected)[-3:].tolist(), (met - expected)[:-3].sum()])
    mean, error = np.mean(off, axis=0), np.std(off, axis=0, ddof=1) / np.sqrt(len(off))
    assert (np.abs(mean) <= 5 * error + 2e-4).all()


@pytest.mark.parametrize("skew", [0.0, 1.0])
@pytest.mark.parametrize("k", [50, 200, 1_000, 3_000, 10_000])
@pytest.mark.parametrize("n_reference", [1_000, 5_000])
def test_many_names_that_do_not_drift_are_quiet(n_reference: int, k: int, skew: float) -> None:
    profile = profile_of(names(n_reference, k, seed=0, skew=skew))
    alarm = DriftAlarm(watched(profile))
    for n in (500, 3_000):
        state, at = alarm.start(), datetime(2026, 1, 1, tzinfo=UTC)
        for seed in range(1, 6):
            rows = Summariser(profile).summarise(names(n, k, seed=seed, skew=skew))
            state, said = alarm.step(state, window_bins(profile, rows), at=at)
            assert said.outcome is DriftOutcome.QUIET, (n, seed, said.reason)


@pytest.mark.parametrize("k", [50, 200, 1_000, 3_000])
def test_a_name_that_grows_among_many_is_found(k: int) -> None:
    profile = profile_of(names(5_000, k, seed=0))
    known = profile.features["name"]
    assert isinstance(known, Categorical)
    grows = list(known.counts)[100 if k > 100 else 30]
    alarm = DriftAlarm(watched(profile))
    state, at = alarm.start(), datetime(2026, 1, 1, tzinfo=UTC)
    for seed in range(1, 5):
        one = names(1_000, k, seed=seed).columns["name"]
        assert isinstance(one, Coded)
        grown = one.codes.copy()
        grown[:80] = one.values.index(grows)
        rows = Table(columns={"name": Coded(codes=grown, values=one.values)}, n=1_000)
        counted = Summariser(profile).summarise(rows)
        state, said = alarm.step(state, window_bins(profile, counted), at=at)
    assert said.outcome is DriftOutcome.DRIFT
