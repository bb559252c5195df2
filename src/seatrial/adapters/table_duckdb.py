"""Tables from a table or query of a DuckDB file, opened for reading only.

A DuckDB file is one process's while it is written, so it cannot be followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.table_arrow import Place, places, to_table, values_a_row
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


class DuckdbSource:
    """See TableSource.

    Args:
        path: the database file.
        columns: roles as asked for.
        table: a table or view, ``schema.table`` if need be; or ``query``, a SELECT. One of the two.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Columns | None = None,
        *,
        table: str | None = None,
        query: str | None = None,
        max_rows: int | None = None,
    ) -> None:
        self._path = Path(path)
        self._asked = columns or Columns()
        self._table = table
        self._query = query
        self._max_rows = max_rows

    @property
    def name(self) -> str:
        """See TableSource."""
        return f"{self._table or 'a query'} of {self._path}"

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        place_of(after, _KIND)
        if after is not None:
            raise cannot_follow(
                self.name, "Follow the files or the database that it was loaded from."
            )
        with self._connected() as connection:
            none = f"SELECT * FROM {self._from()} LIMIT 0"  # noqa: S608 - it can only read
            schema = connection.sql(none).to_arrow_table()
            whole = places(schema.schema)
            found = self._asked.among(tuple(place.name for place in whole))
            read = {place.path for place in whole if place.name in found.read}
            size = self._max_rows or rows_per_chunk(values_a_row(schema.schema, read))
            needed = _tops(schema.schema, found)
            listed = ", ".join(map(_quoted, needed)) or "1 AS nothing"
            relation = connection.sql(f"SELECT {listed} FROM {self._from()}")  # noqa: S608
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

    def _from(self) -> str:
        if self._table is not None:
            return ".".join(map(_quoted, self._table.split(".")))
        return f"({(self._query or '').strip().rstrip(';')})"

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import duckdb
        except ImportError as problem:
            raise MissingExtra("duckdb", "duckdb") from problem
        if not self._path.is_file():
            raise SourceMissing(
                f"There is no file {str(self._path)!r}.",
                remedy="Give the path of the database.",
                source=self.name,
            )
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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
