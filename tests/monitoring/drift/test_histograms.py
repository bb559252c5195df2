"""Two histograms on the same bins, to look at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.drift.histograms import (
    MAX_NAMES,
    MISSING,
    N_BINS,
    NEW,
    OTHER,
    Histogram,
    histograms,
    prediction_histograms,
)
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of

RNG = np.random.default_rng(5)


def names(values: list[str | None]) -> Coded:
    known = sorted({value for value in values if value is not None})
    codes = [-1 if value is None else known.index(value) for value in values]
    return Coded(np.array(codes, np.int32), tuple(known))


def shown(reference: Column, current: Column) -> Histogram:
    profile = profile_of(Table(columns={"x": reference}, n=len(reference)))
    window = Summariser(profile).summarise(Table(columns={"x": current}, n=len(current)))
    return histograms(profile, window)["x"]


def test_numbers_lie_in_bins_of_like_reference_shares() -> None:
    found = shown(RNG.normal(size=4_000), RNG.normal(1.0, size=2_000))
    assert len(found.reference) == len(found.current) == len(found.edges) - 1 <= N_BINS
    np.testing.assert_allclose(found.reference, 1 / len(found.reference), atol=0.002)
    assert found.current[-1] > 3 * found.current[0]
    assert list(found.edges) == sorted(found.edges)


def test_what_lies_beyond_the_reference_is_in_the_outermost_bins() -> None:
    found = shown(RNG.normal(size=4_000), np.array([-1e9, 1e9, 1e9, np.nan]))
    assert found.current[0] == pytest.approx(1 / 3)
    assert found.current[-1] == pytest.approx(2 / 3)
    assert all(np.isfinite(found.edges))


def test_names_are_shown_by_frequency_and_the_rest_together() -> None:
    common = [f"n{i}" for i in range(MAX_NAMES + 5) for _ in range(100 - i)]
    found = shown(names(common), names(["n0", "n1", None, "strange", "n19"]))
    assert found.names[:2] == ("n0", "n1")
    assert found.names[MAX_NAMES:] == (OTHER, NEW, MISSING)
    assert found.current[:2] == (0.2, 0.2)
    assert found.current[MAX_NAMES:] == (0.2, 0.2, 0.2)


def test_a_column_without_rows_or_of_one_value_is_no_error() -> None:
    assert shown(names(["a", "b"]), names([])).current == (0.0, 0.0)
    profile = profile_of(Table(columns={"x": np.ones(100)}, n=100))
    window = Summariser(profile).summarise(Table(columns={"x": np.ones(5)}, n=5))
    assert set(histograms(profile, window)) <= {"x"}
    assert prediction_histograms(profile, window) == {}


@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=60),
    st.lists(st.floats(allow_nan=True), max_size=60),
)
def test_both_sides_add_up_to_one_or_to_nothing(
    reference: list[float], current: list[float]
) -> None:
    profile = profile_of(Table(columns={"x": np.array(reference)}, n=len(reference)))
    window = Summariser(profile).summarise(
        Table(columns={"x": np.array(current, np.float64)}, n=len(current))
    )
    for found in histograms(profile, window).values():
        assert sum(found.reference) == pytest.approx(1.0)
        assert sum(found.current) in (0.0, pytest.approx(1.0))
