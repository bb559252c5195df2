"""The prediction log as Parquet: spool segments become `log/<endpoint>/date=<day>/part-*.parquet`.

Runs in a process of its own, `python -m seatrial.adapters.tables.parquet_log SPOOL LOG`, so that no
worker ever loads pyarrow. A part's name derives from its segment, and a segment is removed only
when its parts are in place: run again after a kill, it writes the same files again, and nothing
twice.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import msgspec
import numpy as np

from seatrial.kernel.errors import MissingExtra
from seatrial.serving.sample import Record, Values, column_of, decode
from seatrial.serving.spool import claimed, frames, segments

if TYPE_CHECKING:
    import pyarrow as pa

_ASIDE = ".unconverted"
_MAX_ASIDE = 4

_Part: TypeAlias = tuple[str, str, int]  # endpoint, day, version


def convert(spool: Path, log: Path) -> int:
    """Turn every finished segment of ``spool`` into Parquet under ``log``.

    Segments that are still written to, or that another converter works on, are left alone. One
    that cannot be turned stops no other: it is set aside under another name, and told.
    Returns: how many segments were turned.
    Raises: MissingExtra; OSError: no room for at least one, which stays; the others were tried.
    """
    n = 0
    no_room: OSError | None = None
    for segment in segments(spool):
        with claimed(segment) as mine:
            if not mine:
                continue
            try:
                _convert(segment, log)
            except OSError as problem:
                no_room = no_room or problem
            except MissingExtra:
                raise
            except Exception as problem:  # noqa: BLE001 - whatever it is, the next may be sound
                _set_aside(segment, problem)
            else:
                segment.unlink()
                n += 1
    if no_room is not None:
        raise no_room
    return n


def _set_aside(segment: Path, problem: Exception) -> None:
    """Keep a segment for whoever looks into it, where nothing tries it again."""
    aside = segment.with_suffix(_ASIDE)
    segment.rename(aside)
    kind = type(problem).__name__
    sys.stderr.write(f"{aside} of the prediction log cannot be converted: {kind}: {problem}\n")
    for old in sorted(aside.parent.glob(f"*{_ASIDE}"))[:-_MAX_ASIDE]:
        old.unlink(missing_ok=True)


def _convert(segment: Path, log: Path) -> None:
    parts: dict[_Part, list[Record]] = defaultdict(list)
    for payload in frames(segment):
        record = _read(payload)
        if record is not None:
            day = datetime.fromtimestamp(record.at, UTC).date().isoformat()
            parts[record.endpoint, day, record.version].append(record)
    for (endpoint, day, version), records in parts.items():
        folder = log / folder_name(endpoint) / f"date={day}"
        _write(folder / f"part-{segment.stem}-v{version}.parquet", table(records))


def _read(payload: bytes) -> Record | None:
    """A record, or None when another version of seatrial wrote it in a form unknown here."""
    try:
        return decode(payload)
    except msgspec.MsgspecError as problem:
        sys.stderr.write(f"a logged prediction cannot be read and is left out: {problem}\n")
        return None


def folder_name(endpoint: str) -> str:
    """The name of an endpoint's folder, whatever the endpoint is called."""
    quoted = quote(endpoint, safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def _write(path: Path, rows: pa.Table) -> None:
    """Put a file in place whole: a reader of the log never sees half of one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Parquet knows no struct without fields, which the outputs of requests that failed are.
    kept = [f.name for f in rows.schema if not pa.types.is_struct(f.type) or f.type.num_fields]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Readers of Parquet folders skip names that start with a dot.
    unfinished = path.parent / f".{path.name}.unfinished"
    with unfinished.open("wb") as file:
        pq.write_table(rows.select(kept), file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def table(records: Sequence[Record]) -> pa.Table:
    """Records of one version as a table with one row per row predicted.

    Columns: what is known of the request, repeated on each of its rows; ``row``, the place in the
    request; ``inputs`` and ``outputs``, structs by feature and by output name.
    Raises: MissingExtra.
    """
    try:
        import pyarrow as pa
    except ImportError as problem:
        raise MissingExtra("pyarrow", "parquet") from problem
    times = [r.rows for r in records]

    def each(values: Sequence[Any], dtype: pa.DataType) -> pa.Array:
        return pa.array(np.repeat(np.array(values, dtype=object), times), dtype)

    return pa.table(
        {
            "request_id": each([r.request_id for r in records], pa.string()),
            "at": each([round(r.at * 1e6) for r in records], pa.int64()).cast(
                pa.timestamp("us", tz="UTC")
            ),
            "endpoint": each([r.endpoint for r in records], pa.string()),
            "version": each([r.version for r in records], pa.int64()),
            "revision": each([r.revision for r in records], pa.int64()),
            "outcome": each([r.outcome for r in records], pa.string()),
            "latency_s": each([r.latency_s for r in records], pa.float64()),
            "n_rows": each([r.n_rows for r in records], pa.int64()),
            "row": pa.array(np.concatenate([np.arange(n) for n in times]), pa.int64()),
            "inputs": _struct([r.inputs for r in records], times),
            "outputs": _struct([r.outputs for r in records], times),
        }
    )


def _struct(columns: Sequence[dict[str, Values]], times: Sequence[int]) -> pa.Array:
    import pyarrow as pa

    names = list(dict.fromkeys(name for held in columns for name in held))
    arrays = [
        pa.concat_arrays(
            _alike([_array(held.get(name), n) for held, n in zip(columns, times, strict=True)])
        )
        for name in names
    ]
    if not arrays:
        return pa.nulls(sum(times), pa.struct([]))
    return pa.StructArray.from_arrays(arrays, names)


def _array(values: Values | None, n: int) -> pa.Array:
    import pyarrow as pa

    if values is None:
        return pa.nulls(n)
    column = column_of(values)
    if column.ndim == 1:
        return pa.array(column)
    flat = pa.array(np.ascontiguousarray(column).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.width)


def _alike(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """Arrays of one type: nulls take the others' type, and what still differs becomes text."""
    import pyarrow as pa

    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    if len(kinds) > 1:
        return [pa.array([None if v is None else str(v) for v in a.to_pylist()]) for a in arrays]
    kind = kinds.pop() if kinds else pa.null()
    return [array if array.type == kind else pa.nulls(len(array), kind) for array in arrays]


def main(arguments: Sequence[str]) -> int:
    """The command: spool folder, log folder."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m seatrial.adapters.tables.parquet_log SPOOL LOG\n")
        return 2
    convert(Path(arguments[0]), Path(arguments[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
