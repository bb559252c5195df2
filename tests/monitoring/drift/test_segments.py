"""Segments beside the same segments of the reference: drift, quality, and what has no reference."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.drift.flaw import Check
from seatrial.monitoring.drift.segments import (
    NoSegmentReference,
    SegmentDrift,
    compare_segments,
)
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import MISSING, NEW
from seatrial.monitoring.summaries.summary import Summary


def _by_town(n: int, seed: int, *, moved: str = "") -> Table:
    rng = np.random.default_rng(seed)
    towns = rng.integers(0, 4, n).astype(np.int32)
    values = rng.normal(towns * 5.0, 1)
    if moved:
        values[towns == "abcd".index(moved)] += 1.5
    return Table(columns={"x": values, "town": Coded(towns, tuple("abcd"))}, n=n)


def test_the_worst_segment_is_named_and_the_others_are_not() -> None:
    reference = _by_town(8_000, seed=0)
    profile = profile_of(reference)
    summariser = Summariser(profile, segments=["town"])
    window = summariser.summarise(_by_town(2_000, seed=1, moved="c"))
    found = compare_segments(profile, window, summariser.summarise(reference))
    assert [(s.column, s.value) for s in found if s.drift.moved] == [("town", "c")]
    assert found[0].drift.severity is Severity.CRITICAL
    assert found[0].drift.moved[0].name == "x"


def test_segments_that_are_alike_but_for_chance_are_quiet() -> None:
    reference = _by_town(8_000, seed=0)
    profile = profile_of(reference)
    summariser = Summariser(profile, segments=["town"])
    found = compare_segments(
        profile, summariser.summarise(_by_town(2_000, seed=3)), summariser.summarise(reference)
    )
    assert len(found) == 4
    assert not any(segment.drift.moved for segment in found)


def test_a_segment_is_not_compared_with_the_whole() -> None:
    profile = profile_of(_by_town(400, seed=0))
    window = Summariser(profile, segments=["town"]).summarise(_by_town(200, seed=1))
    with pytest.raises(NoSegmentReference, match="'town'"):
        compare_segments(profile, window, Summary())


def _compared(reference: Table, window: Table) -> dict[str, SegmentDrift]:
    profile = profile_of(reference)
    summariser = Summariser(profile, segments=["town"])
    found = compare_segments(profile, summariser.summarise(window), summariser.summarise(reference))
    return {one.value: one for one in found}


def _hourly(n: int, seed: int, *, lost: str = "", town: str = "") -> Table:
    """Rows whose hour is missing ten times as often, or another one, in one town."""
    rng = np.random.default_rng(seed)
    towns = rng.integers(0, 4, n).astype(np.int32)
    hours = rng.integers(0, 3, n).astype(np.int32)
    hours[rng.random(n) < 0.02] = -1
    if lost:
        there = towns == "abcd".index(town)
        hours[there & (rng.random(n) < 0.3)] = 3 if lost == "new" else -1
    return Table(
        columns={"hour": Coded(hours, tuple("pqrs")), "town": Coded(towns, tuple("abcd"))}, n=n
    )


@pytest.mark.parametrize(("lost", "check"), [("missing", Check.MISSING), ("new", Check.NEW_NAMES)])
def test_missing_values_and_new_categories_are_found_in_their_segment(
    lost: str, check: Check
) -> None:
    found = _compared(_hourly(8_000, 0), _hourly(2_000, 1, lost=lost, town="b"))
    assert [value for value, one in found.items() if one.quality] == ["b"]
    assert check in {one.check for one in found["b"].quality}
    assert found["b"].severity is Severity.CRITICAL
    assert next(iter(found)) == "b"


def test_a_value_the_reference_does_not_have_is_compared_with_nothing() -> None:
    reference = _by_town(8_000, seed=0)
    window = _by_town(2_000, seed=1)
    town = window.columns["town"]
    assert isinstance(town, Coded)
    codes = town.codes.copy()
    codes[:100], codes[100:140] = 4, -1
    window = Table(
        columns={**window.columns, "town": Coded(codes, (*town.values, "elsewhere"))}, n=window.n
    )
    found = _compared(reference, window)
    assert set(found) == {*"abcd", NEW, MISSING}
    assert [(found[v].drift.n, found[v].n_reference) for v in (NEW, MISSING)] == [(100, 0), (40, 0)]
    assert found[NEW].drift.features == ()
    assert found[NEW].severity is Severity.NONE


def test_a_rare_value_that_a_small_segment_missed_is_no_finding() -> None:
    """Of the whole it is in the range; 60 rows of one town happened to be without it."""
    rng = np.random.default_rng(5)
    towns = np.where(np.arange(6_000) % 100 == 0, 1, 0).astype(np.int32)
    flag = ((rng.random(6_000) < 0.02) & (towns == 0)).astype(np.float64)
    columns = {"flag": flag, "town": Coded(towns, ("large", "small"))}
    window = Table(
        columns={
            "flag": np.concatenate([np.zeros(59), [1.0]]),
            "town": Coded(np.ones(60, np.int32), ("large", "small")),
        },
        n=60,
    )
    found = _compared(Table(columns=columns, n=6_000), window)
    assert found["small"].n_reference == 60
    assert found["small"].severity is Severity.NONE


def test_a_few_rows_say_nothing_of_a_segment() -> None:
    window = _by_town(60, seed=1, moved="c")
    assert all(one.drift.features == () for one in _compared(_by_town(8_000, 0), window).values())


def test_segments_without_a_change_are_called_moved_no_oftener_than_asked_for() -> None:
    reference = _by_town(4_000, seed=0)
    profile = profile_of(reference)
    summariser = Summariser(profile, segments=["town"], repeats=False)
    then = summariser.summarise(reference)
    false, n_windows = 0, 200
    for seed in range(1, n_windows + 1):
        found = compare_segments(profile, summariser.summarise(_by_town(800, seed)), then)
        false += any(one.severity is not Severity.NONE for one in found)
    assert false / n_windows <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / n_windows)
