"""Which segment a row is in: bounded, the same whatever stands beside it, and nothing left out."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded, Column, Table, rows_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import (
    MAX_COLUMNS,
    MAX_SEGMENTS,
    MISSING,
    NEW,
    OTHER,
    NoSuchSegment,
    Split,
    Splits,
    TooManySegments,
)


def coded(*values: str | None) -> Coded:
    names = tuple(dict.fromkeys(v for v in values if v is not None))
    return Coded(np.array([-1 if v is None else names.index(v) for v in values], np.int32), names)


def profile(**columns: Column) -> Profile:
    n = len(next(iter(columns.values())))
    return profile_of(Table(columns=columns, n=n))


def told(split: Split, column: Column) -> list[str]:
    return [split.values[place] for place in split.places(column).tolist()]


def test_ten_thousand_values_become_twenty_and_the_rest_together() -> None:
    rng = np.random.default_rng(0)
    codes = np.concatenate([np.repeat(np.arange(25), 100), np.arange(25, 10_025)]).astype(np.int32)
    column = Coded(rng.permutation(codes), tuple(f"v{i:05}" for i in range(10_025)))
    known = profile(c=column)
    split = Split(known, "c")
    assert len(split.values) == MAX_SEGMENTS + 3
    assert split.values[:2] == ("v00000", "v00001")
    found = told(split, column)
    assert (found.count("v00000"), found.count(OTHER), found.count(NEW)) == (100, 10_500, 0)
    counted = Summariser(known, segments=["c"]).summarise(Table(columns={"c": column}, n=12_500))
    assert sum(part.n for part in counted.segments["c"].values()) == 12_500
    assert told(split, coded("v00003", "v09999", "nowhere", None)) == [
        "v00003",
        OTHER,
        NEW,
        MISSING,
    ]


def test_a_value_spelled_like_the_rest_is_counted_with_it() -> None:
    split = Split(profile(c=coded("a", OTHER, "a", MISSING)), "c")
    assert split.values == ("a", OTHER, MISSING, NEW)
    assert told(split, coded(OTHER, MISSING, NEW)) == [OTHER, MISSING, NEW]


def test_numbers_are_cut_at_quarters_of_the_reference() -> None:
    split = Split(profile(x=np.arange(1_000.0)), "x")
    found = told(split, np.arange(1_000.0))
    assert all(found.count(value) == pytest.approx(250, abs=3) for value in split.values[:4])
    assert told(split, np.array([-1e9, np.nan, np.inf]))[1] == MISSING
    assert told(split, np.array([-1e9, np.inf])) == [split.values[0], split.values[3]]
    assert told(split, coded("a", None)) == [NEW, MISSING]


@pytest.mark.parametrize(
    ("step", "named"), [(1.0, "<= 250"), (0.001, "<= 1000.25"), (1e-9, "<= 1000.00000024")]
)
def test_parts_are_named_in_digits_enough_to_tell_them_apart(step: float, named: str) -> None:
    column = np.arange(1_000.0) * step + (0.0 if step == 1 else 1_000.0)
    values = Split(profile(x=column), "x").values
    assert len(set(values)) == len(values)
    assert values[0].startswith(named)


@pytest.mark.parametrize(
    "column", [np.full(50, np.nan), np.full(50, 3.0), np.array([1.0] * 49 + [2])]
)
def test_numbers_without_quarters_have_the_segments_there_are(column: Column) -> None:
    split = Split(profile(x=column), "x")
    counted = Summariser(profile(x=column), segments=["x"]).summarise(
        Table(columns={"x": column}, n=50)
    )
    assert sum(part.n for part in counted.segments["x"].values()) == 50
    assert set(counted.segments["x"]) <= set(split.values)


def test_booleans_are_split_by_as_names() -> None:
    split = Split(profile(b=np.array([True, False, True])), "b")
    assert told(split, np.array([False, True])) == ["False", "True"]


def test_vectors_where_names_were_are_new() -> None:
    assert told(Split(profile(c=coded("a", "b")), "c"), np.zeros((2, 3))) == [NEW, NEW]


@pytest.mark.parametrize("name", ["nowhere", "v"])
def test_what_cannot_be_split_by_is_refused_by_name(name: str) -> None:
    known = profile(c=coded("a", "b"), v=np.zeros((2, 3)))
    with pytest.raises(NoSuchSegment, match=f"'{name}'.*: c") as bad:
        Split(known, name)
    assert "categories, booleans or numbers" in bad.value.remedy


def test_more_columns_than_fit_are_refused() -> None:
    columns = {f"c{i}": coded("a", "b") for i in range(MAX_COLUMNS + 1)}
    with pytest.raises(TooManySegments, match="9 columns"):
        Splits(profile(**columns), list(columns))
    Splits(profile(**columns), list(columns)[:MAX_COLUMNS])


def test_codes_of_rows_tell_their_segments_again() -> None:
    rng = np.random.default_rng(1)
    columns: dict[str, Column] = {
        f"c{i}": Coded(
            rng.integers(-1, 30, 500).astype(np.int32), tuple(f"v{j}" for j in range(30))
        )
        for i in range(MAX_COLUMNS)
    }
    table = Table(columns=columns, n=500)
    splits = Splits(profile_of(table), list(columns))
    places = splits.segments_of(splits.codes(table))
    for k, split in enumerate(splits.columns):
        expected = [(split.name, value) for value in told(split, columns[split.name])]
        assert [splits.pairs[place] for place in places[:, k].tolist()] == expected
    some = rows_of(table, slice(10, 20))
    assert np.array_equal(splits.codes(some), splits.codes(table)[10:20])


def test_a_table_without_the_column_has_no_value_in_it() -> None:
    splits = Splits(profile(c=coded("a", "b")), ["c"])
    places = splits.segments_of(splits.codes(Table(columns={}, n=2)))
    assert [splits.pairs[place] for place in places[:, 0].tolist()] == [("c", MISSING)] * 2
