"""Chunks of rows put together, for what needs all of them at once: a reference's quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.table import BadTable, Coded, Column, Table


def together(tables: Sequence[Table]) -> Table:
    """The rows of all tables in order; a column that some of them lack is missing there.

    Names and numbers in one column become names.
    Raises: BadTable: vectors of different lengths, or vectors and something else.
    """
    names = dict.fromkeys(name for table in tables for name in table.columns if table.n)
    if not names:
        names = dict.fromkeys(name for table in tables for name in table.columns)
    timed = any(table.at is not None for table in tables)
    return Table(
        columns={name: _column(name, tables) for name in names},
        n=sum(table.n for table in tables),
        at=np.concatenate([_times(table) for table in tables]) if timed else None,
    )


def column_together(parts: Sequence[Column]) -> Column:
    """The parts of one column, one after the other.   Raises: BadTable, as `together`."""
    if len(parts) == 1:
        return parts[0]
    tables = [Table(columns={"": part}, n=len(part)) for part in parts]
    return _column("", tables)


def _times(table: Table) -> NDArray[np.datetime64]:
    if table.at is not None:
        return table.at
    return np.full(table.n, np.datetime64("NaT", "us"))


def _column(name: str, tables: Sequence[Table]) -> Column:
    held = [(table.columns.get(name), table.n) for table in tables]
    parts = [part for part, n in held if part is not None and n]
    parts = parts or [part for part, _ in held if part is not None]
    if any(isinstance(part, Coded) for part in parts):
        return _names(name, held)
    shapes = {part.shape[1:] for part in parts if isinstance(part, np.ndarray)}
    if len(shapes) > 1:
        raise _differ(name)
    arrays = [_filled(part, n, shapes) for part, n in held if n or part in parts]
    return np.concatenate(arrays) if arrays else np.empty(0)


def _filled(part: Column | None, n: int, shapes: set[tuple[int, ...]]) -> NDArray[np.generic]:
    if isinstance(part, np.ndarray):
        return part
    return np.full((n, *next(iter(shapes), ())), np.nan)


def _names(name: str, held: Sequence[tuple[Column | None, int]]) -> Coded:
    places: dict[str, int] = {}
    codes: list[NDArray[np.int32]] = []
    for part, n in held:
        if part is None:
            codes.append(np.full(n, -1, np.int32))
            continue
        if isinstance(part, np.ndarray) and part.ndim != 1:
            raise _differ(name)
        named = coded(part)
        own = [places.setdefault(value, len(places)) for value in named.values]
        to = np.array([*own, -1], np.int32)  # a code of -1 is the last place
        codes.append(to[named.codes])
    return Coded(np.concatenate(codes), tuple(places))


def _differ(name: str) -> BadTable:
    return BadTable(
        f"The column {name!r} holds vectors of different lengths, or something else too.",
        remedy="Write vectors of one length in all rows, or leave the column out.",
        column=name,
    )
