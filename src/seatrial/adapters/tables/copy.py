"""What PostgreSQL copies out as CSV, typed: how each type is asked for, and how it is read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.tables import selected as table_selected
from seatrial.adapters.tables.arrow import arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg import Connection

# Numbers of built-in types.   Source: PostgreSQL, src/include/catalog/pg_type.dat
_INTEGERS: Final = frozenset({20, 21, 23, 26})
_FLOATS: Final = frozenset({700, 701, 1700})
_BOOLEAN: Final = 16
_MOMENTS: Final = frozenset({1082, 1114, 1184})
_SPANS: Final = frozenset({1083, 1186})
_BYTES: Final = 17
_PGVECTOR: Final = frozenset({"vector", "halfvec"})
_ARRAYS: Final = frozenset({1005, 1007, 1016, 1021, 1022, 1231})


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyColumn:
    """A column of a query.

    Args:
        name: of the column.
        select: what to ask for, in SQL.
        type: of Arrow, as it is read; None when it has no place in a table.
        moment: whether it holds microseconds since 1970 that are a time.
        vector: whether it holds numbers between spaces.
        what: the type's own name, for messages.
    """

    name: str
    select: str
    type: Any
    moment: bool = False
    vector: bool = False
    what: str = ""


def copy_column(connection: Connection[Any], name: str, oid: int) -> CopyColumn:
    """How to copy a column of the type with the number ``oid``."""
    pa = arrow()
    quoted = table_selected.quoted(name)
    if oid in _INTEGERS | _FLOATS | {_BOOLEAN}:
        kind = pa.int64() if oid in _INTEGERS else pa.float64() if oid in _FLOATS else pa.bool_()
        return CopyColumn(name=name, select=quoted, type=kind)
    if oid in _MOMENTS:
        us = f"CASE WHEN isfinite({quoted}) THEN (extract(epoch FROM {quoted}) * 1000000)::bigint"
        return CopyColumn(name=name, select=f"{us} END", type=pa.int64(), moment=True)
    if oid in _SPANS:
        seconds = f"extract(epoch FROM {quoted})"
        return CopyColumn(name=name, select=seconds, type=pa.float64())
    category, what = _category(connection, oid)
    if oid in _ARRAYS or what in _PGVECTOR:
        # A vector can become an array of its own numbers, real, and of no others.
        kind = "real[]" if what in _PGVECTOR else "float8[]"
        listed = f"array_to_string({quoted}::{kind}, ' ', 'NaN')"
        return CopyColumn(name=name, select=listed, type=pa.string(), vector=True)
    text = category in {"S", "E", "I", "U", "Z"} and oid != _BYTES
    if category == "D":  # a time with a zone of its own
        text = True
    return CopyColumn(
        name=name, select=f"{quoted}::text", type=pa.string() if text else None, what=what
    )


def _category(connection: Connection[Any], oid: int) -> tuple[str, str]:
    row = connection.execute(
        "SELECT typcategory::text, format_type(oid, NULL) FROM pg_type WHERE oid = %s", (oid,)
    ).fetchone()
    return row or ("X", "an unknown type")


def batch_of(lines: Sequence[bytes], columns: Sequence[CopyColumn]) -> pa.RecordBatch:
    """Copied lines, whose first field is a row's address, as a batch of the other fields."""
    pa = arrow()
    import pyarrow.compute as pc
    from pyarrow import csv

    if not columns:
        bare = pa.StructArray.from_arrays([pa.nulls(len(lines))], ["none"])
        return pa.RecordBatch.from_struct_array(bare).select([])
    places = [str(i) for i in range(len(columns))]
    if not lines:
        arrays = [pa.array([], column.type) for column in columns]
    else:
        raw = b"".join(lines)
        table = csv.read_csv(
            io.BytesIO(raw),
            read_options=csv.ReadOptions(
                column_names=["address", *places], use_threads=False, block_size=len(raw) + 16
            ),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                include_columns=places,
                column_types=dict(zip(places, [c.type for c in columns], strict=True)),
                # A missing value is an empty field without quotes, an empty text one with them.
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )
        arrays = [column.combine_chunks() for column in table.columns]
    for i, column in enumerate(columns):
        if column.moment:
            arrays[i] = arrays[i].cast(pa.timestamp("us", tz="UTC"))
        elif column.vector:
            arrays[i] = pc.split_pattern(arrays[i], " ").cast(pa.list_(pa.float64()))
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])
