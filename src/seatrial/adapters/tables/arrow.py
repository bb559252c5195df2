"""From Arrow to the watch's tables: nested columns, times, and what each column holds.

How the values of one column are read is in `tables/arrow_columns.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.arrow_columns import bad_values, is_list, to_column
from seatrial.adapters.tables.times import times_of
from seatrial.kernel.errors import MissingExtra
from seatrial.monitoring.rows.columns import Columns, names_of_log, rename_log
from seatrial.monitoring.rows.source import VECTOR_VALUES, SourceProblem
from seatrial.monitoring.rows.table import Column, Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Place:
    """A column of flattened data: its name, and its dotted path in what it was read from."""

    name: str
    path: str


def places(schema: pa.Schema) -> tuple[Place, ...]:
    """The flattened columns of data, named as the watch knows them."""
    paths = tuple(_paths(schema))
    names = rename_log(paths) if names_of_log(paths) else paths
    return tuple(map(Place, names, paths))


def _paths(schema: pa.Schema) -> Iterator[str]:
    return (path for path, _ in _widths(schema))


def values_a_row(schema: pa.Schema, paths: Collection[str]) -> int:
    """How many values a row of some flattened columns has; of a list, as far as its type says."""
    return sum(width for path, width in _widths(schema) if path in paths)


def _widths(schema: pa.Schema | pa.StructType, prefix: str = "") -> Iterator[tuple[str, int]]:
    import pyarrow as pa

    for i in range(len(schema) if isinstance(schema, pa.Schema) else schema.num_fields):
        inner = schema.field(i)
        if pa.types.is_struct(inner.type):
            yield from _widths(inner.type, f"{prefix}{inner.name}.")
        elif pa.types.is_fixed_size_list(inner.type):
            yield f"{prefix}{inner.name}", inner.type.list_size
        else:
            yield f"{prefix}{inner.name}", VECTOR_VALUES if is_list(inner.type) else 1


def to_table(
    batch: pa.RecordBatch, columns: Columns, where: str, *, whole: Sequence[Place] | None = None
) -> tuple[Table, tuple[SourceProblem, ...]]:
    """A batch as a table of the columns that have a role.

    Args:
        batch: any types; columns without a role are not looked at.
        columns: as `Columns.among` found them.
        where: of problems.
        whole: the columns of the data, when ``batch`` has only some of them.
    Raises: MissingExtra.
    """
    name_of = {place.path: place.name for place in whole or places(batch.schema)}
    named = {
        name_of[path]: leaf for path, leaf in zip(_paths(batch.schema), leaves(batch), strict=True)
    }
    found: dict[str, Column] = {}
    problems: list[SourceProblem] = []
    for name in columns.read:
        if name in named and name != columns.at:
            column, more = to_column(named[name], name, columns.kind_of(name), where)
            problems += more
            if column is not None:
                found[name] = column
    at = None
    if columns.at in named:
        at, more = to_times(named[columns.at], columns.at, columns.time_zone, where)
        problems += more
    return Table(columns=found, n=batch.num_rows, at=at), tuple(problems)


def to_times(
    array: pa.Array, name: str, time_zone: str, where: str
) -> tuple[NDArray[np.datetime64], tuple[SourceProblem, ...]]:
    """One column as times, UTC.   Args: as for `to_column`; the zone of those without one."""
    at, n_bad = times_of(array, time_zone)
    return at, (bad_values(name, where, n_bad, "no time"),) if n_bad else ()


def leaves(batch: pa.RecordBatch | pa.StructArray) -> Iterator[pa.Array]:
    """The columns of a batch, those of structs flattened."""
    import pyarrow as pa

    # `flatten` of a struct hands its missing rows down to the fields.
    inner = batch.flatten() if isinstance(batch, pa.StructArray) else batch.columns
    for array in inner:
        if pa.types.is_struct(array.type):
            yield from leaves(array)
        else:
            yield array


def of_objects(values: Sequence[object]) -> pa.Array:
    """Plain values as Arrow; those of types that do not go together become text."""
    pa = arrow()
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([None if _missing(v) else str(v) for v in values], pa.string())


def arrow() -> Any:
    """The module pyarrow.   Raises: MissingExtra."""
    try:
        import pyarrow as pa
    except ImportError as problem:
        raise MissingExtra("pyarrow", "parquet") from problem
    return pa


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and isnan(value)) or str(value) == "<NA>"
