"""Rows of a Parquet or CSV file that name entities at times, some at a time, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.features.failures import EntityInvalid
from seatrial.features.view import Field, ValueType

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET = (".parquet", ".parq", ".pq")
CSV = (".csv",)


class EntityTable:
    """A file with the join keys and the time of each row, and whatever else it has.

    Args:
        path: of a Parquet file, or of a CSV file with a header in UTF-8.
        keys: the join keys, by name.
        time_column: as of when the features of a row are wanted.
        zone: of times that name none, such as ``UTC`` or ``Europe/Berlin``; None refuses them.
    Raises: EntityInvalid: it cannot be read, or lacks one of these columns.
    """

    def __init__(
        self, path: Path, *, keys: Mapping[str, Field], time_column: str, zone: str | None
    ) -> None:
        self._path = path
        self._keys = keys
        self._time = time_column
        self._zone = zone
        kind = path.suffix.lower()
        if kind not in (*PARQUET, *CSV):
            raise self._refused("is neither Parquet nor CSV", "Give a .parquet or .csv file.")
        self._is_csv = kind in CSV
        if not path.exists():
            raise self._refused("is not there", "Name a file that exists.")
        with self._reading():
            if not path.stat().st_size:
                raise self._refused("is empty", "Give one with a row for each entity and time.")
            self.schema: pa.Schema = self._read_schema()
            names = self.schema.names  # decoded only now
            self.n_rows: int | None = self._count()
        for name in (*keys, time_column):
            self._check_column(name, names)

    def chunks(self, size: int) -> Iterator[pa.Table]:
        """The rows in their order, at most ``size`` at once, keys and times in their types.

        Times are microseconds in UTC.
        Raises: EntityInvalid: a value that is no key or no time, with its row, counted from 1.
        """
        import pyarrow as pa

        done = 0
        for table in self._tables(size):
            columns = {name: table[name].combine_chunks() for name in table.column_names}
            for name, key in self._keys.items():
                columns[name] = self._key(columns[name], key, done)
            columns[self._time] = self._times(columns[self._time], done)
            yield pa.table(columns)
            done += len(table)

    def _tables(self, size: int) -> Iterator[pa.Table]:
        import pyarrow as pa

        with self._reading():
            if not self._is_csv:
                from pyarrow import parquet

                with parquet.ParquetFile(self._path, memory_map=False) as file:
                    for batch in file.iter_batches(size):
                        if len(batch):
                            yield pa.Table.from_batches([batch])
                return
            with self._open_csv() as reader:
                for batch in reader:
                    for start in range(0, len(batch), size):
                        yield pa.Table.from_batches([batch.slice(start, size)])

    def _read_schema(self) -> pa.Schema:
        if self._is_csv:
            with self._open_csv() as reader:
                return reader.schema
        from pyarrow import parquet

        return parquet.read_schema(self._path, memory_map=False)

    def _open_csv(self) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        types = {name: pa.string() for name in (*self._keys, self._time)}
        options = csv.ConvertOptions(column_types=types)
        return csv.open_csv(self._path, convert_options=options)

    def _count(self) -> int | None:
        if self._is_csv:
            return None
        from pyarrow import parquet

        n: int = parquet.read_metadata(self._path, memory_map=False).num_rows
        return n

    def _key(self, values: pa.Array, key: Field, done: int) -> pa.Array:
        import pyarrow as pa
        from pyarrow import compute

        wanted = arrow_type(key.type)
        what = "a text" if key.type is ValueType.STRING else "a whole number"
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if not (text if key.type is ValueType.STRING else number or (text and self._is_csv)):
            raise self._refused(
                f"has the join key {key.name!r} as {values.type}, not as {what}",
                f"Convert the column: the key is {key.type}.",
                field=key.name,
            )
        self._check_nulls(key.name, values, done, what)

        def cast(some: pa.Array) -> pa.Array:
            return compute.cast(some, wanted)

        return self._converted(key.name, values, done, cast, what)

    def _times(self, values: pa.Array, done: int) -> pa.Array:
        import pyarrow as pa
        from pyarrow import compute

        stamp = pa.timestamp("us", "UTC")
        what = "a time"
        if self._is_csv:
            self._check_nulls(self._time, values, done, what)
            try:
                return compute.cast(values, stamp)
            except pa.ArrowInvalid:  # none of them names a zone, or one is no time
                bare = pa.timestamp("us")
                values = self._converted(
                    self._time,
                    values,
                    done,
                    lambda some: compute.cast(some, bare),
                    "a time such as 2026-03-01T12:00:00, or like the others in naming its zone",
                )
        if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
            raise self._refused(
                f"has times in {self._time!r} as {values.type}",
                "Convert the column to timestamps, with their zone.",
                field=self._time,
            )
        self._check_nulls(self._time, values, done, what)
        if getattr(values.type, "tz", None) is not None:
            return compute.cast(values, stamp, safe=False)  # below a microsecond: to the past
        if self._zone is None:
            raise self._refused(
                f"has times in {self._time!r} that name no zone",
                "Say which they are in, such as --timezone UTC, or write them with their zone.",
                field=self._time,
            )
        bare = compute.cast(values, pa.timestamp("us"), safe=False)
        zone = self._zone

        def placed(some: pa.Array) -> pa.Array:
            return compute.assume_timezone(some, zone)

        where = f"a time that {zone} has exactly once"
        return compute.cast(self._converted(self._time, bare, done, placed, where), stamp)

    def _converted(
        self,
        name: str,
        values: pa.Array,
        done: int,
        convert: Callable[[pa.Array], pa.Array],
        what: str,
    ) -> pa.Array:
        """All values converted; a refusal names the first that cannot be."""
        import pyarrow as pa

        try:
            return convert(values)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            low, high = 0, len(values)  # values[:low] can be converted, values[:high] cannot
            while high - low > 1:
                middle = (low + high) // 2
                try:
                    convert(values.slice(0, middle))
                    low = middle
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                    high = middle
            raise self._misfit(name, values[low].as_py(), done + low, what) from None

    def _check_nulls(self, name: str, values: pa.Array, done: int, what: str) -> None:
        if values.null_count:
            place = values.is_null().index(True).as_py()
            raise self._misfit(name, None, done + place, what)

    def _misfit(self, name: str, value: object, row: int, what: str) -> EntityInvalid:
        return self._refused(
            f"has {str(value)[:60]!r} in {name!r} of row {row + 1}, which is not {what}"
            if value is not None
            else f"has no value in {name!r} of row {row + 1}",
            "Correct it or leave the row out.",
            field=name,
            row=row + 1,
        )

    def _check_column(self, name: str, names: Sequence[str]) -> None:
        if names.count(name) == 1:
            return
        if name in names:
            raise self._refused(f"has the column {name!r} twice", "Drop one of the two.")
        near = get_close_matches(name, names, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        how = (
            "name the column of times with --time"
            if name == self._time
            else f"name it so (the join keys are {', '.join(self._keys)})"
        )
        raise self._refused(
            f"has no column {name!r}{hint}",
            f"Add it, or {how}. It has: {', '.join(names[:20]) or 'none'}.",
            field=name,
        )

    def _refused(self, why: str, remedy: str, **facts: object) -> EntityInvalid:
        return EntityInvalid(f"{self._path} {why}.", remedy=remedy, file=str(self._path), **facts)

    def _reading(self) -> _Reading:
        return _Reading(self)


class _Reading:
    """What keeps a file from being read, told as ours."""

    def __init__(self, table: EntityTable) -> None:
        self._table = table

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(problem, pa.ArrowException | OSError | UnicodeDecodeError):
            why = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise self._table._refused(
                f"cannot be read ({why})", "Write it again, as Parquet or as CSV in UTF-8."
            ) from problem


def arrow_type(kind: ValueType) -> pa.DataType:
    """How values of a type are written; times are whole seconds since 1970."""
    import pyarrow as pa

    return {
        ValueType.STRING: pa.string(),
        ValueType.BYTES: pa.binary(),
        ValueType.INT32: pa.int32(),
        ValueType.FLOAT: pa.float32(),
        ValueType.DOUBLE: pa.float64(),
        ValueType.BOOL: pa.bool_(),
    }.get(kind, pa.int64())
