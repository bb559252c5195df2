"""The store in PostgreSQL: for servers on several machines."""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from seatrial.adapters.store.database import Row, Steps, migrate, schema_version, spelled
from seatrial.adapters.store.pool import Pool
from seatrial.adapters.store.postgres_errors import first_line, translate
from seatrial.adapters.store.sql import MIGRATIONS, SqlStore
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.store import StoreAddressInvalid, StoreUnavailable

if TYPE_CHECKING:
    from psycopg import Connection

_SCHEMA_OPTION = "schema="
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class PostgresStore(SqlStore):
    """`kernel.store.Store` in a schema of its own of a PostgreSQL database, version 12 or later.

    Leases and ages go by the server's clock. A connection that broke is replaced at the next call;
    nothing is retried behind the caller's back. Needs a direct connection or a pooler that gives
    each client a session of its own.

    Args:
        url: ``postgresql://user:password@host:port/database``, as libpq reads it.
        schema: lower-case name of the schema; made when absent.
        timeout_s: how long connecting, a statement, or a wait for another writer may take, > 0.
    Raises: StoreAddressInvalid, StoreUnavailable, StoreDenied, StoreFull, StoreNewer, MissingExtra.
    """

    def __init__(self, url: str, *, schema: str = "seatrial", timeout_s: float = 5.0) -> None:
        super().__init__(PostgresDatabase(url, schema=schema, timeout_s=timeout_s))

    @classmethod
    def from_url(cls, url: str) -> PostgresStore:
        """Open ``postgresql://...``; ``?schema=name`` chooses the schema."""
        address, schema = schema_in(url)
        return cls(address, schema=schema or "seatrial")


def schema_in(url: str) -> tuple[str, str | None]:
    """An address without ``?schema=name``, and the name, where there is one."""
    address, _, query = url.partition("?")
    options = [option for option in query.split("&") if option]
    schema = next((o for o in options if o.startswith(_SCHEMA_OPTION)), None)
    others = "&".join(option for option in options if option is not schema)
    return (
        f"{address}?{others}" if others else address,
        unquote(schema.removeprefix(_SCHEMA_OPTION)) if schema else None,
    )


