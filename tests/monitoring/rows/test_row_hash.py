"""Rows as 64 bits: equal rows have equal bits, wherever they come from."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.rows.row_hash import row_hashes
from seatrial.monitoring.rows.table import Coded, Table

VALUE = st.one_of(st.floats(allow_nan=False, width=32), st.integers(-5, 5).map(float))


def table(numbers, names, order=("n", "s")):
    values = tuple(dict.fromkeys(names))
    codes = np.array([values.index(name) for name in names], np.int32)
    columns = {"n": np.array(numbers), "s": Coded(codes, values)}
    return Table(columns={name: columns[name] for name in order}, n=len(names))


@given(st.lists(st.tuples(VALUE, st.sampled_from(["a", "b", "", "ab"])), min_size=1, max_size=30))
def test_rows_are_equal_exactly_where_their_bits_are(rows):
    numbers, names = zip(*rows, strict=True)
    hashes = row_hashes(table(numbers, names)).tolist()
    keys = [(number + 0.0, name) for number, name in rows]
    assert len(set(hashes)) == len(set(keys))
    assert len(set(zip(hashes, keys, strict=True))) == len(set(keys))


def test_neither_the_order_of_columns_nor_the_type_of_numbers_matters():
    whole = table(np.array([1, 2, 3]), ["x", "y", "x"])
    other = table(np.array([1.0, 2.0, 3.0], np.float32), ["x", "y", "x"], order=("s", "n"))
    assert (row_hashes(whole) == row_hashes(other)).all()


def test_a_missing_value_is_a_value():
    columns = {"s": Coded(np.array([-1, 0, -1], np.int32), ("a",))}
    first, second, third = row_hashes(Table(columns=columns, n=3)).tolist()
    assert first == third != second
