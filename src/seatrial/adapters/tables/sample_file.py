"""Sample rows from Parquet, CSV and JSON Lines files, by pyarrow; never more than asked for.

Tensors come as arrays of numpy (.npz, .npy), or as lists in a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from seatrial.adapters.tables.sample_arrays import read_arrays, tensor_of
from seatrial.packaging.sample import MAX_ROWS, BadSample, Sample
from seatrial.registry.signature import Column

_MAX_JSON_BYTES: Final = 256 << 20
_BLOCK_BYTES: Final = 4 << 20


def read_sample(path: Path, *, max_rows: int = MAX_ROWS) -> Sample:
    """The first rows of a table.

    Args:
        path: a ``.parquet``, ``.csv``, ``.json`` (an array of objects), ``.jsonl``, ``.npz`` or
            ``.npy`` file, told apart by content.
        max_rows: rows to keep, >= 1.
    Raises: BadSample.
    """
    import pyarrow as pa

    if not path.is_file():
        raise BadSample(f"There is no file {str(path)!r}.", remedy="Give the path of the data.")
    if (arrays := read_arrays(path, max_rows=max_rows)) is not None:
        return arrays
    try:
        table, total = _READERS[_kind(path)](path, max_rows)
        names = table.column_names  # decoded only now
    except OverflowError as error:
        raise BadSample(
            f"{path.name} holds a whole number of more than 64 bits.",
            remedy="Write such a number as a text, or with a point, as 1e20.",
        ) from error
    except RecursionError as error:
        raise BadSample(
            f"{path.name} nests lists too deeply.",
            remedy="Write each row as an object of numbers, texts and lists of numbers.",
        ) from error
    except (pa.ArrowException, UnicodeDecodeError, ValueError, OSError) as error:
        raise BadSample(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}.",
            remedy="Save it again as Parquet, UTF-8 CSV with a header, or JSON Lines.",
        ) from error
    _check(path, table)
    columns = {name: _column(name, table.column(i)) for i, name in enumerate(names)}
    return Sample(columns=columns, n_rows=table.num_rows, n_total=total)


def sample_of(frame: object, *, name: str) -> Sample:
    """All rows of a DataFrame of pandas or polars, or of a table of Arrow.

    Args: name: what a person calls it.
    Raises: BadSample.
    """
    import pyarrow as pa

    if not hasattr(frame, "__arrow_c_stream__"):
        raise BadSample(
            f"{name} is a {type(frame).__name__}, neither a file nor a frame.",
            remedy="Give a path, a DataFrame of pandas or polars, or a table of Arrow.",
        )
    try:
        table = pa.table(frame)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise BadSample(
            f"{name} cannot be read: {str(error).splitlines()[0]}.",
            remedy="Give columns of one type each: numbers, booleans or strings.",
        ) from error
    _check(Path(name), table)
    columns = {n: _column(n, table.column(i)) for i, n in enumerate(table.column_names)}
    return Sample(columns=columns, n_rows=table.num_rows, n_total=table.num_rows)


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise BadSample(f"{path.name} is empty.", remedy="Give a file with rows in it.")
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return "json"
    return "jsonl" if text.startswith(b"{") else "csv"


def _parquet(path: Path, max_rows: int) -> tuple[Any, int | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        batches = _head(file.iter_batches(batch_size=max_rows), max_rows)
        return pa.Table.from_batches(batches, file.schema_arrow), file.metadata.num_rows


def _head(batches: Iterator[Any], max_rows: int) -> list[Any]:
    kept: list[Any] = []
    left = max_rows
    for batch in batches:
        kept.append(batch.slice(0, left))
        left -= kept[-1].num_rows
        if left == 0:
            break
    return kept


def _csv(path: Path, max_rows: int) -> tuple[Any, int | None]:
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ReadOptions(block_size=_BLOCK_BYTES)
    convert = csv.ConvertOptions(strings_can_be_null=True)
    with csv.open_csv(path, read_options=options, convert_options=convert) as reader:
        table = pa.Table.from_batches(_head(iter(reader), max_rows), reader.schema)
    return table, None


def _jsonl(path: Path, max_rows: int) -> tuple[Any, int | None]:
    rows: list[Any] = []
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                rows.append(json.loads(line))
            if len(rows) == max_rows:
                break
    return _from_rows(rows), None


def _json(path: Path, max_rows: int) -> tuple[Any, int | None]:
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise BadSample(
            f"{path.name} is one JSON value of more than {_MAX_JSON_BYTES:,} bytes.",
            remedy="Save the data as Parquet or as JSON Lines.",
        )
    rows = json.loads(path.read_text(encoding="utf-8-sig"))
    return _from_rows(rows[:max_rows]), len(rows)


def _from_rows(rows: list[Any]) -> Any:
    import pyarrow as pa

    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise BadSample(
                f"Row {at} is {type(row).__name__}, not an object.",
                remedy='Write each row as an object, such as {"age": 41, "city": "Bonn"}.',
                row=at,
            )
    return pa.Table.from_pylist(rows)


_READERS: Final = {"parquet": _parquet, "csv": _csv, "json": _json, "jsonl": _jsonl}


def _check(path: Path, table: Any) -> None:
    names = table.column_names
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise BadSample(
            f"{path.name} has the column {twice!r} twice.", remedy="Rename one.", field=twice
        )
    if table.num_rows == 0 or not names:
        raise BadSample(f"{path.name} has no rows.", remedy="Give a file with rows in it.")


def _column(name: str, values: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_boolean(kind) and values.null_count == 0:
        return cast("Column", values.to_numpy(zero_copy_only=False))
    if pa.types.is_integer(kind) and values.null_count == 0:
        return cast("Column", values.to_numpy().astype(np.int64))
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
        kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return cast("Column", pc.cast(values, pa.float64(), safe=False).to_numpy())
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan)
    if pa.types.is_binary(kind):
        raise BadSample(
            f"The column {name!r} holds bytes that are no UTF-8 text.",
            remedy="Save the data again as UTF-8.",
            field=name,
        )
    if pa.types.is_nested(kind) and (tensor := tensor_of(values)) is not None:
        return tensor
    if pa.types.is_nested(kind):
        raise BadSample(
            f"The column {name!r} holds {str(kind)[:80]}, and not lists of one length.",
            remedy="Give a table of numbers, booleans, strings, and lists of one length.",
            field=name,
        )
    text = np.empty(len(values), dtype=object)
    text[:] = [v if v is None or isinstance(v, str) else str(v) for v in values.to_pylist()]
    return text
