"""Rows as the watch sees them: columns by name, whatever file, database or server they came from.

Reading them is an adapter's business (`adapters/tables`); the server's own batches are columns
already. Nothing here copies a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid

_COUNTED_AT_ONCE: Final = 131_072


class BadTable(Invalid):
    """Columns that do not belong together; the fact ``column`` names the first of them."""

    code = "monitoring.bad_table"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column of names: categories, identifiers or texts.

    Args:
        codes: shape (n,), int32; a place in ``values``, -1 where the value is missing.
        values: distinct; some may be in use by no row.
    """

    codes: NDArray[np.int32]
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def counts(self) -> NDArray[np.int64]:
        """Rows without a value, then rows of each value; shape (1 + values,)."""
        counts = np.zeros(len(self.values) + 1, np.int64)
        # `bincount` makes 64-bit numbers of all it is given.
        step = max(_COUNTED_AT_ONCE, len(counts))
        for start in range(0, len(self.codes), step):
            places = self.codes[start : start + step] + 1
            counts += np.bincount(places, minlength=len(counts))
        return counts


Column: TypeAlias = NDArray[np.generic] | Coded
"""Names; or numbers or booleans of shape (n,), where NaN is missing; or vectors, shape (n, d)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """Some rows.

    Args:
        columns: by name, each with ``n`` rows.
        n: number of rows, >= 0.
        at: when each row was predicted, shape (n,), datetime64[us] in UTC, in any order; NaT where
            that is not known. None when no column says.

    Raises: BadTable.
    """

    columns: Mapping[str, Column]
    n: int
    at: NDArray[np.datetime64] | None = None

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != self.n:
                raise BadTable(
                    f"The column {name!r} has {len(column)} rows, the table has {self.n}.",
                    remedy="Give every column as many values.",
                    column=name,
                )
            if isinstance(column, np.ndarray) and column.dtype.kind not in "fiub":
                raise BadTable(
                    f"The column {name!r} has the dtype {column.dtype}.",
                    remedy="Give numbers or booleans, or names as Coded.",
                    column=name,
                )
        if self.at is not None and len(self.at) != self.n:
            raise BadTable(
                f"There are {len(self.at)} times for {self.n} rows.",
                remedy="Give every row its time, NaT where it is not known.",
                column="at",
            )


def rows_of(table: Table, rows: NDArray[np.intp] | slice) -> Table:
    """Some rows of a table, by index or slice; views where numpy gives them."""
    return Table(
        columns={name: column_of(column, rows) for name, column in table.columns.items()},
        n=len(range(*rows.indices(table.n))) if isinstance(rows, slice) else len(rows),
        at=None if table.at is None else table.at[rows],
    )


def column_of(column: Column, rows: NDArray[np.intp] | slice) -> Column:
    """Some rows of a column, by index or slice; a view where numpy gives one."""
    if isinstance(column, Coded):
        return Coded(column.codes[rows], column.values)
    return column[rows]
