"""Column beside column gives the numbers that all rows at once give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.drift.reference import Reference
from seatrial.monitoring.rows.by_column import RolesByColumn
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.by_column import measure_against, measure_pair
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of, features_of
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.testing.memory_columns import MemoryColumns


def by_column(table: Table, part_rows: int = 700) -> RolesByColumn:
    source = MemoryColumns(table, part_rows=part_rows)
    return RolesByColumn(source, Columns().among(source.names))


def check_pair(before: Table, after: Table, part_rows: int = 700) -> None:
    there, here = (Columns().among(by_column(t).source.names) for t in (before, after))
    reference = Reference(features_of(before, there), answers_of(before, there))
    summary, exact = reference.measure(
        features_of(after, here), answers_of(after, here, reference.profile)
    )
    found = measure_pair(by_column(before, part_rows), by_column(after, part_rows))
    assert found.profile == reference.profile
    assert found.exact == exact
    assert found.summary == summary


def test_every_kind_of_column_and_the_rows_that_repeat(mixed: Callable[..., Table]) -> None:
    check_pair(mixed(3_000, seed=0), mixed(40_000, seed=1, shift=0.3))


def test_answers_and_columns_that_vanished_came_or_changed_their_kind(
    mixed: Callable[..., Table],
) -> None:
    rng = np.random.default_rng(0)
    before, after = mixed(2_000, seed=0), mixed(3_000, seed=1)
    there = {**before.columns, "prediction": rng.integers(0, 2, 2_000), "gone": rng.random(2_000)}
    here = {
        **after.columns,
        "prediction": rng.integers(0, 3, 3_000),
        "number": Coded(np.zeros(3_000, np.int32), ("many",)),
        "new": rng.random(3_000),
    }
    check_pair(replace(before, columns=there), replace(after, columns=here))


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_rows(mixed: Callable[..., Table], n: int) -> None:
    check_pair(mixed(300, seed=0), mixed(n, seed=1))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(-3, 3) | st.just(None), min_size=1, max_size=60),
    st.lists(st.integers(-3, 4) | st.just(None), min_size=1, max_size=60),
    st.integers(1, 50),
)
def test_whatever_the_parts_and_however_many_rows_repeat(
    before: list[int | None], after: list[int | None], part_rows: int
) -> None:
    def table(values: list[int | None]) -> Table:
        numbers = np.array([np.nan if v is None else v for v in values])
        codes = np.array([-1 if v is None else v + 3 for v in values], np.int32)
        names = tuple("abcdefgh")
        return Table(columns={"x": numbers, "c": Coded(codes, names)}, n=len(values))

    check_pair(table(before), table(after), part_rows)


def test_a_profile_alone_counts_as_it_does_by_rows(mixed: Callable[..., Table]) -> None:
    before, after = mixed(3_000, seed=0), mixed(4_000, seed=1, shift=0.2)
    profile = profile_of(before)
    found = measure_against(profile, by_column(after))
    assert found.summary == Summariser(profile).summarise(after)
    assert found.exact == {}
