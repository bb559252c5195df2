"""A SQLite file with tables of our own: whose it is, its transactions, its errors in our words.

The store is not one of these: it has migrations, a pool and a clock (`adapters/store/sqlite.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.adapters.store.sqlite_errors import damaged, translated
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import StoreDamaged, StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a file holds, and how it is known again.

    Args:
        application_id: written into the file's header, so that another program's database is never
            taken for ours; in [1, 2^31).
        statements: make the tables that are not there yet, separated by semicolons.
        version: of the statements, >= 0.
        holds: what is in it, as the error for another version says it.
    """

    application_id: int
    statements: str
    version: int = 0
    holds: str


class SqliteFile:
    """One connection, for one thread of one process; others may have their own.

    What was changed is on the disk when the change ends.

    Args:
        path: the file; made when absent, its folder must be there.
        schema: of its tables.
        busy_timeout_s: how long to wait for another process, >= 0.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(self, path: Path | str, schema: Schema, *, busy_timeout_s: float) -> None:
        self._path = Path(path).absolute()
        with translated(self._path):
            self._connection = sqlite3.connect(
                self._path, timeout=busy_timeout_s, isolation_level=None
            )
        try:
            self._prepare(schema, busy_timeout_s)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Its connection, whose errors are the store's."""
        with translated(self._path):
            yield self._connection

    def row(self, statement: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        """The first row that a statement finds, on the short way."""
        try:
            found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        except sqlite3.Error:
            with translated(self._path):
                raise
        return found

    def rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        with self.reading() as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, or the one that is open: all of it is kept, or nothing."""
        with self.reading() as connection:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def _prepare(self, schema: Schema, busy_timeout_s: float) -> None:
        with self.changing() as connection:
            is_new = self._is_new(connection, schema)
            for statement in schema.statements.split(";"):
                connection.execute(statement)
            if is_new:
                connection.execute(f"PRAGMA application_id = {schema.application_id}")
                connection.execute(f"PRAGMA user_version = {schema.version}")
        self._enter_wal(busy_timeout_s)
        with self.reading() as connection:
            connection.execute("PRAGMA synchronous = FULL")

    def _enter_wal(self, busy_timeout_s: float) -> None:
        clock = SystemClock()
        until_s = clock.monotonic() + busy_timeout_s
        while True:
            try:
                with self.reading() as connection:
                    connection.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except StoreUnavailable:
                # Does not wait by itself while another process does the same.
                if clock.monotonic() >= until_s:
                    raise
                clock.sleep(0.01)

    def _is_new(self, connection: sqlite3.Connection, schema: Schema) -> bool:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != schema.application_id and (owner or n_tables):
            raise damaged(self._path, "is a database of another program")
        if n_tables and version != schema.version:
            raise damaged(self._path, f"has the version {version} of {schema.holds}")
        return not n_tables


def made_anew_if_damaged(path: Path, schema: Schema, *, busy_timeout_s: float) -> None:
    """Make a file whose content can be made again; one of ours that is damaged is begun anew.

    Raises: as `SqliteFile`; StoreDamaged for another program's.
    """
    before = _inode(path)
    try:
        SqliteFile(path, schema, busy_timeout_s=busy_timeout_s).close()
    except StoreDamaged:
        # Another process may have begun anew meanwhile.
        if not _is_ours(path, schema) or _inode(path) != before:
            raise
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        SqliteFile(path, schema, busy_timeout_s=busy_timeout_s).close()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _is_ours(path: Path, schema: Schema) -> bool:
    """Whether the header says so.   Source: sqlite.org/fileformat.html, section 1.3."""
    with path.open("rb") as file:
        head = file.read(100)
    return head.startswith(b"SQLite format 3\0") and (
        int.from_bytes(head[68:72]) == schema.application_id
    )
