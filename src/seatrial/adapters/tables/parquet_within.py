"""Parquet that a stranger sends, read within bounds: a small file may stand for endless rows.

Values that repeat take no room in the file and all of it once they are read. So what the file says
of itself is looked at first, and texts are read once each.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MOST_BYTES = 1 << 28
_LONGEST = 4096


def parquet_within(
    data: bytes, *, columns: Sequence[str] | None = None, max_values: int | None = None
) -> pa.Table:
    """The table of a Parquet file.

    Args:
        columns: those that are read; None for all.
        max_values: of one column; None for a file of one's own, which is read whatever it holds.
    Raises: ValueError: there are more, or texts of many thousand characters; what Arrow raises.
    """
    with pq.ParquetFile(io.BytesIO(data)) as file:
        if max_values is None:
            return file.read(columns)
        _check(file.metadata, max_values)
        texts = [one.name for one in file.schema_arrow if _is_text(one.type)]
    with pq.ParquetFile(io.BytesIO(data), read_dictionary=texts) as file:
        table = file.read(columns)
    for name in table.column_names:
        if pa.types.is_dictionary(table.schema.field(name).type):
            _check_texts(table.column(name), name)
    return table


def _check(about: pq.FileMetaData, max_values: int) -> None:
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    for place in range(about.num_columns):
        n = sum(group.column(place).num_values for group in groups)
        if n > max_values:
            raise ValueError(f"a column holds {n:,} values; {max_values:,} are the most at once")
    n_bytes = sum(group.total_byte_size for group in groups)
    if n_bytes > _MOST_BYTES:
        raise ValueError(f"it holds {n_bytes:,} bytes; {_MOST_BYTES:,} are the most at once")


def _check_texts(column: pa.ChunkedArray, name: str) -> None:
    for chunk in column.chunks:
        longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
        if longest > _LONGEST:
            raise ValueError(f"the column {name[:40]!r} holds a text of {longest:,} bytes")


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_binary(type_))
