"""Every Arrow type has a stated place in a table, or is named and left out."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.tables.arrow import arrow, of_objects, places, to_table
from seatrial.kernel.errors import MissingExtra
from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Coded, Column
from seatrial.testing.table_source_suite import plain


def read(array: Any, kind: Kind | None = None) -> tuple[Column | None, tuple[SourceProblem, ...]]:
    batch = pa.RecordBatch.from_arrays([array], names=["x"])
    columns = Columns(features=("x",), kinds={"x": kind} if kind else {})
    table, problems = to_table(batch, columns, "here")
    assert table.n == len(array)
    return table.columns.get("x"), problems


def values(column: Column | None) -> list[Any]:
    assert column is not None
    if isinstance(column, Coded):
        known = (*column.values, None)
        return [known[code] for code in column.codes]
    return [None if v != v else v for v in column.tolist()]


NUMBERS = [
    (pa.array([1, None, 3], pa.int8()), [1.0, None, 3.0]),
    (pa.array([1, 2], pa.uint64()), [1, 2]),
    (pa.array([2**63 - 1, -(2**63)], pa.int64()), [2**63 - 1, -(2**63)]),
    (pa.array([1.5, None, float("nan")]), [1.5, None, None]),
    (pa.array([1.5, None], pa.float32()), [1.5, None]),
    (pa.array([np.float16(1.5), None], pa.float16()), [1.5, None]),
    (pa.array([float("inf"), -float("inf")]), [float("inf"), -float("inf")]),
    (pa.array([True, False]), [True, False]),
    (pa.array([True, None]), [1.0, None]),
    (pa.array([Decimal("1.25"), None], pa.decimal128(5, 2)), [1.25, None]),
    (pa.array([Decimal(10) ** 60], pa.decimal256(70, 2)), [1e60]),
    (pa.array([date(1970, 1, 2), None]), [86_400.0, None]),
    (pa.array([86_400_000], pa.date64()), [86_400.0]),
    (pa.array([1_500_000], pa.timestamp("us")), [1.5]),
    (pa.array([1, None], pa.timestamp("ns", "Europe/Berlin")), [1e-9, None]),
    (pa.array([time(0, 1), None], pa.time32("s")), [60.0, None]),
    (pa.array([time(0, 0, 1)], pa.time64("ns")), [1.0]),
    (pa.array([timedelta(days=1)], pa.duration("ms")), [86_400.0]),
    (pa.nulls(2), [None, None]),
    (pa.array([5, 6]).dictionary_encode(), [5, 6]),
    (pa.RunEndEncodedArray.from_arrays([2, 3], [7.0, 8.0]), [7.0, 7.0, 8.0]),
    (pa.array([1, 2]).cast(pa.int64()).slice(1), [2]),
]


@pytest.mark.parametrize(("array", "wanted"), NUMBERS, ids=lambda a: str(getattr(a, "type", "")))
def test_numbers_are_numbers(array: Any, wanted: list[Any]) -> None:
    column, problems = read(array)
    assert values(column) == pytest.approx(wanted)
    assert problems == ()


TEXTS = [
    pa.array(["a", None, "", "a", "é"]),
    pa.array(["a", None, "", "a", "é"], pa.large_string()),
    pa.array(["a", None, "", "a", "é"], pa.string_view()),
    pa.array(["a", None, "", "a", "é"]).dictionary_encode(),
    pa.array(["z", "a", None, "", "a", "é"]).dictionary_encode().slice(1),
    pa.DictionaryArray.from_arrays(
        pa.array([1, 2, 3, 0, 4], pa.uint16()), pa.array(["a", "a", None, "", "é"])
    ),
]


@pytest.mark.parametrize("array", TEXTS, ids=lambda a: str(a.type))
def test_texts_are_coded_by_distinct_values(array: Any) -> None:
    column, problems = read(array)
    assert isinstance(column, Coded)
    assert column.codes.dtype == np.int32
    assert len(set(column.values)) == len(column.values)
    assert values(column) == ["a", None, "", "a", "é"]
    assert problems == ()


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([1, None, 2**60 + 1]), ["1", None, str(2**60 + 1)]),
        (pa.array([1.0, None, 0.5, float("nan")]), ["1", None, "0.5", None]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([Decimal("1.50")], pa.decimal128(4, 2)), ["1.50"]),
        (pa.array([date(2030, 1, 2)]), ["2030-01-02"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda a: str(getattr(a, "type", "")),
)
def test_anything_can_be_read_as_names(array: Any, wanted: list[Any]) -> None:
    column, _ = read(array, "name")
    assert isinstance(column, Coded)
    assert values(column) == wanted


def test_texts_can_be_read_as_numbers_and_others_count_as_missing() -> None:
    array = pa.array(["1", " 2.5 ", "-3e2", None, "n/a", "true", "1_000", "n/a", "inf"])
    column, (problem,) = read(array, "number")
    assert values(column) == [1, 2.5, -300, None, None, 1, None, None, float("inf")]
    assert (problem.flaw, problem.column, problem.n) == ("value", "x", 3)
    assert "such as 'n/a'" in problem.message


def test_huge_integers_stay_exact_unless_others_are_missing_which_is_said() -> None:
    large = 2**53 + 1
    column, problems = read(pa.array([large, large + 1]))
    assert values(column) == [large, large + 1]
    assert problems == ()
    column, (problem,) = read(pa.array([large, None, -large, 7]))
    assert values(column) == [float(large), None, -float(large), 7]
    assert (problem.flaw, problem.n) == ("inexact", 2)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2)),
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64())),
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.large_list(pa.int32())),
        pa.array([[9, 9], [1, 2], [3, 4]], pa.list_(pa.int64(), 2)).slice(1),
    ],
    ids=lambda a: str(a.type),
)
def test_lists_of_one_length_are_vectors(array: Any) -> None:
    column, problems = read(array)
    assert isinstance(column, np.ndarray)
    assert column.shape == (2, 2)
    assert column.tolist() == [[1, 2], [3, 4]]
    assert problems == ()


def test_a_missing_vector_is_a_row_of_nan() -> None:
    for kind in (pa.list_(pa.float32(), 2), pa.list_(pa.float32())):
        column, _ = read(pa.array([None, [1, 2], None, [3, None]], kind))
        assert isinstance(column, np.ndarray)
        np.testing.assert_array_equal(
            column, [[np.nan, np.nan], [1, 2], [np.nan, np.nan], [3, np.nan]]
        )


UNKNOWN = [
    (pa.array([b"\x00"]), "binary"),
    (pa.array([[(1, 2)]], pa.map_(pa.int64(), pa.int64())), "map"),
    (pa.array([[1], [1, 2]]), "lists of 1 to 2 values"),
    (pa.array([["a"]]), "list<"),
    (pa.array([[]], pa.list_(pa.int64())), "empty lists"),
    (pa.array([[{"a": 1}]]), "struct"),
    (pa.array([None], pa.month_day_nano_interval()), "interval"),
]


@pytest.mark.parametrize(("array", "said"), UNKNOWN, ids=lambda a: str(getattr(a, "type", "")))
def test_what_has_no_place_is_left_out_and_named(array: Any, said: str) -> None:
    column, (problem,) = read(array)
    assert column is None
    assert (problem.flaw, problem.column, problem.where) == ("type", "x", "here")
    assert said in problem.message


def test_a_vector_of_another_length_is_missing_and_counted() -> None:
    column, (problem,) = read(pa.array([[1.0, 2.0], [3.0, 4.0]] * 10 + [None, [5.0]]))
    assert isinstance(column, np.ndarray)
    assert column.shape == (22, 2)
    assert np.isnan(column[-2:]).all()
    assert (problem.flaw, problem.column, problem.n) == ("value", "x", 1)
    assert "1 to 2 numbers instead of 2" in problem.message


def test_lists_that_are_named_embeddings_need_only_mostly_agree() -> None:
    lists = pa.array([[1.0, 2.0], [3.0, 4.0], [5.0]])
    assert read(lists)[0] is None
    column, (problem,) = read(lists, "embedding")
    np.testing.assert_array_equal(column, [[1, 2], [3, 4], [np.nan, np.nan]])  # type: ignore[arg-type]
    assert problem.n == 1
    assert read(pa.array([[1.0], [1.0, 2.0]]), "embedding")[0] is None


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("[0.5, -2e0]", [0.5, -2]),  # JSON
        ("[0.5,-2]", [0.5, -2]),  # pgvector
        ("{0.5,-2}", [0.5, -2]),  # PostgreSQL
        (" [0.5, null] ", [0.5, np.nan]),
        ("[NaN, 1]", [np.nan, 1]),
        ("[Infinity, 1]", [np.inf, 1]),
        (None, [np.nan, np.nan]),
    ],
)
def test_texts_are_read_as_vectors(text: str | None, vector: list[float]) -> None:
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        column, problems = read(pa.array(["[1, 2]", text, "[3, 4]"], kind), "embedding")
        assert isinstance(column, np.ndarray)
        assert column.dtype == np.float32
        np.testing.assert_array_equal(column, [[1, 2], vector, [3, 4]])
        assert problems == ()


@pytest.mark.parametrize("text", ["", "[]", "nothing", "[1, a]", "[[1], [2]]", "[true, 1]", "[1"])
def test_a_text_that_is_no_vector_is_missing_and_named(text: str) -> None:
    column, problems = read(pa.array(["[1, 2]", text, "[3, 4]"]), "embedding")
    np.testing.assert_array_equal(column, [[1, 2], [np.nan, np.nan], [3, 4]])  # type: ignore[arg-type]
    (problem,) = problems
    assert (problem.flaw, problem.column, problem.n) == ("value", "x", 1)


def test_a_part_without_any_vector_is_missing() -> None:
    for array in (pa.array([None, None], pa.list_(pa.float32())), pa.array([None, None])):
        column, problems = read(array, "embedding")
        assert isinstance(column, np.ndarray)
        assert (column.shape, np.isnan(column).all(), problems) == ((2,), True, ())


def test_structs_are_flattened_and_hand_down_what_is_missing() -> None:
    inner = pa.struct([("b", pa.struct([("c", pa.string())])), ("d", pa.float64())])
    batch = pa.RecordBatch.from_arrays(
        [pa.array([{"b": {"c": "x"}, "d": 1.0}, None, {"b": None, "d": 2.0}], inner)], names=["a"]
    )
    assert [p.name for p in places(batch.schema)] == ["a.b.c", "a.d"]
    table, _ = to_table(batch, Columns().among(("a.b.c", "a.d")), "here")
    assert plain(table) == {"a.b.c": ["x", None, None], "a.d": [1.0, None, 2.0]}


def test_numbers_are_not_copied() -> None:
    numbers = np.arange(1000.0)
    column, _ = read(pa.array(numbers))
    assert isinstance(column, np.ndarray)
    assert np.shares_memory(column, numbers)
    vectors, _ = read(pa.FixedSizeListArray.from_arrays(pa.array(numbers), 10))
    assert isinstance(vectors, np.ndarray)
    assert np.shares_memory(vectors, numbers)


def test_ten_thousand_columns_are_read() -> None:
    names = [f"x{i}" for i in range(10_000)]
    batch = pa.RecordBatch.from_arrays([pa.array([1.0])] * len(names), names=names)
    table, problems = to_table(batch, Columns().among(names), "here")
    assert len(table.columns) == 10_000
    assert problems == ()


def test_rows_without_columns_still_count() -> None:
    bare = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    table, _ = to_table(bare, Columns().among(()), "here")
    assert (table.n, table.columns) == (2, {})


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.binary(max_size=2),
    st.dates(),
    st.lists(st.floats(), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2),
)


@given(st.lists(cells, max_size=8), st.sampled_from([None, "number", "name"]))
def test_any_values_are_read_or_named(rows: list[object], kind: Kind | None) -> None:
    batch = pa.RecordBatch.from_arrays([of_objects(rows)], names=["x"])
    names = [p.name for p in places(batch.schema)]
    columns = Columns(kinds=dict.fromkeys(names, kind) if kind else {}).among(names)
    table, problems = to_table(batch, columns, "here")
    assert table.n == len(rows)
    left_out = {p.column for p in problems if p.flaw == "type"}
    assert set(table.columns) | left_out == set(columns.read) - {columns.at}


def test_mixed_objects_become_texts() -> None:
    found = of_objects([1, "x", None, float("nan"), 2**70])
    assert found.to_pylist() == ["1", "x", None, None, str(2**70)]
    assert of_objects([1, None, 2]).type == pa.int64()


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="pyarrow"):
        arrow()


def test_time_of_rows_is_no_column() -> None:
    batch = pa.RecordBatch.from_arrays(
        [pa.array([datetime(2030, 1, 1, tzinfo=UTC)]), pa.array([1.0])], names=["at", "x"]
    )
    table, _ = to_table(batch, Columns().among(("at", "x")), "here")
    assert list(table.columns) == ["x"]
    assert table.at is not None
    assert table.at.dtype == np.dtype("datetime64[us]")
