"""Tables from PostgreSQL, version 13 or later: a table or a query, streamed in one snapshot.

Rows are copied out as CSV, which costs the server and this process a fraction of what a cursor
does. A table can be followed, and exactly so: not by a serial number, which is given out before
the commit that shows it, but by transactions. Each pass takes the rows of transactions between the
oldest one that was running at the last pass and the oldest one running now; each transaction is
between two such marks once.   Source: PostgreSQL documentation, 9.27.10 (pg_snapshot_xmin), 5.6
(xmin, ctid).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.store.postgres_errors import first_line
from seatrial.adapters.tables.arrow import to_table
from seatrial.adapters.tables.copy import CopyColumn, batch_of, copy_column
from seatrial.adapters.tables.selected import Selected
from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.monitoring.rows.columns import Columns, check_distinct
from seatrial.monitoring.rows.source import (
    VECTOR_VALUES,
    Chunk,
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
    bad_cursor,
    cannot_follow,
    place_of,
    rows_per_chunk,
)

if TYPE_CHECKING:
    import psycopg
    from psycopg import Connection

_KIND: Final = "postgresql"
_CONNECT_S: Final = 10
_LOCK_MS: Final = 10_000
_ADDRESS: Final = re.compile(r"\(\d{1,10},\d{1,5}\)")


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one pass reads: rows of transactions in [after, before), from a row on.

    Args:
        leaf: number of the partition that is being read; that of the table when it has none.
        row: address of the last row read of it; None for its beginning.
    """

    after: int
    before: int
    leaf: int = 0
    row: str | None = None

    def place(self) -> dict[str, Any]:
        return {"of": _KIND} | {f.name: getattr(self, f.name) for f in fields(self)}

    def where(self, next_xid: int) -> str:
        """The condition in SQL. Rows keep the lower 32 bits of a transaction's number."""
        base, low = next_xid >> 32 << 32, next_xid & 0xFFFF_FFFF
        xid = f"(xmin::text::bigint + CASE WHEN xmin::text::bigint > {low} THEN {base - 2**32} "
        xid += f"ELSE {base} END)"
        address = "" if self.row is None else f" AND ctid > '{self.row}'::tid"
        return f"WHERE {xid} >= {self.after} AND {xid} < {self.before}{address}"


