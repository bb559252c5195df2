"""What stands in a piece of a file: CSV records, JSON Lines, or rows of Parquet in Arrow's form."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.scoring import array_rows
from seatrial.adapters.scoring.json_columns import columns
from seatrial.adapters.scoring.rows import Rows, parsed_text, values_of
from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Dtype, Feature
from seatrial.serving.column import Values
from seatrial.serving.scoring import Bytes, Flaw

if TYPE_CHECKING:
    import pyarrow as pa

BAD_LINE: Final = "scoring.bad_line"
_SHOWN: Final = 80


class BadLine(Invalid):
    """A line of the file to score is no row: another number of fields, or no JSON object."""

    code = BAD_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How pieces of a file are read.

    Args:
        form: ``csv``, ``jsonl``, ``parquet`` or ``arrays``.
        sources: the file's column for each feature of the signature, in its order; of arrays also
            the one that has all features side by side.
        kept: columns to hand through.
        names: of all columns of a CSV file, in order.
        delimiter: of a CSV file.
        layout: of arrays, in the order of a piece: name, dtype and shape of a row.
    """

    form: str
    sources: tuple[str, ...]
    kept: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    delimiter: str = ","
    layout: tuple[tuple[str, str, tuple[int, ...]], ...] = ()


def parse(content: Bytes, reading: Reading, features: Sequence[Feature]) -> Rows:
    """The rows of a piece, as far as they can be parsed."""
    if reading.form == "parquet":
        return _arrow_rows(_from_stream(content), reading, features)
    if reading.form == "arrays":
        return _array_rows(content, reading, features)
    if reading.form == "jsonl":
        return _json_rows(bytes(content), reading, features)
    return _csv_rows(content, reading, features)


def _array_rows(content: Bytes, reading: Reading, features: Sequence[Feature]) -> Rows:
    arrays = array_rows.arrays_of(content, reading.layout)
    return Rows(
        n=len(next(iter(arrays.values()))),
        values=array_rows.values_of(arrays, reading.sources, features),
        kept={name: array_rows.kept_of(arrays[name]) for name in reading.kept},
    )


def _from_stream(content: Bytes) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
        return stream.read_all()


def _arrow_rows(table: pa.Table, reading: Reading, features: Sequence[Feature]) -> Rows:
    table = table.combine_chunks()
    return Rows(
        n=table.num_rows,
        values={
            feature.name: values_of(_whole(table, source), feature)
            for feature, source in zip(features, reading.sources, strict=True)
        },
        kept={name: _whole(table, name) for name in reading.kept},
    )


def _whole(table: pa.Table, name: str) -> pa.Array:
    import pyarrow as pa

    chunks = table.column(name).chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks or [pa.array([])])


def _json_rows(content: bytes, reading: Reading, features: Sequence[Feature]) -> Rows:
    return _plain_json_rows(content, reading, features) or _any_json_rows(
        content, reading, features
    )


def _plain_json_rows(content: bytes, reading: Reading, features: Sequence[Feature]) -> Rows | None:
    """Rows of numbers alone, where no line leaves a doubt."""
    import pyarrow as pa

    plain = all(f.dtype.floating and not f.shape and not f.categories for f in features)
    if not plain or set(reading.sources) & set(reading.kept):
        return None
    found = columns(content, reading.sources, reading.kept)
    if found is None:
        return None
    return Rows(
        n=len(found.numbers),
        values={f.name: found.numbers[:, at] for at, f in enumerate(features)},
        kept={
            name: pa.array(list(map(_as_text, values)), pa.string())
            for name, values in zip(reading.kept, found.kept, strict=True)
        },
    )


def _any_json_rows(content: bytes, reading: Reading, features: Sequence[Feature]) -> Rows:
    import pyarrow as pa

    lines = [line for line in content.split(b"\n") if line.strip()]
    records, flaws = _objects(lines)
    values = dict(zip((f.name for f in features), _fields(records, reading.sources), strict=True))
    kept = {
        name: pa.array(list(map(_as_text, texts)), pa.string())
        for name, texts in zip(reading.kept, _fields(records, reading.kept), strict=True)
    }
    return Rows(n=len(lines), values=values, kept=kept, flaws=flaws)


