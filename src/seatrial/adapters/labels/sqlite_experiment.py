"""The users of an experiment and what came of them, in a SQLite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.store.sqlite_file import Schema, SqliteFile
from seatrial.experiments.entries import Entry, Names
from seatrial.experiments.ledger import MAX_OUTCOMES, MAX_UNITS, Counts, Rows
from seatrial.serving.enrolment import Exposure

_SCHEMA = Schema(
    application_id=0x5EA7_21A4,
    holds="users of experiments",
    version=1,
    statements="""
CREATE TABLE IF NOT EXISTS unit (
  n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, place INTEGER NOT NULL, at_us INTEGER NOT NULL,
  crossed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS outcome (
  key TEXT, name TEXT, id TEXT, value REAL NOT NULL, at_us INTEGER NOT NULL,
  changed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (key, name, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trait (
  key TEXT, name TEXT, value NOT NULL, PRIMARY KEY (key, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS count (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
""",
)

_ADD_UNIT = """
INSERT INTO unit (key, place, at_us) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET
  crossed = crossed OR place != excluded.place,
  place = CASE WHEN excluded.at_us < at_us THEN excluded.place ELSE place END,
  at_us = min(at_us, excluded.at_us)
"""
_ADD_OUTCOME = """
INSERT INTO outcome (key, name, id, value, at_us) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (key, name, id) DO UPDATE SET changed = changed OR value != excluded.value
"""
_SUMS = """
SELECT u.n, o.name, sum(o.value) FROM unit u JOIN outcome o ON o.key = u.key
  WHERE NOT u.crossed AND u.at_us <= ? AND o.at_us >= u.at_us AND o.at_us <= ?
  AND o.at_us < u.at_us + ? GROUP BY u.n, o.name
"""
_TRAITS = (
    "SELECT u.n, t.name, t.value FROM unit u JOIN trait t ON t.key = u.key WHERE NOT u.crossed"
)
_UNEXPOSED = """
SELECT count(*) FROM outcome o LEFT JOIN unit u ON u.key = o.key
  WHERE u.n IS NULL OR (NOT u.crossed AND o.at_us < u.at_us)
"""
_EVER_US = 2**62
_COUNTED = ("units", "outcomes", "repeated", "dropped")


class SqliteExperiment:
    """`experiments.ledger.Ledger` in one file; others may read it meanwhile.

    Args:
        path: the file; made when absent, its folder must be there.
        names: what may be said of users.
        most_units, most_outcomes: that it keeps.
        busy_timeout_s: how long to wait for another process that writes, >= 0.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreUnavailable, StoreFull.
    """

    def __init__(
        self,
        path: Path,
        names: Names,
        *,
        most_units: int = MAX_UNITS,
        most_outcomes: int = MAX_OUTCOMES,
        busy_timeout_s: float = 10.0,
    ) -> None:
        self._names = names
        self._most_units, self._most_outcomes = most_units, most_outcomes
        self._file = SqliteFile(path, _SCHEMA, busy_timeout_s=busy_timeout_s)

    def close(self) -> None:
        """See Ledger."""
        self._file.close()

    def position(self, kind: str) -> int:
        """See Ledger."""
        return self._n(f"position of {kind}")

    def take(
        self,
        kind: str,
        position: int,
        *,
        after: int,
        exposures: Sequence[Exposure] = (),
        entries: Sequence[Entry] = (),
        notes: Mapping[str, bytes] | None = None,
    ) -> bool:
        """See Ledger."""
        with self._file.changing() as connection:
            if self.position(kind) != after:
                return False
            self._take_units(connection, exposures)
            outcomes = [one for one in entries if one.name in self._names.outcomes]
            self._take_outcomes(connection, outcomes)
            connection.executemany(
                "INSERT OR IGNORE INTO trait VALUES (?, ?, ?)",
                [(e.unit, e.name, e.value) for e in entries if e.name not in self._names.outcomes],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO note VALUES (?, ?)", list((notes or {}).items())
            )
            self._set(connection, f"position of {kind}", position)
        return True

    def note(self, name: str) -> bytes | None:
        """See Ledger."""
        found = self._file.row("SELECT value FROM note WHERE name = ?", (name,))
        return None if found is None else bytes(found[0])

    def counts(self) -> Counts:
        """See Ledger."""
        units, outcomes, repeated, dropped = (self._n(name) for name in _COUNTED)
        (crossed,) = self._one("SELECT count(*) FROM unit WHERE crossed")
        (changed,) = self._one("SELECT count(*) FROM outcome WHERE changed")
        (unexposed,) = self._one(_UNEXPOSED)
        return Counts(
            n_units=units,
            n_crossed=crossed,
            n_outcomes=outcomes,
            n_repeated=repeated,
            n_changed=changed,
            n_unexposed=unexposed,
            n_dropped=dropped,
        )

    def rows(self, *, until_us: int, window_us: int | None) -> Rows:
        """See Ledger."""
        exposed_until = until_us - (window_us or 0)
        window = _EVER_US if window_us is None else window_us
        units = self._file.rows(
            "SELECT n, place, at_us FROM unit WHERE NOT crossed AND at_us <= ? ORDER BY n",
            (exposed_until,),
        )
        n, place, at_us = np.array(units, np.int64).reshape(-1, 3).T
        sums = self._file.rows(_SUMS, (exposed_until, until_us, min(window, _EVER_US - until_us)))
        values = {name: np.zeros(len(n)) for name in self._names.outcomes}
        self._fill(values, n, sums)
        traits = self._file.rows(_TRAITS, ())
        covariates = {name: np.full(len(n), np.nan) for name in self._names.covariates}
        self._fill(covariates, n, traits)
        return Rows(
            place=place,
            at_us=at_us,
            values=values,
            covariates=covariates,
            segments={name: _texts(name, n, traits) for name in self._names.segments},
        )

    @staticmethod
    def _fill(
        columns: Mapping[str, NDArray[np.float64]],
        n: NDArray[np.int64],
        found: Sequence[tuple[Any, ...]],
    ) -> None:
        """Put values in their users' rows."""
        for name, column in columns.items():
            mine = [(unit, value) for unit, what, value in found if what == name]
            units = np.array([unit for unit, _ in mine], np.int64)
            values = np.array([value for _, value in mine], np.float64)
            rows, known = _rows_of(units, n)
            column[rows] = values[known]

    def _take_units(self, connection: Any, exposures: Sequence[Exposure]) -> None:
        room = self._most_units - self._n("units")
        before = self._last_unit(connection)
        connection.executemany(_ADD_UNIT, exposures[: max(0, room)])
        self._add(connection, "units", self._last_unit(connection) - before)
        self._add(connection, "dropped", len(exposures[max(0, room) :]))

    @staticmethod
    def _last_unit(connection: Any) -> int:
        (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM unit").fetchone()
        return int(last)

    def _take_outcomes(self, connection: Any, outcomes: Sequence[Entry]) -> None:
        room = max(0, self._most_outcomes - self._n("outcomes"))
        n_new = 0
        for one in outcomes[:room]:
            known = connection.execute(
                "SELECT 1 FROM outcome WHERE key = ? AND name = ? AND id = ?",
                (one.unit, one.name, one.id),
            ).fetchone()
            n_new += known is None
            connection.execute(_ADD_OUTCOME, (one.unit, one.name, one.id, one.value, one.at_us))
        self._add(connection, "outcomes", n_new)
        self._add(connection, "repeated", len(outcomes[:room]) - n_new)
        self._add(connection, "dropped", len(outcomes[room:]))

    def _n(self, name: str) -> int:
        found = self._file.row("SELECT n FROM count WHERE name = ?", (name,))
        return 0 if found is None else int(found[0])

    def _one(self, statement: str) -> tuple[Any, ...]:
        found = self._file.row(statement, ())
        assert found is not None  # an aggregate has one row
        return found

    @staticmethod
    def _set(connection: Any, name: str, n: int) -> None:
        connection.execute("INSERT OR REPLACE INTO count VALUES (?, ?)", (name, n))

    def _add(self, connection: Any, name: str, n: int) -> None:
        if n:
            self._set(connection, name, self._n(name) + n)


def _rows_of(
    units: NDArray[np.int64], n: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The rows of units among ``n``, which ascends, and which of the units have one."""
    places = np.searchsorted(n, units)
    known = (places < len(n)) & (
        n[np.minimum(places, max(0, len(n) - 1))] == units if len(n) else False
    )
    return places[known], known


def _texts(name: str, n: NDArray[np.int64], traits: Sequence[tuple[Any, ...]]) -> list[str | None]:
    texts = {unit: str(value) for unit, what, value in traits if what == name}
    return [texts.get(unit) for unit in n.tolist()]