class PostgresSource:
    """See TableSource. Infinite times count as missing.

    A table that is followed must only be appended to: a row that is changed is read again. Rows
    appear when no transaction older than theirs is running any more.

    Args:
        url: ``postgresql://user@host:port/database``, as libpq reads it; the password may come
            from ``PGPASSWORD`` or a password file.
        columns: roles as asked for.
        table: a table or view, ``schema.table`` if need be; or ``query``, a SELECT. One of the two.
        follow: whether cursors are to be kept, which needs a table.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    """

    def __init__(
        self,
        url: str,
        columns: Columns | None = None,
        *,
        table: str | None = None,
        query: str | None = None,
        follow: bool = False,
        max_rows: int | None = None,
    ) -> None:
        self._parameters = _parameters(url)
        self._asked = columns or Columns()
        host = self._parameters.get("host", "localhost")
        port = self._parameters.get("port", 5432)
        self._selected = Selected(
            table=table, query=query, where=f"PostgreSQL at {host}:{port}", schemas=True
        )
        self._follow = follow
        self.max_rows = max_rows

    @property
    def name(self) -> str:
        """See TableSource."""
        return self._selected.name

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        place = place_of(after, _KIND)
        if after is not None and not self._follow:
            raise cannot_follow(self.name, "Open it with follow, and name a table.")
        with self._connected() as connection:
            described = self._described(connection)
            found = self._asked.among(tuple(described))
            read = tuple(described[name] for name in found.read)
            if self._follow:
                yield from self._followed(connection, place, after, _Reader(self, read, found))
            else:
                yield from self._whole(connection, _Reader(self, read, found))

    def _whole(self, connection: Connection[Any], reader: _Reader) -> Iterator[Chunk]:
        empty = True
        for lines in reader.copied(connection, "NULL", self._selected.sql):
            yield reader.chunk(lines, {"of": _KIND})
            empty = False
        if empty:
            yield reader.chunk([], {"of": _KIND})

    def _followed(
        self,
        connection: Connection[Any],
        place: Mapping[str, Any],
        after: str | None,
        reader: _Reader,
    ) -> Iterator[Chunk]:
        oldest, next_xid = self._one(
            connection,
            "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint "
            "FROM pg_current_snapshot() AS s",
        )
        passes = [_Pass(0, oldest)]
        if after is not None:
            begun = _begun(place, after)
            if begun.before > next_xid:
                raise bad_cursor(after)  # another server's, or from before a backup was restored
            passes = [begun, _Pass(begun.before, oldest)]
        leaves = self._leaves(connection)
        empty = after is None
        for one in passes:
            for oid, leaf in leaves.items():
                if oid < one.leaf or one.after >= one.before:
                    continue
                now = replace(one, leaf=oid, row=one.row if oid == one.leaf else None)
                for lines in reader.copied(connection, "ctid", f"{leaf} {now.where(next_xid)}"):
                    now = replace(now, row=_address(lines[-1]))
                    yield reader.chunk(lines, now.place())
                    empty = False
        if empty:
            yield reader.chunk([], passes[-1].place())

    def _leaves(self, connection: Connection[Any]) -> dict[int, str]:
        """What the rows lie in, by number: the table, or each partition of it."""
        if self._selected.table is None:
            raise cannot_follow(self.name, "Name a table.")
        kinds = connection.execute(
            "SELECT c.oid::bigint, c.oid::regclass::text, c.relkind::text FROM pg_class AS c "
            "WHERE c.oid = %(name)s::regclass OR c.oid IN "
            "(SELECT relid FROM pg_partition_tree(%(name)s::regclass)) ORDER BY c.oid",
            {"name": self._selected.sql},
        ).fetchall()
        if any(kind not in {"r", "p", "m"} for _, _, kind in kinds):
            raise cannot_follow(self.name, "Name the table that the view reads.")
        return {oid: f"ONLY {name}" for oid, name, kind in kinds if kind != "p"}

    def _described(self, connection: Connection[Any]) -> dict[str, CopyColumn]:
        # Prepared, so that the server takes one statement and nothing behind it.
        sql = f"SELECT * FROM {self._selected.sql} AS source LIMIT 0"  # noqa: S608 - read-only
        with connection.cursor() as cursor:
            cursor.execute(sql.encode(), prepare=True)
            described = cursor.description or ()
        columns = [copy_column(connection, c.name, c.type_code) for c in described]
        check_distinct([column.name for column in columns])
        return {column.name: column for column in columns}

    @staticmethod
    def _one(connection: Connection[Any], sql: str) -> Any:
        return connection.execute(sql.encode()).fetchone()

    @contextmanager
    def _connected(self) -> Iterator[Connection[Any]]:
        """A connection in a transaction that cannot write and sees the data as they are now."""
        import psycopg

        try:
            with psycopg.connect(**self._parameters, autocommit=True) as connection:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection
        except psycopg.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: psycopg.Error) -> SeatrialError:
        import psycopg

        state, what = error.sqlstate or "", first_line(error)
        if state == "42501" or state.startswith("28"):
            return SourceDenied(
                f"{self.name} may not be read ({what}).",
                remedy="Grant this user SELECT, or name another user and password.",
                source=self.name,
            )
        if state in {"42P01", "3F000", "3D000"}:
            return SourceMissing(
                f"{self.name} is not there ({what}).",
                remedy="Name a table, view or query of this database.",
                source=self.name,
            )
        if isinstance(error, psycopg.OperationalError) or state[:2] in {"08", "53", "55", "57"}:
            return SourceUnavailable(
                f"{self.name} cannot be reached ({what}).",
                remedy="Check that it runs, and the host, port, database and password.",
                source=self.name,
            )
        return SourceUnreadable(
            f"{self.name} cannot be read ({what}).", remedy="Correct the query.", source=self.name
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    """The columns with a role, copied out and made into chunks."""

    source: PostgresSource
    read: tuple[CopyColumn, ...]
    columns: Columns

    def copied(self, connection: Connection[Any], address: str, rest: str) -> Iterator[list[bytes]]:
        """Lines of CSV, ``address`` first, a chunk of them at a time."""
        n_values = sum(VECTOR_VALUES if column.vector else 1 for column in self.read)
        size = self.source.max_rows or rows_per_chunk(n_values)
        listed = ", ".join((address, *(c.select for c in self.read if c.type is not None)))
        sql = f"COPY (SELECT {listed} FROM {rest}) TO STDOUT (FORMAT csv)"  # noqa: S608
        if address == "NULL":
            sql = sql.replace(rest, f"{rest} AS source", 1)
        lines: list[bytes] = []
        with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            for data in copy:
                lines.append(bytes(data))
                if len(lines) == size:
                    yield lines
                    lines = []
        if lines:
            yield lines

    def chunk(self, lines: list[bytes], place: dict[str, Any]) -> Chunk:
        kept = [column for column in self.read if column.type is not None]
        table, problems = to_table(batch_of(lines, kept), self.columns, self.source.name)
        unknown = tuple(
            SourceProblem(
                flaw="type",
                where=self.source.name,
                column=column.name,
                message=f"The column {column.name!r} holds {column.what}, which the watch cannot "
                "read; it is left out.",
            )
            for column in self.read
            if column.type is None
        )
        return Chunk(table=table, columns=self.columns, place=place, problems=(*unknown, *problems))


def _begun(place: Mapping[str, Any], after: str) -> _Pass:
    """The pass that a stored place is in.   Raises: CursorInvalid."""
    numbers = [place.get(name) for name in ("after", "before", "leaf")]
    row = place.get("row")
    if not all(type(n) is int for n in numbers) or not (row is None or _ADDRESS.fullmatch(row)):
        raise bad_cursor(after)
    return _Pass(place["after"], place["before"], place["leaf"], row)


def _address(line: bytes) -> str:
    # The first field is "(block,item)", quoted for its comma.
    return line[1 : line.index(b")") + 1].decode()


def _parameters(url: str) -> dict[str, Any]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise MissingExtra("psycopg", "postgres") from error
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # The address itself is not shown: it may hold a password.
        raise SourceUnreadable(
            f"The address of the PostgreSQL data cannot be read ({first_line(error)}).",
            remedy="Write postgresql://user:password@host:5432/database, with special characters "
            "of the password percent-encoded.",
        ) from error
    session = (
        f"-c lock_timeout={_LOCK_MS} -c TimeZone=UTC -c synchronize_seqscans=off "
        "-c max_parallel_workers_per_gather=0 -c jit=off"
    )
    defaults = {"application_name": "seatrial", "client_encoding": "UTF8"}
    defaults |= {"connect_timeout": str(_CONNECT_S)}
    options = f"{given.pop('options', '') or ''} {session}".strip()
    return defaults | given | {"options": options}