def _objects(lines: Sequence[bytes]) -> tuple[list[dict[str, object]], dict[int, Flaw]]:
    """The objects that lines hold, and what is wrong with the other lines."""
    import orjson

    records: list[Any] = []
    with suppress(orjson.JSONDecodeError):
        records = list(map(orjson.loads, lines))
        if set(map(type, records)) <= {dict}:
            return records, {}
    flaws: dict[int, Flaw] = {}
    records = []
    for n, line in enumerate(lines):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            flaws[n] = _bad_line(n, f"holds no JSON object: {_start(line)!r}")
    return records, flaws


def _fields(records: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[Values]:
    """The values of each name, None where a record has none."""
    if len(names) > 1 and records:
        with suppress(KeyError):
            return list(map(list, zip(*map(itemgetter(*names), records), strict=True)))
    return [[record.get(name) for record in records] for name in names]


def _as_text(value: object) -> str | None:
    import orjson

    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


_TYPES: Final[Mapping[Dtype, str]] = {
    Dtype.FLOAT32: "float32",
    Dtype.FLOAT64: "float64",
    Dtype.INT64: "int64",
    Dtype.FLOAT16: "float16",
    Dtype.INT8: "int8",
    Dtype.INT16: "int16",
    Dtype.UINT8: "uint8",
    Dtype.UINT16: "uint16",
    Dtype.BOOL: "bool_",
    Dtype.STRING: "string",
}


def _csv_rows(content: Bytes, reading: Reading, features: Sequence[Feature]) -> Rows:
    import pyarrow as pa

    text = pa.binary()
    types: dict[str, Any] = dict.fromkeys(reading.kept, text)
    types |= {
        source: getattr(pa, _TYPES[feature.dtype])()
        for source, feature in zip(reading.sources, features, strict=True)
    }
    both = set(reading.kept) & set(reading.sources)
    try:
        table, flaws = _csv_table(content, reading, types)
        values = _arrow_rows(table, replace(reading, kept=()), features).values
    except pa.ArrowInvalid:  # a value is none of its column's type: look at them one by one
        table, flaws = _csv_table(content, reading, dict.fromkeys(types, text))
        values = {
            feature.name: _field_values(_whole(table, source), feature)
            for feature, source in zip(features, reading.sources, strict=True)
        }
    if both:  # handed through as it was written, not as the feature's type would show it
        table, _ = _csv_table(content, reading, dict.fromkeys(reading.kept, text))
    kept = {name: _lenient_text(_whole(table, name)) for name in reading.kept}
    return Rows(n=table.num_rows + len(flaws), values=values, kept=kept, flaws=flaws)


def _csv_table(
    content: Bytes, reading: Reading, types: Mapping[str, Any]
) -> tuple[pa.Table, dict[int, Flaw]]:
    import pyarrow as pa
    from pyarrow import csv

    flaws: dict[int, Flaw] = {}

    def skip(row: Any) -> str:
        at = row.number - 1
        what = f"has {row.actual_columns} fields, not {row.expected_columns}"
        flaws[at] = _bad_line(at, what)
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(pa.py_buffer(content)),
        read_options=csv.ReadOptions(
            column_names=list(reading.names), use_threads=False, block_size=len(content) + 16
        ),
        parse_options=csv.ParseOptions(
            delimiter=reading.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=csv.ConvertOptions(
            include_columns=list(types), column_types=types, strings_can_be_null=True
        ),
    )
    return table, flaws


def _field_values(array: pa.Array, feature: Feature) -> Values:
    """One column of texts; by Arrow where it can, else value by value."""
    import pyarrow as pa

    try:
        return values_of(_cast(array, feature.dtype), feature)
    except pa.ArrowInvalid:
        return [parsed_text(feature, text) for text in array.to_pylist()]


def _cast(array: pa.Array, dtype: Dtype) -> pa.Array:
    import pyarrow as pa

    wanted = getattr(pa, _TYPES[dtype])()
    return array.cast(pa.string()).cast(wanted)


def _lenient_text(array: pa.Array) -> pa.Array:
    """Texts to hand through, whatever their encoding."""
    import pyarrow as pa

    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if t is None else t.decode("utf-8", "replace") for t in array.to_pylist()]
        return pa.array(texts, pa.string())


def _bad_line(row: int, what: str) -> Flaw:
    return Flaw(row=row, code=BAD_LINE, problem=f"The line {what}.")


def _start(line: bytes) -> str:
    return line[:_SHOWN].decode("utf-8", "replace")


def stream_of(batch: pa.RecordBatch | pa.Table) -> NDArray[np.uint8]:
    """Rows as the bytes of an Arrow stream."""
    import pyarrow as pa

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write(batch)
    return np.frombuffer(sink.getbuffer(), np.uint8)
