"""Feast's online store in SQLite, read without Feast."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from seatrial.adapters.features.feast_format import KeyFormat, read_value
from seatrial.features.failures import OnlineStoreUnavailable
from seatrial.features.online import EntityKey, Stored, Value
from seatrial.features.view import View

_MOST = 500
"""Keys of one statement; SQLite takes 999 variables at least."""


class SqliteFeatures:
    """`features.online.OnlineStore` on Feast's file; for one thread.

    Feast keeps event times in whole seconds here, so a value expires up to a second early.

    Args:
        path: of the file; it is opened at the first read, and only ever read.
        project: of the repository.
        timeout_s: how long to wait for who writes, > 0.
    """

    def __init__(self, path: Path, *, project: str, timeout_s: float) -> None:
        self._path = path
        self._project = project
        self._timeout_s = timeout_s
        self._connection: sqlite3.Connection | None = None
        self._formats: dict[View, KeyFormat] = {}

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """See OnlineStore."""
        form = self._formats.get(view)
        if form is None:
            form = self._formats[view] = KeyFormat(view.join_keys)
        packed = [form.pack(key) for key in keys]
        values: dict[bytes, dict[str, Value]] = {}
        times: dict[bytes, int | str] = {}
        wanted = frozenset(features)
        for start in range(0, len(packed), _MOST):
            for key, feature, value, event in self._rows(view, packed[start : start + _MOST]):
                times[key] = event  # of the row that comes last, as Feast has it
                if feature in wanted:
                    values.setdefault(key, {})[feature] = read_value(value)
        return [
            Stored(_time_us(times[key]), values.get(key, {})) if key in times else None
            for key in packed
        ]

    def close(self) -> None:
        """See OnlineStore."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, view: View, keys: Sequence[bytes]) -> list[tuple[bytes, str, bytes, int | str]]:
        table = f"{self._project}_{view.online_name}".replace('"', '""')
        places = ",".join("?" * len(keys))
        statement = (
            f'SELECT entity_key, feature_name, value, event_ts FROM "{table}" '  # noqa: S608
            f"WHERE entity_key IN ({places})"
        )
        try:
            return self._open().execute(statement, keys).fetchall()
        except sqlite3.Error as error:
            self.close()
            raise OnlineStoreUnavailable(
                f"The online store {self._path} cannot be read ({error}).",
                remedy="See that seatrial features apply and materialize were run, and that this "
                "user may read the file.",
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=self._timeout_s,
                isolation_level=None,
                check_same_thread=False,  # closed by another when no thread ever read
            )
        return self._connection


def _time_us(event: int | str) -> int:
    """When a value became true.

    Feast takes a time of UTC for one of the writer's own zone, and back; so do we. In a process
    whose zone is another than the writer's both are wrong by the difference.
    """
    if isinstance(event, int):
        moment = datetime.fromtimestamp(event)  # noqa: DTZ006 - see above
    else:
        moment = datetime.fromisoformat(event)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(aware.timestamp() * 1e6)
