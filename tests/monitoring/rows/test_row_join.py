"""Chunks put together are the rows they came from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.rows.row_join import together
from seatrial.monitoring.rows.table import BadTable, Coded, Table, rows_of


def texts(column: Coded) -> list[str | None]:
    return [(*column.values, None)[code] for code in column.codes.tolist()]


def coded(values: list[str | None]) -> Coded:
    names = tuple(dict.fromkeys(v for v in values if v is not None))
    codes = [-1 if v is None else names.index(v) for v in values]
    return Coded(np.array(codes, np.int32), names)


NAMES = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12)


@given(values=NAMES, cuts=st.lists(st.integers(0, 12), max_size=4))
def test_any_cut_of_rows_put_together_gives_the_rows(values, cuts) -> None:
    n = len(values)
    at = np.arange(n).astype("datetime64[us]")
    whole = Table(columns={"x": np.arange(n) * 0.5, "c": coded(values)}, n=n, at=at)
    places = sorted({0, n, *(min(cut, n) for cut in cuts)})
    parts = [rows_of(whole, slice(a, b)) for a, b in itertools.pairwise(places)]
    found = together(parts or [whole])
    assert found.n == n
    assert found.columns["x"].tolist() == whole.columns["x"].tolist()
    assert texts(found.columns["c"]) == values
    assert found.at.tolist() == at.tolist()


def test_each_chunk_may_have_codes_of_its_own() -> None:
    parts = [Table(columns={"c": coded(["a", "b"])}, n=2), Table(columns={"c": coded(["b"])}, n=1)]
    assert texts(together(parts).columns["c"]) == ["a", "b", "b"]


def test_a_column_that_a_chunk_lacks_is_missing_there() -> None:
    parts = [
        Table(columns={"x": np.array([1, 2]), "c": coded(["a", "b"])}, n=2),
        Table(columns={}, n=1),
    ]
    found = together(parts)
    np.testing.assert_array_equal(found.columns["x"], [1, 2, np.nan])
    assert texts(found.columns["c"]) == ["a", "b", None]


def test_numbers_among_names_become_names() -> None:
    parts = [
        Table(columns={"c": np.array([1.0, np.nan])}, n=2),
        Table(columns={"c": coded(["x"])}, n=1),
    ]
    assert texts(together(parts).columns["c"]) == ["1", None, "x"]


def test_an_empty_chunk_does_not_decide_what_a_column_is() -> None:
    parts = [Table(columns={"c": np.empty(0)}, n=0), Table(columns={"c": coded(["x"])}, n=1)]
    assert texts(together(parts).columns["c"]) == ["x"]


def test_rows_without_columns_still_count() -> None:
    assert together([Table(columns={}, n=3), Table(columns={}, n=2)]).n == 5


def test_vectors_keep_their_length() -> None:
    parts = [Table(columns={"v": np.ones((2, 3))}, n=2), Table(columns={"v": np.ones((1, 3))}, n=1)]
    assert together(parts).columns["v"].shape == (3, 3)


@pytest.mark.parametrize("other", [np.ones((1, 2)), np.ones(1), coded(["a"])])
def test_vectors_and_something_else_are_refused_by_name(other) -> None:
    parts = [Table(columns={"v": np.ones((2, 3))}, n=2), Table(columns={"v": other}, n=1)]
    with pytest.raises(BadTable, match="'v'"):
        together(parts)
