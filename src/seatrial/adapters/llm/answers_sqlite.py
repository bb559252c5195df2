"""Answers kept in a SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from sqlite3 import Connection, IntegrityError
from typing import NamedTuple, TypeAlias

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile, made_anew_if_damaged
from seatrial.adapters.store.sqlite_names import Names
from seatrial.gateway.policies.answers import Held
from seatrial.kernel.store import StoreUnavailable

_SCHEMA = Schema(
    application_id=0x5EA7_21A7,
    version=1,
    holds="kept answers",
    statements="""
CREATE TABLE IF NOT EXISTS answer (
  position INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, value BLOB NOT NULL,
  n_bytes INTEGER NOT NULL, until_us INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_until ON answer (until_us);
CREATE TABLE IF NOT EXISTS total (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1), n INTEGER NOT NULL, n_bytes INTEGER NOT NULL
);
INSERT OR IGNORE INTO total VALUES (1, 0, 0)
""",
)
_N_OLD = 16
"""Expired answers that go when one is put: more than come."""

_GATHER_S = 1.0
"""A write waits so long for others to go along: most of what it costs are pages of the index, of
which many writes together change hardly more than one. Four times as often costs a third more."""

_CHECKPOINT_PAGES = 4000
"""16 MB, so that a page of the index that changes every second is copied to the file but seldom."""
_MOST_WAITING_BYTES = 16 * 1024 * 1024
_AT_ONCE = 64
_DROP_OLD = (
    "DELETE FROM answer WHERE position IN (SELECT position FROM answer"
    " WHERE until_us <= ? ORDER BY until_us LIMIT ?) RETURNING n_bytes"
)
_DROP_FIRST = (
    "DELETE FROM answer WHERE position = (SELECT min(position) FROM answer) RETURNING n_bytes"
)
_NAMES = "SELECT position, name FROM answer WHERE position > ? ORDER BY position LIMIT ?"
_LAST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'answer'"
_GET = "SELECT value, until_us FROM answer WHERE name = ? AND until_us > ?"

_BLOB = bytearray
"""Python's sqlite3 looks for an adapter for each value that is neither a number nor a text, nor one
of these: that takes longer than to copy it."""

_Size: TypeAlias = tuple[int]


class _Change(NamedTuple):
    """What stands under a key from now on; without a time to live, nothing."""

    name: bytes
    value: bytes = b""
    ttl_s: float = 0.0


class SqliteAnswers:
    """`gateway.policies.answers.Answers` in a file; each process opens its own.

    Reading waits for no writer, so it is done on the event loop; writing is done in a thread, all
    that came within `gather_s` in one transaction; other processes find it then. What was put just
    before the process or the machine dies may be lost. Times are of the wall clock.

    Args:
        path: the file; made when absent, its folder must be there. One of ours that is damaged,
            or of another version, is begun anew.
        max_entries: >= 1.
        max_bytes: of all values, >= 1; the file is somewhat larger.
        busy_timeout_s: how long a write waits for another process, >= 0.
        gather_s: how long a write waits for others to go along, >= 0.
        wall: seconds since 1970.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        max_entries: int = 100_000,
        max_bytes: int = 256 * 1024 * 1024,
        busy_timeout_s: float = 1.0,
        gather_s: float = _GATHER_S,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path = Path(path)
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._busy_timeout_s = busy_timeout_s
        self._gather_s = gather_s
        self._wall = wall
        self._names = Names(_NAMES, most=max_entries, now=time.monotonic)
        # Answers can be asked for again.
        made_anew_if_damaged(self._path, _SCHEMA, busy_timeout_s=busy_timeout_s)
        self._reader: SqliteFile | None = None
        self._writer: SqliteFile | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._waiting: list[_Change] = []
        self._n_bytes = 0  # of those
        self._era = 0  # of the names of those
        self._kept: asyncio.Future[None]
        self._busy = False
        self._due: asyncio.TimerHandle | None = None

    async def get(self, key: str) -> Held | None:
        """See Answers."""
        reader = self._reader
        if reader is None:
            reader = self._reader = self._opened(self._busy_timeout_s)
            with reader.reading() as connection:
                connection.execute("PRAGMA busy_timeout = 0")
        name = _name(key)
        if self._names.lacks(name, reader):
            return None
        now_us = self._now_us()
        row = reader.row(_GET, (name, now_us))
        return None if row is None else Held(value=row[0], left_s=(row[1] - now_us) / 1e6)

    def put(self, key: str, value: bytes, *, ttl_s: float) -> asyncio.Future[None]:
        """See Answers. What is put within one moment shares a future: whoever awaits it and may be
        cancelled shields it.
        """
        return self._changed(_Change(_name(key), value, ttl_s))

    async def delete(self, key: str) -> None:
        """See Answers."""
        await asyncio.shield(self._changed(_Change(_name(key))))

    async def close(self) -> None:
        """See Answers."""
        if self._reader is not None:
            self._reader.close()
        if self._due is not None:
            self._due.cancel()
        loop = asyncio.get_running_loop()
        if self._waiting:
            kept = self._kept
            self._hand_over(loop)
            await asyncio.wait((kept,))
        await loop.run_in_executor(self._thread, self._close_writer)
        self._thread.shutdown()

    def _changed(self, change: _Change) -> asyncio.Future[None]:
        """Done when the change was kept."""
        if self._n_bytes > _MOST_WAITING_BYTES:
            return self._refused()
        self._n_bytes += len(change.value)
        self._names.add(change.name)
        if not self._waiting:
            self._era = self._names.era
            loop = asyncio.get_running_loop()
            self._kept = loop.create_future()
            if not self._busy:
                self._due = loop.call_later(self._gather_s, self._hand_over, loop)
        self._waiting.append(change)
        return self._kept

    def _refused(self) -> asyncio.Future[None]:
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        refused.set_exception(
            StoreUnavailable(
                f"More answers wait to be written to {self._path} than it takes.",
                remedy="See what else writes to it, and whether its drive is slow.",
            )
        )
        return refused

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        changes, kept, self._waiting, self._due = self._waiting, self._kept, [], None
        era = self._era
        self._n_bytes = 0
        self._busy = True
        work = loop.run_in_executor(self._thread, self._change, changes)

        def told(work: asyncio.Future[tuple[int, int]]) -> None:
            self._busy = False
            if self._waiting:
                self._due = loop.call_later(self._gather_s, self._hand_over, loop)
            error = work.exception()
            if error is None:
                self._names.wrote(*work.result(), era=era)
            if kept.done():
                return
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)

        work.add_done_callback(told)

    def _change(self, changes: Sequence[_Change]) -> tuple[int, int]:
        """Returns: the last position before, and that of the last row that was written."""
        if self._writer is None:
            self._writer = self._opened(self._busy_timeout_s)
        now_us = self._now_us()
        with self._writer.changing() as connection:
            gone = connection.execute(_DROP_OLD, (now_us, _N_OLD * len(changes))).fetchall()
            last = {change.name: change for change in changes}
            names = sorted(last)  # each page of the index is then touched but once
            rows = [
                (_BLOB(name), _BLOB(one.value), len(one.value), now_us + int(one.ttl_s * 1e6))
                for name in names
                for one in (last[name],)
                if len(one.value) <= self._max_bytes and one.ttl_s > 0
            ]
            if len(rows) < len(names):
                kept = {bytes(row[0]) for row in rows}
                gone += _dropped(connection, [name for name in names if name not in kept])
            (before,) = connection.execute(_LAST).fetchone()
            for start in range(0, len(rows), _AT_ONCE):
                more = rows[start : start + _AT_ONCE]
                values = list(chain.from_iterable(more))
                try:
                    connection.execute(_put(len(more)), values)
                except IntegrityError:  # which takes back this statement alone
                    gone += _dropped(connection, [row[0] for row in more])
                    connection.execute(_put(len(more)), values)
            n, n_bytes = _count(connection, gone, [(row[2],) for row in rows])
            while n > self._max_entries or n_bytes > self._max_bytes:
                n, n_bytes = _count(connection, connection.execute(_DROP_FIRST).fetchall(), [])
        return before, before + len(rows)

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _opened(self, busy_timeout_s: float) -> SqliteFile:
        file = SqliteFile(self._path, _SCHEMA, busy_timeout_s=busy_timeout_s)
        with file.reading() as connection:
            # Kept answers can be asked for again: no commit waits for the disk.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        return file

    def _now_us(self) -> int:
        return int(self._wall() * 1e6)


