"""Feast's online store in PostgreSQL, read without Feast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from seatrial.adapters.features.feast_format import KeyFormat, read_value
from seatrial.adapters.store.postgres_errors import first_line
from seatrial.features.failures import OnlineStoreUnavailable, RepositoryInvalid
from seatrial.features.online import EntityKey, Stored, Value
from seatrial.features.view import View
from seatrial.kernel.errors import MissingExtra

_FILES = {"sslkey_path": "sslkey", "sslcert_path": "sslcert", "sslrootcert_path": "sslrootcert"}


class PostgresFeatures:
    """`features.online.OnlineStore` on Feast's tables; for one thread.

    Args:
        options: of Feast's online store: host, port, database, db_schema, user, password, sslmode.
        project: of the repository.
        timeout_s: how long a statement may take, > 0; connecting takes two seconds at most.
    Raises: MissingExtra, RepositoryInvalid.
    """

    def __init__(self, options: Mapping[str, Any], *, project: str, timeout_s: float) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtra("psycopg", "postgres") from error
        self._psycopg = psycopg
        try:
            self._parameters: dict[str, Any] = {
                "host": options["host"],
                "port": options.get("port", 5432),
                "dbname": options["database"],
                "user": options["user"],
                "password": options["password"],
                "sslmode": options.get("sslmode") or "require",
            }
        except KeyError as error:
            raise RepositoryInvalid(
                f"The online store of feature_store.yaml has no {error}.",
                remedy="Give host, database, user and password of the PostgreSQL server.",
                field=str(error.args[0]),
            ) from error
        for name, theirs in _FILES.items():
            if options.get(name):
                self._parameters[theirs] = options[name]
        self._parameters |= {
            "application_name": "seatrial",
            "connect_timeout": 2,
            "tcp_user_timeout": max(1000, int(timeout_s * 1000)),
            "options": f"-c statement_timeout={max(1, int(timeout_s * 1000))}",
        }
        self._schema = options.get("db_schema") or "public"
        self._project = project
        self._connection: Any = None
        self._formats: dict[View, tuple[KeyFormat, Any]] = {}

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """See OnlineStore."""
        known = self._formats.get(view)
        if known is None:
            known = self._formats[view] = (KeyFormat(view.join_keys), self._statement(view))
        form, statement = known
        packed = [form.pack(key) for key in keys]
        values: dict[bytes, dict[str, Value]] = {}
        times: dict[bytes, datetime] = {}
        for key, feature, value, event in self._rows(statement, packed, list(features)):
            times[key] = event
            values.setdefault(key, {})[feature] = read_value(value)
        return [
            Stored(_time_us(times[key]), values[key]) if key in times else None for key in packed
        ]

    def close(self) -> None:
        """See OnlineStore."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _statement(self, view: View) -> Any:
        from psycopg import sql

        return sql.SQL(
            # Feast writes times of UTC without saying so, and the server takes them for its own
            # zone: as a time of that zone they are what was written.
            "SELECT entity_key, feature_name, value, event_ts::timestamp FROM {} "
            "WHERE entity_key = ANY(%b) AND feature_name = ANY(%s)"
        ).format(sql.Identifier(self._schema, f"{self._project}_{view.online_name}"))

    def _rows(
        self, statement: Any, keys: list[bytes], features: list[str]
    ) -> list[tuple[bytes, str, bytes, datetime]]:
        try:
            connection, is_new = self._open()
            try:
                rows = self._asked(connection, statement, keys, features)
            except self._psycopg.OperationalError:
                if is_new or not connection.broken:
                    raise
                self.close()  # it was kept, and has died meanwhile: once more, at once
                rows = self._asked(self._open()[0], statement, keys, features)
        except self._psycopg.Error as error:
            self.close()
            raise OnlineStoreUnavailable(
                f"The online store, PostgreSQL at {self._parameters['host']}, does not answer "
                f"({first_line(error)}).",
                remedy="See whether it runs and can be reached, and that seatrial features apply "
                "was run.",
            ) from error
        return rows

    @staticmethod
    def _asked(
        connection: Any, statement: Any, keys: list[bytes], features: list[str]
    ) -> list[tuple[bytes, str, bytes, datetime]]:
        rows: list[tuple[bytes, str, bytes, datetime]] = connection.execute(
            statement, (keys, features), binary=True
        ).fetchall()
        return rows

    def _open(self) -> tuple[Any, bool]:
        if self._connection is not None and not self._connection.closed:
            return self._connection, False
        self._connection = self._psycopg.connect(**self._parameters, autocommit=True)
        return self._connection, True


def _time_us(event: datetime) -> int:
    return round(event.replace(tzinfo=UTC).timestamp() * 1e6)
