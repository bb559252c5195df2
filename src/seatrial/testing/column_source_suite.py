"""What a source of columns must do: the suite for `monitoring.rows.by_column.ColumnSource`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from seatrial.monitoring.rows.by_column import ColumnSource
from seatrial.monitoring.rows.row_join import Room
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.testing.memory_source import MemorySource
from seatrial.testing.table_source_suite import TYPES, Rows, plain, some_rows

OpenColumns: TypeAlias = Callable[[Rows], ColumnSource]

_COLUMNS = tuple(name for name in TYPES if name != "timestamp")


def table_of(rows: Rows) -> Table:
    """Rows as the suite expects them."""
    (chunk,) = MemorySource(rows, max_rows=100_000).chunks()
    return chunk.table


class ColumnSourceSuite:
    """Subclass it as ``Test...`` with the fixture ``opened``.

    ``opened(rows)`` puts rows, columns of `table_source_suite.TYPES` by name, where the source
    reads from, and opens it.
    """

    @pytest.mark.parametrize("n", [0, 1, 250])
    def test_columns_are_those_of_the_rows(self, opened: OpenColumns, n: int) -> None:
        """Every value, missing ones too."""
        rows = some_rows(n)
        source, whole = opened(rows), plain(table_of(rows))
        assert source.n == n
        assert set(source.names) == set(TYPES)
        for name in _COLUMNS:
            column = source.column(name, None)
            assert column is not None
            assert plain(Table(columns={name: column}, n=n))[name] == whole[name]

    def test_parts_put_together_are_the_column(self, opened: OpenColumns) -> None:
        """No row is lost between parts."""
        source = opened(some_rows(250))
        for name in _COLUMNS:
            found = [v for p in source.parts(name, None) for v in _listed(name, p)]
            column = source.column(name, None)
            assert column is not None
            assert found == _listed(name, column)

    def test_the_kind_is_that_of_what_is_read(self, opened: OpenColumns) -> None:
        """Known before anything is read."""
        source = opened(some_rows(50))
        kinds = {name: source.kind(name, None) for name in _COLUMNS}
        assert kinds == {
            "age": "number",
            "n visits": "number",
            "城市": "name",
            "active": None,
            "note": "name",
        }
        for name, kind in kinds.items():
            assert isinstance(source.column(name, None), Coded) == (kind == "name")

    def test_times_are_utc_and_missing_ones_are_no_time(self, opened: OpenColumns) -> None:
        """NaT where there is none."""
        rows = some_rows(50)
        at = opened(rows).times("timestamp", "UTC")
        np.testing.assert_array_equal(at, table_of(rows).at)

    def test_a_room_is_used_again_and_without_one_columns_stay(self, opened: OpenColumns) -> None:
        """A room is overwritten; other memory is not."""
        source, room = opened(some_rows(250)), Room()
        kept, before = source.column("age", None), source.column("age", None, room)
        assert isinstance(kept, np.ndarray)
        assert isinstance(before, np.ndarray)
        np.testing.assert_array_equal(kept, before)
        for name in _COLUMNS:
            column = source.column(name, None, room)
            assert column is not None
            assert _listed(name, column) == _listed(name, source.column(name, None))
        np.testing.assert_array_equal(kept, source.column("age", None))


def _listed(name: str, column: object) -> list[object]:
    assert isinstance(column, Coded | np.ndarray)
    return plain(Table(columns={name: column}, n=len(column)))[name]
