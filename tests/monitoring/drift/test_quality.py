"""Each fault is found with its column, value and remedy; sound data has none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.flaw import Check, Finding, QualityLimits
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Numeric, Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Summary

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def _table(n: int, **columns: Column) -> Table:
    rng = np.random.default_rng(n)
    base: dict[str, Column] = {
        "age": rng.normal(40, 10, n),
        "town": Coded(rng.integers(0, 3, n).astype(np.int32), ("Oslo", "Wuhan", "Lima")),
    }
    return Table(columns=base | columns, n=n)


PROFILE = profile_of(_table(4_000))


def _found(table: Table, profile: Profile = PROFILE) -> list[Finding]:
    return list(check_quality(profile, Summariser(profile).summarise(table)))


def test_sound_data_has_no_finding() -> None:
    assert _found(_table(1_000)) == []


def _scores(seed: int, n: int) -> Table:
    """As of a classifier that is mostly sure: many rows lie next to both ends."""
    return _table(n, score=np.random.default_rng(seed).beta(0.4, 0.4, n))


def test_rows_next_to_an_end_of_the_range_are_not_called_outside_of_it() -> None:
    """Probabilities of quiet windows were, wherever the reference has rows beyond its own edges."""
    profile = profile_of(_scores(0, 8_000))
    assert isinstance(column := profile.features["score"], Numeric)
    assert column.counts[0] > 8  # or the test says nothing
    for seed in range(1, 21):
        assert _found(_scores(seed, 9_000), profile) == []
    rows = _scores(21, 9_000)
    score = np.asarray(rows.columns["score"]).copy()
    score[:300] = -0.5
    (found,) = _found(_table(9_000, score=score), profile)
    assert (found.check, found.column, found.severity) == (Check.RANGE, "score", Severity.WARNING)
    assert int(found.value.split(", ")[1].split()[0]) == pytest.approx(300, abs=30)


@pytest.mark.parametrize(
    ("column", "values", "check", "severity"),
    [
        ("age", np.full(500, np.nan), Check.MISSING, Severity.CRITICAL),
        ("age", np.where(np.arange(500) % 10 == 0, np.nan, 40.5), Check.MISSING, Severity.WARNING),
        ("age", np.where(np.arange(500) == 3, np.inf, 40.0), Check.INFINITE, Severity.WARNING),
        (
            "age",
            np.where(np.arange(500) % 9 == 0, -np.inf, 40.0),
            Check.INFINITE,
            Severity.CRITICAL,
        ),
        ("age", np.linspace(40, 80, 500) * 3, Check.RANGE, Severity.CRITICAL),
        ("age", np.where(np.arange(500) == 7, 1e9, 40.0), Check.RANGE, Severity.WARNING),
        ("age", np.full(500, 40.0), Check.CONSTANT, Severity.CRITICAL),
        ("age", Coded(np.zeros(500, np.int32), ("n/a",)), Check.KIND, Severity.CRITICAL),
        ("age", np.zeros((500, 2)), Check.KIND, Severity.CRITICAL),
        ("town", np.zeros((500, 2)), Check.KIND, Severity.CRITICAL),
        ("town", Coded(np.full(500, -1, np.int32), ()), Check.MISSING, Severity.CRITICAL),
        (
            "town",
            Coded((np.arange(500) % 4).astype(np.int32), ("Oslo", "Wuhan", "Lima", "Rome")),
            Check.NEW_NAMES,
            Severity.CRITICAL,
        ),
        ("weight", np.ones(500), Check.STRANGE, Severity.WARNING),
    ],
)
def test_a_fault_is_found_where_it_is(
    column: str, values: Column, check: Check, severity: Severity
) -> None:
    found = [f for f in _found(_table(500, **{column: values})) if f.check is check]
    assert [(f.column, f.severity) for f in found] == [(column, severity)]
    assert column in found[0].remedy
    assert found[0].value
    assert found[0].expected


def test_new_values_are_named() -> None:
    towns = Coded((np.arange(500) % 4).astype(np.int32), ("Oslo", "Wuhan", "Lima", "Rome"))
    (found,) = _found(_table(500, town=towns))
    assert found.value == "25.0% with new values ('Rome')"


def test_a_vanished_column_is_critical() -> None:
    table = Table(columns={"town": _table(100).columns["town"]}, n=100)
    (found,) = _found(table)
    assert (found.check, found.column, found.severity) == (Check.ABSENT, "age", Severity.CRITICAL)


def test_an_empty_window_is_stated() -> None:
    for summary in (Summary(), Summariser(PROFILE).summarise(_table(0))):
        assert [f.check for f in check_quality(PROFILE, summary)] == [Check.EMPTY]


def test_rows_sent_twice_are_found_and_usual_repeats_are_not() -> None:
    table = _table(500)
    twice = np.arange(500) // 2
    doubled = Table(
        columns={
            "age": np.asarray(table.columns["age"])[twice],
            "town": Coded(table.columns["town"].codes[twice], table.columns["town"].values),  # type: ignore[union-attr]
        },
        n=500,
    )
    (found,) = _found(doubled)
    assert (found.check, found.severity) == (Check.REPEATS, Severity.CRITICAL)
    assert found.value.startswith("50.0%")
    rng = np.random.default_rng(0)
    few = profile_of(Table(columns={"dice": rng.integers(1, 7, 1_000)}, n=1_000))
    assert _found(Table(columns={"dice": rng.integers(1, 7, 300)}, n=300), few) == []


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=30), []),
        (timedelta(hours=2), [(Check.AGE, Severity.WARNING)]),
        (timedelta(hours=9), [(Check.AGE, Severity.CRITICAL)]),
        (timedelta(hours=-3), [(Check.FUTURE, Severity.WARNING)]),
    ],
)
def test_data_that_is_old_or_from_the_future_is_found(
    age: timedelta, expected: list[tuple[Check, Severity]]
) -> None:
    table = _table(50)
    last = np.datetime64((NOW - age).replace(tzinfo=None), "us")
    at = last - np.arange(50)[::-1].astype("timedelta64[m]")
    window = Summariser(PROFILE).summarise(Table(columns=table.columns, n=50, at=at))
    limits = QualityLimits(max_age=timedelta(hours=1))
    found = check_quality(PROFILE, window, limits=limits, now=NOW)
    assert [(f.check, f.severity) for f in found] == expected


@pytest.mark.parametrize(
    ("n_untimed", "severity"),
    [(1, Severity.WARNING), (49, Severity.WARNING), (50, Severity.CRITICAL)],
)
def test_rows_whose_time_is_missing_are_found(n_untimed: int, severity: Severity) -> None:
    at = np.full(50, np.datetime64("2026-03-01", "us"))
    at[:n_untimed] = np.datetime64("NaT")
    window = Summariser(PROFILE).summarise(Table(columns=_table(50).columns, n=50, at=at))
    found = check_quality(PROFILE, window)
    assert [(f.check, f.severity) for f in found] == [(Check.UNTIMED, severity)]


def test_rows_that_nobody_dates_lack_no_time() -> None:
    assert check_quality(PROFILE, Summariser(PROFILE).summarise(_table(50))) == ()


def test_answers_that_were_not_logged_are_no_fault() -> None:
    features = _table(200)
    answers = Table(columns={"prediction": np.arange(200.0)}, n=200)
    profile = profile_of(features, predictions=answers)
    assert check_quality(profile, Summariser(profile).summarise(features)) == ()


def test_the_worst_comes_first() -> None:
    found = [f.severity for f in _found(_table(500, age=np.full(500, 40.0), weight=np.ones(500)))]
    assert found == sorted(found)
    assert set(found) == {Severity.CRITICAL, Severity.WARNING}


anything = (
    arrays(np.float64, 30, elements=st.floats(allow_nan=True, allow_infinity=True))
    | arrays(np.int64, 30)
    | arrays(np.bool_, 30)
    | arrays(np.float64, (30, 2), elements=st.floats())
    | arrays(np.int32, 30, elements=st.integers(-1, 1)).map(lambda c: Coded(c, ("a", "2")))
)


@given(anything, anything, st.integers(0, 30))
def test_no_column_crashes_the_watch(before: Column, after: Column, n: int) -> None:
    some = Coded(after.codes[:n], after.values) if isinstance(after, Coded) else after[:n]
    profile = profile_of(Table(columns={"x": before}, n=30))
    window = Summariser(profile, repeats=True).summarise(Table(columns={"x": some}, n=n))
    found = check_quality(profile, window, now=NOW)
    drift = compare(profile, window)
    assert all(column.reason for column in drift.features)
    names_for_numbers = isinstance(some, Coded) and bool((some.codes >= 0).any())
    if isinstance(profile.features["x"], Numeric) and names_for_numbers:
        assert Check.KIND in {f.check for f in found}


def test_mixed_columns_survive_a_window_of_one_row(mixed: Callable[..., Table]) -> None:
    profile = profile_of(mixed(100, seed=0))
    assert check_quality(profile, Summariser(profile).summarise(mixed(1, seed=1))) == ()
