"""Tables from a table, a view or a query of an SQLite file, which is only ever read.

A table can be followed: SQLite has one writer at a time, so rows appear in the order of their
``rowid`` and none appears late. Rows may be deleted from the front, as a log is pruned.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from seatrial.adapters.tables.arrow import arrow, of_objects, to_table
from seatrial.adapters.tables.selected import DatabaseFile, quoted
from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.source import (
    VECTOR_VALUES,
    Chunk,
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
    cannot_follow,
    place_of,
    rows_per_chunk,
)

_KIND: Final = "sqlite"
# Parts of declared types.   Source: sqlite.org/datatype3.html, 3.1
_NUMBERS: Final = ("INT", "REAL", "FLOA", "DOUB")
_NAMES: Final = ("CHAR", "CLOB", "TEXT")
_BUSY_S: Final = 10.0


class SqliteSource(DatabaseFile):
    """See TableSource. A column without a declared type is read by the values of each chunk."""

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        place = place_of(after, _KIND)
        with self._connected() as connection:
            connection.execute("BEGIN")  # all chunks see the data as they are now
            rows_have_ids = self._has_rowids(connection)
            if after is not None and not rows_have_ids:
                raise cannot_follow(self.name, "Name a table that has rowids.")
            start, problems = self._start(connection, place)
            yield from self._rows(connection, start, problems, rows_have_ids=rows_have_ids)

    def _rows(
        self,
        connection: sqlite3.Connection,
        start: int | None,
        problems: tuple[SourceProblem, ...],
        *,
        rows_have_ids: bool,
    ) -> Iterator[Chunk]:
        none = f"SELECT * FROM {self._selected.sql} LIMIT 0"  # noqa: S608 - it can only read
        names = tuple(column[0] for column in connection.execute(none).description)
        found = self._asked.among(names)
        kinds = {**self._declared(connection, found), **found.kinds}
        read = ", ".join(("rowid" if rows_have_ids else "NULL", *map(quoted, found.read)))
        where = " WHERE rowid > ? ORDER BY rowid" if rows_have_ids else ""
        cursor = connection.execute(
            f"SELECT {read} FROM {self._selected.sql}{where}",  # noqa: S608 - names are quoted
            (-(2**63) if start is None else start,) if rows_have_ids else (),
        )
        vectors = [name for name in found.read if kinds.get(name) == "embedding"]
        n_values = len(found.read) + VECTOR_VALUES * len(vectors)
        size = self._max_rows or rows_per_chunk(n_values)
        columns = replace(found, kinds=kinds)
        while (rows := cursor.fetchmany(size)) or start is None or problems:
            batch = _batch(found.read, rows)
            table, more = to_table(batch, columns, self.name)
            if rows:
                start = rows[-1][0] or 0
            mark = self._mark(connection, start) if rows_have_ids and start is not None else None
            yield Chunk(
                table=table,
                columns=found,
                place={"of": _KIND, "row": start or 0, "mark": mark},
                problems=(*problems, *more),
            )
            start, problems = start or 0, ()

    def _start(
        self, connection: sqlite3.Connection, place: Mapping[str, Any]
    ) -> tuple[int | None, tuple[SourceProblem, ...]]:
        if not place:
            return None, ()
        row, mark = place.get("row"), place.get("mark")
        if not isinstance(row, int):
            return None, ()
        last = connection.execute(f"SELECT max(rowid) FROM {self._selected.sql}").fetchone()[0]  # noqa: S608
        there = self._mark(connection, row)
        if there == mark or (there is None and (last is None or last > row)):
            return row, ()
        problem = SourceProblem(
            flaw="replaced",
            where=self.name,
            message=f"{self.name} was emptied and filled again; it is read from its beginning.",
        )
        return None, (problem,)

    def _mark(self, connection: sqlite3.Connection, row: int) -> int | None:
        """How a row looks, so that it is known again; None when it is not there."""
        sql = f"SELECT * FROM {self._selected.sql} WHERE rowid = ?"  # noqa: S608 - names are quoted
        found = connection.execute(sql, (row,)).fetchone()
        return None if found is None else zlib.crc32(repr(found).encode())

    def _has_rowids(self, connection: sqlite3.Connection) -> bool:
        table = self._selected.table
        if table is None:
            return False
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_master"))
        tables = [name for name, kind in kinds.items() if kind in {"table", "view"}]
        if table not in tables:
            nearest = get_close_matches(table, tables, n=1)
            raise SourceMissing(
                f"{self._path} has no table {table!r}.",
                remedy=f"Did you mean {nearest[0]!r}?"
                if nearest
                else f"Name one of: {', '.join(sorted(tables)) or 'none is there'}.",
                source=self.name,
            )
        if kinds[table] == "view":
            return False
        try:
            connection.execute(f"SELECT rowid FROM {self._selected.sql} LIMIT 0")  # noqa: S608
        except sqlite3.OperationalError:  # declared WITHOUT ROWID
            return False
        return True

    def _declared(self, connection: sqlite3.Connection, found: Columns) -> dict[str, Kind]:
        table = self._selected.table
        if table is None:
            return {}
        rows = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
        kinds: dict[str, Kind] = {}
        for name, declared in rows:
            if name == found.at:
                continue
            if any(part in declared.upper() for part in _NAMES):
                kinds[name] = "name"
            elif any(part in declared.upper() for part in _NUMBERS) and name not in found.id:
                kinds[name] = "number"
        return kinds

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._check_there()
        try:
            with closing(
                sqlite3.connect(
                    f"{self._path.resolve().as_uri()}?mode=ro",
                    uri=True,
                    timeout=_BUSY_S,
                    isolation_level=None,
                )
            ) as connection:
                connection.execute("PRAGMA query_only = 1")
                yield connection
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> SeatrialError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR}:
            return SourceUnavailable(
                f"{self._path} does not answer ({error}).",
                remedy="Try again; if it stays so, end the process that holds it.",
                source=self.name,
            )
        if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
            return SourceDenied(
                f"{self._path} cannot be opened ({error}).",
                remedy="Give this user the right to read it and its folder.",
                source=self.name,
            )
        return SourceUnreadable(
            f"{self.name} cannot be read ({error}).",
            remedy="Check the query, or name another file.",
            source=self.name,
        )


def _batch(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    pa = arrow()
    values = list(zip(*rows, strict=True))[1:] if rows else [() for _ in names]
    arrays = [of_objects(column) for column in values]
    if names:
        return pa.RecordBatch.from_arrays(arrays, names=list(names))
    bare = pa.StructArray.from_arrays([pa.nulls(len(rows))], ["none"])
    return pa.RecordBatch.from_struct_array(bare).select([])
