"""Predictions that wait for their labels, in a SQLite file: they outlive the process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile
from seatrial.monitoring.performance.scored import Scored, rows_as_tuples, scored_from_tuples

_SCHEMA = Schema(
    application_id=0x5EA7_21A2,
    version=1,
    holds="waiting predictions",
    statements="""
CREATE TABLE IF NOT EXISTS pending (
  id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, step INTEGER NOT NULL, predicted REAL NOT NULL,
  score REAL, audited INTEGER NOT NULL, label REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending_at ON pending (at_us);
CREATE INDEX IF NOT EXISTS pending_step ON pending (step);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
""",
)


_SEGMENT_TABLE = "CREATE TABLE segment (id TEXT PRIMARY KEY, code INTEGER NOT NULL) WITHOUT ROWID"
"""Made when it is first needed: a ledger of a version without segments is as it ever was."""

_SEGMENT_TRIGGER = (
    "CREATE TRIGGER segment_dropped AFTER DELETE ON pending "
    "BEGIN DELETE FROM segment WHERE id = OLD.id; END"
)


class SqlitePending:
    """`monitoring.labels.Ledger` in one file, for one thread of one process. NaN is kept as NULL.

    Others may read the file meanwhile. What was changed is on the disk when a call returns: the
    place in the prediction log is kept here too, so a power cut takes both or neither.

    Args:
        path: the file; made when absent, its folder must be there.
        busy_timeout_s: how long to wait for another process that reads, >= 0.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(self, path: Path | str, *, busy_timeout_s: float = 5.0) -> None:
        self._file = SqliteFile(path, _SCHEMA, busy_timeout_s=busy_timeout_s)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, rows: Scored) -> int:
        """See Pending."""
        values = zip(rows.ids, rows_as_tuples(rows), strict=True)
        with self._file.changing() as connection:
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(key, *row) for key, row in values],
            )
            return connection.total_changes - before

    def find(self, ids: Sequence[str]) -> Scored:
        """See Pending."""
        asked = json.dumps(list(dict.fromkeys(ids)))
        with self._file.reading() as connection:
            return _scored(
                connection.execute(
                    "SELECT * FROM pending WHERE id IN (SELECT value FROM json_each(?))", (asked,)
                ).fetchall()
            )

    def set_labels(self, ids: Sequence[str], labels: NDArray[np.float64]) -> None:
        """See Pending."""
        with self._file.changing() as connection:
            connection.executemany(
                "UPDATE pending SET label = ? WHERE id = ?",
                list(zip(labels.tolist(), ids, strict=True)),
            )

    def since(self, step: int) -> Scored:
        """See Pending."""
        with self._file.reading() as connection:
            return _scored(
                connection.execute("SELECT * FROM pending WHERE step >= ?", (step,)).fetchall()
            )

    def forget_before(self, at_us: int) -> int:
        """See Pending."""
        with self._file.changing() as connection:
            return connection.execute("DELETE FROM pending WHERE at_us < ?", (at_us,)).rowcount

    def keep_newest(self, n: int) -> int:
        """See Pending."""
        with self._file.changing() as connection:
            (kept,) = connection.execute("SELECT count(*) FROM pending").fetchone()
            if kept <= n:
                return 0
            return connection.execute(
                "DELETE FROM pending WHERE id IN "
                "(SELECT id FROM pending ORDER BY at_us, id LIMIT ?)",
                (kept - n,),
            ).rowcount

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See Ledger."""
        with self._file.changing():
            yield

    def note(self, name: str) -> str | None:
        """See Ledger."""
        with self._file.reading() as connection:
            found = connection.execute("SELECT text FROM note WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_note(self, name: str, text: str) -> None:
        """See Ledger."""
        with self._file.changing() as connection:
            connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, text))

    def mark_audited(self, ids: Sequence[str]) -> None:
        """See Ledger."""
        with self._file.changing() as connection:
            connection.executemany(
                "UPDATE pending SET audited = 1 WHERE id = ?", [(key,) for key in ids]
            )

    def set_segments(self, ids: Sequence[str], codes: NDArray[np.int64]) -> None:
        """See Ledger."""
        with self._file.changing() as connection:
            if not self._has_segments(connection):
                connection.execute(_SEGMENT_TABLE)
                connection.execute(_SEGMENT_TRIGGER)
            connection.executemany(
                "INSERT OR REPLACE INTO segment SELECT id, ? FROM pending WHERE id = ?",
                list(zip(codes.tolist(), ids, strict=True)),
            )

    def segments(self, ids: Sequence[str]) -> dict[str, int]:
        """See Ledger."""
        with self._file.reading() as connection:
            if not self._has_segments(connection):
                return {}
            rows = connection.execute(
                "SELECT * FROM segment WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        return {str(key): int(code) for key, code in rows}

    def _has_segments(self, connection: sqlite3.Connection) -> bool:
        (n_tables,) = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'segment'"
        ).fetchone()
        return bool(n_tables)


def _scored(rows: Sequence[tuple[object, ...]]) -> Scored:
    """Rows of the table; numpy reads NULL as NaN."""
    return scored_from_tuples([str(row[0]) for row in rows], [row[1:] for row in rows])  # type: ignore[misc]
