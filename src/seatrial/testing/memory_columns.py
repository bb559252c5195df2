"""A table in this process's memory, read a column at a time: for tests and examples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import Kind
from seatrial.monitoring.rows.row_join import Joining, Room
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Coded, Column, Table, column_of


class MemoryColumns:
    """`monitoring.rows.by_column.ColumnSource` over a table, whose columns are as they are.

    Args:
        table: the rows.
        part_rows: read at once, >= 1.
        at: what its times are called.
    """

    def __init__(self, table: Table, *, part_rows: int = 1_000, at: str = "timestamp") -> None:
        self._table = table
        self._part_rows = part_rows
        self._at = at
        self.n = table.n
        self.names = (*table.columns, *((at,) if table.at is not None else ()))
        self.problems: tuple[SourceProblem, ...] = ()

    def column(self, name: str, kind: Kind | None, room: Room | None = None) -> Column | None:
        """See ColumnSource."""
        joining = Joining(self.n, room)
        for part in self.parts(name, kind):
            joining.add(part)
        return joining.column(name)

    def parts(self, name: str, kind: Kind | None) -> Iterator[Column]:
        """See ColumnSource."""
        del kind
        for start in range(0, max(1, self.n), self._part_rows):
            yield column_of(self._table.columns[name], slice(start, start + self._part_rows))

    def kind(self, name: str, kind: Kind | None) -> Kind | None:
        """See ColumnSource."""
        del kind
        column = self._table.columns[name]
        if isinstance(column, Coded):
            return "name"
        if column.ndim != 1:
            return "embedding"
        return "number" if column.dtype.kind != "b" else None

    def times(self, name: str, time_zone: str) -> NDArray[np.datetime64]:
        """See ColumnSource."""
        del time_zone
        assert name == self._at
        assert self._table.at is not None
        return self._table.at.astype("datetime64[us]")