@lru_cache(maxsize=512)
def _name(key: str) -> bytes:
    """A key as it stands in the file: 16 bytes, so that a page of the index holds many. It is asked
    for twice, when the answer is looked for and when it is kept."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _dropped(connection: Connection, names: Sequence[bytes | bytearray]) -> list[_Size]:
    """Drop answers by their names.   Returns: the sizes of those that were there."""
    gone: list[_Size] = []
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        gone += connection.execute(_drop(len(some)), list(map(_BLOB, some))).fetchall()
    return gone


@lru_cache
def _drop(n: int) -> str:
    places = ", ".join("?" * n)
    return f"DELETE FROM answer WHERE name IN ({places}) RETURNING n_bytes"  # noqa: S608 - ours


@lru_cache
def _put(n: int) -> str:
    places = ", ".join(["(?, ?, ?, ?)"] * n)
    return f"INSERT INTO answer (name, value, n_bytes, until_us) VALUES {places}"  # noqa: S608 - ours


def _count(connection: Connection, gone: Sequence[_Size], come: Sequence[_Size]) -> tuple[int, int]:
    """Take down what went and came.   Returns: how many there are then, and how many bytes."""
    n, n_bytes = connection.execute(
        "UPDATE total SET n = n + ?, n_bytes = n_bytes + ? RETURNING n, n_bytes",
        (len(come) - len(gone), sum(n for (n,) in come) - sum(n for (n,) in gone)),
    ).fetchone()
    return n, n_bytes
