"""Any partition of rows, in any order, gives the identical summary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.rows.table import Coded, Column, Table, rows_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import (
    MAX_NEWCOMERS,
    Columns,
    Names,
    Numbers,
    SummariesDiffer,
    Summary,
)

floats = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, 1.0, 2.0])
names = st.sampled_from(["a", "b", "new", "one more text of words", "1", "2.5", "True"])


def _reference(n: int = 300) -> Table:
    rng = np.random.default_rng(0)
    return Table(
        columns={
            "x": rng.normal(size=n),
            "c": Coded(rng.integers(-1, 2, n).astype(np.int32), ("a", "b")),
            "t": Coded(
                rng.integers(0, 2, n).astype(np.int32), ("some words of text", "and some more")
            ),
            "v": rng.normal(size=(n, 3)),
            "gone": rng.normal(size=n),
        },
        n=n,
    )


@st.composite
def columns(draw: st.DrawFn, n: int) -> Column:
    """A column of any kind."""
    kind = draw(st.sampled_from(["float", "int", "bool", "names", "vectors", "wide"]))
    if kind == "float":
        return np.array(draw(st.lists(floats, min_size=n, max_size=n)), np.float64)
    if kind == "int":
        whole = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
        return np.array(draw(st.lists(whole, min_size=n, max_size=n)), np.int64)
    if kind == "bool":
        return np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), np.bool_)
    if kind == "names":
        values = tuple(sorted(draw(st.sets(names, min_size=1))))
        codes = draw(st.lists(st.integers(-1, len(values) - 1), min_size=n, max_size=n))
        return Coded(np.array(codes, np.int32), values)
    width = 3 if kind == "vectors" else 4
    flat = draw(st.lists(floats, min_size=n * width, max_size=n * width))
    return np.array(flat, np.float64).reshape(n, width)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    n = draw(st.integers(0, 12))
    which = draw(st.sets(st.sampled_from(["x", "c", "t", "v", "other"])))
    found = {name: draw(columns(n)) for name in sorted(which)}
    times = draw(st.lists(st.integers(0, 2**40) | st.none(), min_size=n, max_size=n))
    at = np.array(["NaT" if t is None else np.datetime64(t, "us") for t in times], "datetime64[us]")
    return Table(columns=found, n=n, at=at if draw(st.booleans()) else None)


PROFILE = profile_of(_reference())
SUMMARISER = Summariser(PROFILE, segments=["c", "x"])


@settings(max_examples=150)
@given(tables(), st.data())
def test_any_partition_in_any_order_gives_the_identical_summary(
    table: Table, data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(table.n))), np.intp)
    cuts = sorted(data.draw(st.lists(st.integers(0, table.n), max_size=3)))
    parts = [rows_of(table, rows) for rows in np.split(order, cuts)]
    found = Summary()
    for part in data.draw(st.permutations(parts)):
        found = found + SUMMARISER.summarise(part)
    assert found == SUMMARISER.summarise(table)


@given(tables(), tables(), tables())
@settings(max_examples=50)
def test_adding_is_associative_and_commutative(a: Table, b: Table, c: Table) -> None:
    x, y, z = (SUMMARISER.summarise(table) for table in (a, b, c))
    assert (x + y) + z == x + (y + z)
    assert x + y == y + x
    assert Summary() + x == x + Summary() == x


def test_ten_thousand_new_names_take_bounded_room_and_the_same_ones_are_kept() -> None:
    many = tuple(f"newcomer {i}" for i in range(10_000))
    table = Table(columns={"c": Coded(np.arange(10_000, dtype=np.int32), many)}, n=10_000)
    whole = SUMMARISER.summarise(table)
    halves = [SUMMARISER.summarise(rows_of(table, slice(i, None, 2))) for i in (1, 0)]
    found = whole.features.known["c"]
    assert isinstance(found, Names)
    assert found.n_new == 10_000
    assert len(found.newcomers) == MAX_NEWCOMERS
    assert sum(halves, Summary()) == whole


def test_names_known_but_not_counted_one_by_one_are_not_new() -> None:
    many = tuple(f"name {i}" for i in range(3_000))
    reference = Table(columns={"c": Coded(np.arange(3_000, dtype=np.int32), many)}, n=3_000)
    window = Table(columns={"c": Coded(np.arange(3, dtype=np.int32), (*many[2_998:], "no"))}, n=3)
    found = Summariser(profile_of(reference)).summarise(window).features.known["c"]
    assert isinstance(found, Names)
    assert (int(found.counts.sum()) + found.n_other, found.n_new) == (2, 1)


def test_what_is_there_of_another_kind_is_told_apart_from_what_is_missing() -> None:
    table = Table(
        columns={"x": Coded(np.array([0, -1, 0], np.int32), ("n/a",)), "odd": np.zeros(3)}, n=3
    )
    found = SUMMARISER.summarise(table).features
    assert found.misread == {("x", "names"): 2}
    assert found.strange == {"odd": 3}
    assert found.absent == {"c": 3, "t": 3, "v": 3, "gone": 3}
    assert found.known["x"].n_missing == 1


def test_times_and_repeats_of_rows_are_kept() -> None:
    at = np.array(["2026-01-03", "NaT", "2026-01-01", "2026-01-02"], "datetime64[us]")
    found = SUMMARISER.summarise(Table(columns={"x": np.array([1.0, 1.0, 2.0, 1.0])}, n=4, at=at))
    assert found.first_us == np.datetime64("2026-01-01", "us").astype(np.int64)
    assert found.last_us == np.datetime64("2026-01-03", "us").astype(np.int64)
    assert found.n_untimed == 1
    assert found.repeats.share == 0.5


def test_single_and_double_precision_repeat_each_other() -> None:
    wide = np.arange(8.0)
    a = SUMMARISER.summarise(Table(columns={"x": wide}, n=8))
    b = SUMMARISER.summarise(Table(columns={"x": wide.astype(np.float32)}, n=8))
    assert (a + b).repeats.share == 0.5


def test_summaries_of_different_profiles_are_not_added() -> None:
    with pytest.raises(SummariesDiffer, match="3 and 2 counts"):
        Numbers(counts=np.zeros(3, np.int64)) + Numbers(counts=np.zeros(2, np.int64))
    left = Columns(known={"x": Numbers(counts=np.zeros(1, np.int64))})
    right = Columns(known={"x": Names(counts=np.zeros(1, np.int64))})
    with pytest.raises(SummariesDiffer, match="'x' as Numbers and Names"):
        left + right
