"""Events over tables of PostgreSQL, which other systems read and write with plain SQL."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seatrial.adapters.store.postgres_errors import first_line
from seatrial.events.broker import (
    BrokerAddressInvalid,
    BrokerDenied,
    BrokerUnavailable,
    Delivery,
    Message,
)
from seatrial.kernel.errors import MissingExtra

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_POLL_S = 0.1
_SWEEP_S = 60.0

# Positions are given out in the order of commits, whoever inserts: a reader that remembers the
# last one could else miss a smaller one that is committed later.
_TABLES = """
CREATE TABLE IF NOT EXISTS {s}.messages (
  position BIGINT PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp());
CREATE INDEX IF NOT EXISTS messages_topic ON {s}.messages (topic, position);
CREATE SEQUENCE IF NOT EXISTS {s}.positions OWNED BY {s}.messages.position;
CREATE TABLE IF NOT EXISTS {s}.readers (
  topic TEXT, group_name TEXT, position BIGINT NOT NULL, PRIMARY KEY (topic, group_name));
CREATE OR REPLACE FUNCTION {s}.in_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('{s}.messages', 0));
  NEW.position := nextval('{s}.positions');
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS in_order ON {s}.messages;
CREATE TRIGGER in_order BEFORE INSERT ON {s}.messages
  FOR EACH ROW EXECUTE FUNCTION {s}.in_order();
"""


class PostgresBroker:
    """`events.broker.Broker` on two tables: insert into ``messages``, and others read there.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        schema: lower-case name of the schema; made when absent.
        keep_s: how long messages are kept, in seconds.
        timeout_s: how long the server may take to answer, > 0.
    Raises: MissingExtra, BrokerAddressInvalid.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str = "seatrial_events",
        keep_s: float = 7 * 86_400.0,
        timeout_s: float = 5.0,
    ) -> None:
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
        except ImportError as error:
            raise MissingExtra("psycopg", "postgres") from error
        if not _NAME.fullmatch(schema):
            raise BrokerAddressInvalid(
                f"The schema {schema!r} of the events is not a plain lower-case name.",
                remedy="Use letters a-z, digits and '_', such as 'seatrial_events'.",
            )
        self._schema = schema
        self._keep_s = keep_s
        try:
            given: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # The address itself is not shown: it may hold a password.
            raise BrokerAddressInvalid(
                "The address of the events does not name a PostgreSQL database.",
                remedy="Write postgresql://user:password@host:5432/database.",
            ) from error
        timeout_ms = round(timeout_s * 1000)
        options = f"{given.pop('options', '') or ''} -c statement_timeout={timeout_ms}".strip()
        self._parameters: dict[str, Any] = {
            "application_name": "seatrial-events",
            "client_encoding": "UTF8",
            "connect_timeout": max(2, int(timeout_s)),
            "tcp_user_timeout": timeout_ms,
            **given,
            "options": options,
        }

    def publisher(self) -> PostgresPublisher:
        """See Broker."""
        return PostgresPublisher(self._open(), self._schema, keep_s=self._keep_s)

    def reader(self, topic: str, group: str) -> PostgresReader:
        """See Broker."""
        return PostgresReader(self._open(), self._schema, topic, group)

    def _open(self) -> Any:
        import psycopg

        with _translated():
            connection = psycopg.connect(**self._parameters, autocommit=True)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _prepare(self, connection: Any) -> None:
        found = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = 'in_order' "
            "AND tgrelid = to_regclass(%s))",
            (f"{self._schema}.messages",),
        ).fetchone()
        if found[0]:
            return
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (self._schema,)
            )
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            connection.execute(_TABLES.format(s=self._schema))


class PostgresPublisher:
    """See Publisher."""

    def __init__(self, connection: Any, schema: str, *, keep_s: float) -> None:
        self._connection = connection
        self._messages = f"{schema}.messages"
        self._keep_s = keep_s
        self._sweep_at_s = 0.0

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See Publisher."""
        rows = [(topic, one.key, one.body.decode()) for one in messages]
        with _translated():
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO {self._messages} (topic, key, body) VALUES (%s, %s, %s)",  # noqa: S608 - ours
                    rows,
                )
            if time.monotonic() >= self._sweep_at_s:
                self._sweep_at_s = time.monotonic() + _SWEEP_S
                self._connection.execute(
                    f"DELETE FROM {self._messages} WHERE at < now() - %s * interval '1 s'",  # noqa: S608 - ours
                    (self._keep_s,),
                )

    def close(self) -> None:
        """See Publisher."""
        self._connection.close()


class PostgresReader:
    """See Reader."""

    def __init__(self, connection: Any, schema: str, topic: str, group: str) -> None:
        self._connection = connection
        self._messages, self._readers = f"{schema}.messages", f"{schema}.readers"
        self._topic = topic
        self._group = group
        with _translated():
            found = connection.execute(
                f"SELECT position FROM {self._readers} WHERE topic = %s AND group_name = %s",  # noqa: S608 - ours
                (topic, group),
            ).fetchone()
        self._settled = self._after = 0 if found is None else int(found[0])

    def receive(self, *, limit: int, wait_s: float) -> list[Delivery]:
        """See Reader."""
        deadline_s = time.monotonic() + wait_s
        while True:
            with _translated():
                rows = self._connection.execute(
                    f"SELECT position, body FROM {self._messages} "  # noqa: S608 - ours
                    "WHERE topic = %s AND position > %s ORDER BY position LIMIT %s",
                    (self._topic, self._after, limit),
                ).fetchall()
            if rows or time.monotonic() >= deadline_s:
                break
            time.sleep(_POLL_S)
        if rows:
            self._after = int(rows[-1][0])
        return [
            Delivery(body=body.encode(), place=f"{self._topic}/{position}")
            for position, body in rows
        ]

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """See Reader."""
        if not deliveries:
            return
        reached = int(deliveries[-1].place.rpartition("/")[2])
        with _translated():
            self._connection.execute(
                f"INSERT INTO {self._readers} VALUES (%s, %s, %s) "  # noqa: S608 - ours
                "ON CONFLICT (topic, group_name) DO UPDATE SET position = EXCLUDED.position",
                (self._topic, self._group, reached),
            )
        self._settled = reached

    def n_waiting(self) -> int | None:
        """See Reader."""
        with _translated():
            found = self._connection.execute(
                f"SELECT count(*) FROM {self._messages} WHERE topic = %s AND position > %s",  # noqa: S608 - ours
                (self._topic, self._settled),
            ).fetchone()
        return int(found[0])

    def close(self) -> None:
        """See Reader."""
        self._connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state, what = error.sqlstate or "", first_line(error)
        if state in {"42501", "28000", "28P01", "25006"} or "authentication failed" in what:
            raise BrokerDenied(
                f"PostgreSQL does not let this user at the tables of events ({what}).",
                remedy="Give it the right password, and the right to make the schema or to use it.",
            ) from error
        raise BrokerUnavailable(
            f"PostgreSQL does not answer as it should about events ({what}).",
            remedy="See whether the server runs, has room left, and can be reached from here.",
        ) from error
