"""Labels on their way in a SQLite file, written by every worker and read by the monitor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile
from seatrial.monitoring.performance.inbox import MAX_ENTRIES, Entry, Purpose, full

_SCHEMA = Schema(
    application_id=0x5EA7_21A3,
    holds="labels on their way",
    statements="""
CREATE TABLE IF NOT EXISTS entry (
  position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, purpose TEXT NOT NULL,
  value TEXT NOT NULL, at_us INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_id ON entry (id);
CREATE INDEX IF NOT EXISTS entry_at ON entry (at_us);
CREATE TABLE IF NOT EXISTS dropped (purpose TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
""",
)


class SqliteInbox:
    """`monitoring.inbox.Inbox` in one file; each process, and each thread, opens its own.

    Args:
        path: the file; made when absent, its folder must be there.
        busy_timeout_s: how long to wait for another process that writes, >= 0.
        most: entries that may wait, >= 1.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(
        self, path: Path | str, *, busy_timeout_s: float = 10.0, most: int = MAX_ENTRIES
    ) -> None:
        self._file = SqliteFile(path, _SCHEMA, busy_timeout_s=busy_timeout_s)
        self._most = most

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def put(self, entries: Sequence[Entry], *, at_us: int) -> None:
        """See Inbox."""
        with self._file.changing() as connection:
            n = self.n()
            if n + len(entries) > self._most:
                raise full(n)
            connection.executemany(
                "INSERT INTO entry (id, purpose, value, at_us) VALUES (?, ?, ?, ?)",
                [(one.id, one.purpose.value, one.value, at_us) for one in entries],
            )

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[tuple[int, Entry]]:
        """See Inbox."""
        return self._entries("WHERE position > ? ORDER BY position LIMIT ?", after, limit)

    def find(self, ids: Sequence[str]) -> list[tuple[int, Entry]]:
        """See Inbox."""
        asked = json.dumps(list(ids))
        return self._entries(
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY position", asked
        )

    def drop(self, positions: Sequence[int]) -> None:
        """See Inbox."""
        with self._file.changing() as connection:
            connection.executemany(
                "DELETE FROM entry WHERE position = ?", [(one,) for one in positions]
            )

    def drop_before(self, at_us: int) -> int:
        """See Inbox."""
        with self._file.reading() as connection:
            (any_old,) = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM entry WHERE at_us < ?)", (at_us,)
            ).fetchone()
        if not any_old:
            return 0
        with self._file.changing() as connection:
            connection.execute(
                "INSERT INTO dropped SELECT purpose, count(*) FROM entry WHERE at_us < ? "
                "GROUP BY purpose ON CONFLICT (purpose) DO UPDATE SET n = n + excluded.n",
                (at_us,),
            )
            return connection.execute("DELETE FROM entry WHERE at_us < ?", (at_us,)).rowcount

    def n_dropped(self) -> int:
        """See Inbox."""
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT n FROM dropped WHERE purpose = ?", (Purpose.LABEL.value,)
            ).fetchone()
        return 0 if found is None else int(found[0])

    def n(self) -> int:
        """See Inbox."""
        with self._file.reading() as connection:
            (n,) = connection.execute("SELECT count(*) FROM entry").fetchone()
        return int(n)

    def _entries(self, where: str, *values: object) -> list[tuple[int, Entry]]:
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT position, id, purpose, value FROM entry {where}",  # noqa: S608 - ours
                values,
            ).fetchall()
        return [
            (position, Entry(id=key, purpose=Purpose(purpose), value=value))
            for position, key, purpose, value in rows
        ]