class PostgresDatabase:
    """Connections to one schema. See `PostgresStore` for what it promises, and what the other
    arguments mean.

    Args:
        steps: the tables, as `adapters.store.sql.MIGRATIONS` has them.
    """

    def __init__(
        self, url: str, *, schema: str, timeout_s: float, steps: Steps = MIGRATIONS
    ) -> None:
        if not _SCHEMA_NAME.fullmatch(schema):
            raise StoreAddressInvalid(
                f"The schema {schema!r} of the store is not a plain lower-case name.",
                remedy="Use letters a-z, digits and '_', such as 'seatrial'.",
                field="schema",
            )
        self._steps = spelled(
            steps,
            name='TEXT COLLATE "C"',
            bytes="BYTEA",
            position="BIGINT PRIMARY KEY",
            counter="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            clustered="",
        )
        self._parameters = parameters = _parameters(url, schema, timeout_s)
        self._schema = schema
        self._where = f"{parameters.get('host', 'localhost')}:{parameters.get('port', 5432)}"
        self._pool: Pool[Connection[Row]] = Pool(self._connect, _close, fresh=_fresh)

    def prepare(self) -> None:
        """See Database."""
        with self.reading() as session:
            ((encoding, found),) = session.rows(
                "SELECT current_setting('server_encoding'), to_regclass(?) IS NOT NULL",
                (f"{self._schema}.migrations",),
            )
            if encoding != "UTF8":
                raise StoreAddressInvalid(
                    f"The database of the store has the encoding {encoding}.",
                    remedy="Make one that keeps every text: createdb -E UTF8 -T template0 NAME",
                )
            if found and schema_version(session, self._steps) == len(self._steps):
                return
        with self.writing("migrations", durable=True) as session:
            session.change(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            migrate(session, self._steps)

    @contextmanager
    def reading(self) -> Iterator[_Session]:
        """See Database."""
        with self._lend() as connection:
            yield _Session(connection)

    @contextmanager
    def writing(self, table: str, *, durable: bool) -> Iterator[_Session]:
        """See Database."""
        with self._lend() as connection:
            session = _Session(connection)
            # Read committed, so that what is read after the lock was granted is what the holder
            # before left, whatever isolation the server has as its default.
            session.change("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            try:
                self._begin(session, table, durable=durable)
                yield session
            except BaseException:
                if not connection.closed:
                    session.change("ROLLBACK")
                raise
            self._commit(session)

    def close(self) -> None:
        """See Database."""
        self._pool.close()

    def _begin(self, session: _Session, table: str, *, durable: bool) -> None:
        # Positions are given out before the commit that shows them. Without this lock a reader
        # could see position 8, remember it, and miss 7, committed a moment later. It is held until
        # after the commit, and lets go when the connection ends.
        session.rows(
            "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))",
            (f"seatrial/{self._schema}/{table}",),
        )
        if not durable:
            session.change("SET LOCAL synchronous_commit = off")

    def _commit(self, session: _Session) -> None:
        import psycopg

        try:
            session.change("COMMIT")
        except psycopg.OperationalError as error:
            raise StoreUnavailable(
                f"PostgreSQL at {self._where} went away during a commit ({first_line(error)}).",
                remedy="Read again whether it was kept before you try again.",
                outcome="unknown",
            ) from error

    def _connect(self) -> Connection[Row]:
        import psycopg

        try:
            return psycopg.connect(**self._parameters, autocommit=True)
        except psycopg.OperationalError as error:
            raise StoreUnavailable(
                f"PostgreSQL at {self._where} cannot be reached ({first_line(error)}).",
                remedy="Check that it runs, and the host, port, database and password in the URL.",
            ) from error

    @contextmanager
    def _lend(self) -> Iterator[Connection[Row]]:
        import psycopg

        try:
            with self._pool.lend() as connection:
                yield connection
        except psycopg.Error as error:
            translated = translate(error, self._where)
            if translated is None:
                raise
            raise translated from error


class _Session:
    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(_placed(statement), values).fetchall()

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        return self._connection.execute(_placed(statement), values).rowcount

    def change_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_placed(statement), rows)

    def wall_us(self) -> int:
        now_us: int = self.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint")[0][
            0
        ]
        return now_us

    def steady_us(self) -> int:
        return self.wall_us()


def _parameters(url: str, schema: str, timeout_s: float) -> dict[str, Any]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise MissingExtra("psycopg", "postgres") from error
    if not url.startswith(("postgresql://", "postgres://")):
        raise _bad_address("does not begin with postgresql://")
    try:
        parameters: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise _bad_address(f"cannot be read ({first_line(error)})") from error
    timeout_ms = max(1, int(timeout_s * 1000))
    session = (
        f"-c search_path={schema} -c statement_timeout={timeout_ms} "
        f"-c idle_in_transaction_session_timeout={timeout_ms}"
    )
    defaults = {
        "application_name": "seatrial",
        "client_encoding": "UTF8",
        "connect_timeout": max(2, int(timeout_s)),
        # A server that vanished without a word is noticed within about the timeout.
        "tcp_user_timeout": timeout_ms,
        "keepalives_idle": max(1, int(timeout_s)),
        "keepalives_interval": 1,
        "keepalives_count": 3,
    }
    options = f"{parameters.pop('options', '') or ''} {session}".strip()
    return defaults | parameters | {"options": options}


def _bad_address(why: str) -> StoreAddressInvalid:
    # The address itself is not shown: it may hold a password.
    return StoreAddressInvalid(
        f"The address of the PostgreSQL store {why}.",
        remedy="Write postgresql://user:password@host:5432/database, with special characters "
        "of the password percent-encoded.",
    )


def _fresh(connection: Connection[Row]) -> bool:
    # An idle connection has nothing to read, unless the server closed it.
    if connection.closed:
        return False
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return not readable


def _close(connection: Connection[Row]) -> None:
    connection.close()


def _placed(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
