"""Vectors kept in a SQLite file, shared by the threads and processes of one machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile, made_anew_if_damaged

_SCHEMA = Schema(
    application_id=0x5EA7_21AC,
    holds="kept vectors",
    statements="""
CREATE TABLE IF NOT EXISTS vector (
  position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS total (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1), n_bytes INTEGER NOT NULL
);
INSERT OR IGNORE INTO total VALUES (1, 0)
""",
)
_AT_ONCE = 256
_PUT = "INSERT OR IGNORE INTO vector (key, value) VALUES (?, ?) RETURNING length(value)"
_COUNT = "UPDATE total SET n_bytes = n_bytes + ? RETURNING n_bytes"
_DROP = (
    "DELETE FROM vector WHERE position IN (SELECT position FROM vector ORDER BY position LIMIT ?)"
    " RETURNING length(value)"
)

R = TypeVar("R")


class SqliteVectors:
    """`rag.embedding.cache.VectorCache` in a file; each process opens its own.

    Args:
        path: the file; made when absent, its folder must be there. One of ours that is damaged is
            begun anew.
        max_bytes: of all vectors, >= 1; the file is somewhat larger.
        busy_timeout_s: how long a write waits for another process, >= 0.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(
        self, path: Path | str, *, max_bytes: int = 2**30, busy_timeout_s: float = 5.0
    ) -> None:
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._busy_timeout_s = busy_timeout_s
        made_anew_if_damaged(self._path, _SCHEMA, busy_timeout_s=busy_timeout_s)
        # A connection belongs to a thread, and callers are many.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vectors")
        self._file: SqliteFile | None = None

    def get(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See VectorCache."""
        return self._within(lambda file: _get(file, keys))

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        """See VectorCache."""
        self._within(lambda file: self._put(file, vectors))

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._thread.submit(self._file.close).result()
        self._thread.shutdown()

    def _within(self, work: Callable[[SqliteFile], R]) -> R:
        return self._thread.submit(lambda: work(self._opened())).result()

    def _opened(self) -> SqliteFile:
        if self._file is None:
            self._file = SqliteFile(self._path, _SCHEMA, busy_timeout_s=self._busy_timeout_s)
        return self._file

    def _put(self, file: SqliteFile, vectors: Mapping[bytes, bytes]) -> None:
        with file.changing() as connection:
            come = 0
            for pair in vectors.items():
                come += sum(n for (n,) in connection.execute(_PUT, pair).fetchall())
            (n_bytes,) = connection.execute(_COUNT, (come,)).fetchone()
            while n_bytes > self._max_bytes:
                gone = [n for (n,) in connection.execute(_DROP, (_AT_ONCE,)).fetchall()]
                if not gone:
                    break
                (n_bytes,) = connection.execute(_COUNT, (-sum(gone),)).fetchone()


def _get(file: SqliteFile, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    with file.reading() as connection:
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            places = ", ".join("?" * len(some))
            statement = f"SELECT key, value FROM vector WHERE key IN ({places})"  # noqa: S608 - ours
            found.update(connection.execute(statement, some))
    return found
