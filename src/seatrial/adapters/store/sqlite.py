"""The store in one SQLite file: the default, for any number of processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from seatrial.adapters.store.database import Row, Steps, migrate, schema_version, spelled
from seatrial.adapters.store.pool import Pool
from seatrial.adapters.store.sql import MIGRATIONS, SqlStore, to_us
from seatrial.adapters.store.sqlite_errors import absent, damaged, moved, outdated, translated
from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.store import StoreAddressInvalid, StoreUnavailable

_APPLICATION_ID = 0x5EA7_21A1
"""Written into the file's header, so that another program's database is never taken for a store."""

_SCHEME = "sqlite:///"
_CHECKPOINT_BYTES = 4 * 2**20
_CHECKPOINT_WAIT_MS = 100


class SqliteStore(SqlStore):
    """`kernel.store.Store` in a file, with a write-ahead log beside it.

    Leases and ages go by the machine's monotonic clock, which all its processes share: setting the
    wall clock moves nothing. Safe to use from any thread, and in a child after a fork.

    Args:
        path: the file; made when absent, its folder must be there. Not on a network drive.
        busy_timeout_s: how long to wait for another writer, >= 0.
        clock: `now` dates facts; `monotonic` must be shared by all who open the file.
        writable: False to read a file that is there, as who may not write it or its folder must;
            what writes raises StoreDenied.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreNewer, StoreAddressInvalid,
        StoreUnavailable, StoreFull.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        busy_timeout_s: float = 5.0,
        clock: Clock | None = None,
        writable: bool = True,
    ) -> None:
        self.path = Path(path).absolute()
        super().__init__(
            SqliteDatabase(self.path, busy_timeout_s, clock or SystemClock(), writable=writable)
        )

    @classmethod
    def from_url(cls, url: str, *, writable: bool = True) -> SqliteStore:
        """Open ``sqlite:///relative/file.db`` or ``sqlite:////absolute/file.db``."""
        return cls(path_in(url), writable=writable)


def path_in(url: str) -> Path:
    """The file that ``sqlite:///relative/file.db`` or ``sqlite:////absolute/file.db`` names.

    Raises: StoreAddressInvalid.
    """
    path = unquote(url.removeprefix(_SCHEME))
    if not url.startswith(_SCHEME) or not path or not path.isprintable() or set(url) & set("?#"):
        raise StoreAddressInvalid(
            f"The store's address {url!r} does not name a SQLite file.",
            remedy="Write sqlite:///relative/file.db or sqlite:////absolute/file.db.",
        )
    return Path(path)


class SqliteDatabase:
    """Connections to one file. See `SqliteStore` for what the other arguments mean.

    Args:
        steps: the tables, as `adapters.store.sql.MIGRATIONS` has them.
        application_id: of files with these tables.
        ask_every_s: how often a writer asks whether another one has ended, > 0; None leaves it to
            SQLite, which asks ever more seldom, up to ten times a second.
    """

    def __init__(
        self,
        path: Path,
        busy_timeout_s: float,
        clock: Clock,
        *,
        steps: Steps = MIGRATIONS,
        application_id: int = _APPLICATION_ID,
        ask_every_s: float | None = None,
        writable: bool = True,
    ) -> None:
        self._ask_every_s = ask_every_s
        self._writable = writable
        self._steps = spelled(
            steps,
            name="TEXT",
            bytes="BLOB",
            position="INTEGER PRIMARY KEY",
            counter="INTEGER PRIMARY KEY AUTOINCREMENT",
            clustered=" WITHOUT ROWID",
        )
        self._application_id = application_id
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._busy_timeout_s = busy_timeout_s
        self._clock = clock
        self._inode: int | None = None
        self._pool = Pool(self._connect, sqlite3.Connection.close)

    def prepare(self) -> None:
        """See Database."""
        if not self._writable and not self._path.exists():
            raise absent(self._path)
        deadline_s = self._clock.monotonic() + self._busy_timeout_s
        while True:
            try:
                self._prepare_once()
            except StoreUnavailable:
                # Entering WAL mode fails at once while another process does the same.
                if self._clock.monotonic() >= deadline_s:
                    raise
                self._clock.sleep(0.01)
            else:
                self._inode = self._path.stat().st_ino
                return

    def _prepare_once(self) -> None:
        with self._lend() as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            if owner != self._application_id and (tables or owner):
                raise damaged(self._path, "is a database of another program")
            session = _Session(connection, self._clock)
            current = bool(tables) and schema_version(session, self._steps) == len(self._steps)
            if not self._writable:
                if not current:
                    raise outdated(self._path)
                return
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise StoreAddressInvalid(
                    f"The drive of {self._path} does not allow a write-ahead log.",
                    remedy="Put the store on a local drive, or use postgresql://.",
                )
            if current:
                return
        with self.writing("migrations", durable=True) as session:
            migrate(session, self._steps)
            session.change(f"PRAGMA application_id = {self._application_id}")

    @contextmanager
    def reading(self) -> Iterator[_Session]:
        """See Database."""
        with self._lend() as connection:
            yield _Session(connection, self._clock)

    @contextmanager
    def writing(self, table: str, *, durable: bool) -> Iterator[_Session]:  # noqa: ARG002
        """See Database; SQLite has one writer at a time for the whole file."""
        with self._lend() as connection:
            # FULL syncs the log at each commit, with everything before it; NORMAL leaves it to a
            # later FULL or checkpoint.
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._begin(connection)
            try:
                yield _Session(connection, self._clock)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
            self._checkpoint(connection)

    def close(self) -> None:
        """See Database."""
        self._pool.close()

    def _begin(self, connection: sqlite3.Connection) -> None:
        if self._ask_every_s is None:
            connection.execute("BEGIN IMMEDIATE")
            return
        until_s = self._clock.monotonic() + self._busy_timeout_s
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or self._clock.monotonic() >= until_s:
                        raise
                self._clock.sleep(self._ask_every_s)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_s * 1000)}")

    def _connect(self) -> sqlite3.Connection:
        # Out of autocheckpoint: SQLite before 3.51.3 can damage the file when one connection
        # commits while another checkpoints ("WAL-reset bug"). Ours holds the writer's lock.
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?{self._mode()}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    def _mode(self) -> str:
        if self._writable:
            return f"mode={'rwc' if self._inode is None else 'rw'}"
        # Without a log nobody has the file open, and to make one takes the right to write.
        return "mode=ro" if self._wal.exists() else "mode=ro&immutable=1"

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        # What was committed stands whether or not this succeeds; the next commit tries again.
        with suppress(sqlite3.Error, OSError):
            if self._wal.stat().st_size < _CHECKPOINT_BYTES:
                return
            connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_WAIT_MS}")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_s * 1000)}")

    @contextmanager
    def _lend(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path), self._pool.lend() as connection:
            self._check_unmoved()
            yield connection

    def _check_unmoved(self) -> None:
        # A connection goes on with a deleted file as if nothing was wrong, and what it writes is
        # lost. SQLite itself notices only without a write-ahead log.
        if self._inode is None:
            return
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            inode = None
        if inode != self._inode:
            raise moved(self._path)


class _Session:
    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        return self._connection.execute(statement, values).rowcount

    def change_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(statement, rows)

    def wall_us(self) -> int:
        return to_us(self._clock.now())

    def steady_us(self) -> int:
        return int(self._clock.monotonic() * 1e6)
