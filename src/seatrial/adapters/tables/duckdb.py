"""Tables from a table or query of a DuckDB file, opened for reading only.

A DuckDB file is one process's while it is written, so it cannot be followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from seatrial.adapters.tables.arrow import Place, places, to_table, values_a_row
from seatrial.adapters.tables.selected import DatabaseFile, quoted
from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import (
    Chunk,
    SourceMissing,
    SourceUnavailable,
    SourceUnreadable,
    cannot_follow,
    place_of,
    rows_per_chunk,
)

_KIND: Final = "duckdb"


class DuckdbSource(DatabaseFile):
    """See TableSource."""

    has_schemas = True

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        place_of(after, _KIND)
        if after is not None:
            raise cannot_follow(
                self.name, "Follow the files or the database that it was loaded from."
            )
        with self._connected() as connection:
            none = f"SELECT * FROM {self._selected.sql} LIMIT 0"  # noqa: S608 - it can only read
            schema = connection.sql(none).to_arrow_table()
            whole = places(schema.schema)
            found = self._asked.among(tuple(place.name for place in whole))
            read = {place.path for place in whole if place.name in found.read}
            size = self._max_rows or rows_per_chunk(values_a_row(schema.schema, read))
            needed = _tops(schema.schema, found)
            listed = ", ".join(map(quoted, needed)) or "1 AS nothing"
            relation = connection.sql(f"SELECT {listed} FROM {self._selected.sql}")  # noqa: S608
            reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
            empty = True
            for batch in reader(size):
                for start in range(0, len(batch), size):
                    yield self._chunk(batch.slice(start, size), found, whole)
                    empty = False
            if empty:
                batches = schema.select(needed).combine_chunks().to_batches()
                yield self._chunk(batches[0] if batches else _no_rows(schema, needed), found, whole)

    def _chunk(self, batch: Any, columns: Columns, whole: Sequence[Place]) -> Chunk:
        table, problems = to_table(batch, columns, self.name, whole=whole)
        return Chunk(table=table, columns=columns, place={"of": _KIND}, problems=problems)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import duckdb
        except ImportError as problem:
            raise MissingExtra("duckdb", "duckdb") from problem
        self._check_there()
        try:
            with closing(duckdb.connect(str(self._path), read_only=True)) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield connection
        except duckdb.Error as error:
            raise self._translated(duckdb, error) from error

    def _translated(self, duckdb: Any, error: Exception) -> SeatrialError:
        what = str(error).partition("\n")[0]
        if isinstance(error, duckdb.CatalogException):
            return SourceMissing(
                f"{self.name} is not there ({what}).",
                remedy="Name a table or view of the file.",
                source=self.name,
            )
        if isinstance(error, duckdb.IOException) and "lock" in str(error):
            return SourceUnavailable(
                f"{self._path} is held by another process.",
                remedy="Try again when it is done, or give a copy of the file.",
                source=self.name,
            )
        return SourceUnreadable(
            f"{self.name} cannot be read ({what}).",
            remedy="Check the query, or name another file.",
            source=self.name,
        )


def _tops(schema: Any, columns: Columns) -> list[str]:
    """The columns that hold what has a role; of a struct, the whole."""
    path_of = {place.name: place.path for place in places(schema)}
    paths = [path_of[name] for name in columns.read]
    return [
        field.name
        for field in schema
        if any(path == field.name or path.startswith(f"{field.name}.") for path in paths)
    ]


def _no_rows(table: Any, names: list[str]) -> Any:
    import pyarrow as pa

    fields = [table.schema.field(name) for name in names]
    return pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in fields], schema=pa.schema(fields)
    )
