"""The prediction log of a workspace as the watch of performance follows it."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.identities import ids_of
from seatrial.monitoring.rows.table import Coded, Table, rows_of
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.segment_watch import Read
from seatrial.serving.outcome import OK
from seatrial.wiring.watching.table_sources import open_source

_DAY = "date="
_DAYS = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_LATE = timedelta(days=2)
"""A day's part may be written so long after that of a later day: when a server was down between."""


@dataclass(frozen=True, slots=True)
class LoggedPart:
    """See `monitoring.performance.arrivals.Logged`."""

    rows: Table
    ids: Sequence[str | None]
    place: tuple[str, str]


class VersionLog:
    """The logged rows of one version; see `monitoring.endpoint_performance.LoggedRows`.

    Args:
        folder: of the endpoint's log.
        version: whose rows.
        features: the names of the version's inputs.
        needed: those of them that are wanted.
        answered: whether requests that failed are left out; all of them are logged, of the others a
            sample.
    """

    def __init__(
        self,
        folder: Path,
        version: int,
        *,
        features: Sequence[str],
        needed: Sequence[str],
        answered: bool = False,
    ) -> None:
        self._folder = folder
        self._version = version
        self._n_rows = "log.n_rows" if "n_rows" in features else "n_rows"
        self._outcome = "log.outcome" if "outcome" in features else "outcome"
        self._answered = answered
        more = (self._n_rows, self._outcome) if answered else (self._n_rows,)
        self._columns = Columns(features=(*needed, *more))
        self._read: dict[str, int] = {}

    def new(self, version: Read) -> Iterator[LoggedPart]:
        """See LoggedRows."""
        for day in self._days(version):
            folder = self._folder / f"{_DAY}{day}"
            # Looked at before it is read: what comes meanwhile changes it again.
            changed = folder.stat().st_mtime_ns
            if self._read.get(day) == changed:
                continue
            yield from self.of_day(day, version.place(day))
            self._read[day] = changed

    def of_day(self, day: str, after: str | None = None) -> Iterator[LoggedPart]:
        """The rows of a day that come after a place; none when there is no such day."""
        folder = self._folder / f"{_DAY}{day}"
        pattern = f"{glob.escape(str(folder))}/part-*-v{self._version}.parquet"
        source = open_source(
            DataConfig(source=pattern, format="parquet"),
            folder=folder,
            columns=self._columns,
            follow=True,
        )
        for chunk in source.chunks(after=after):
            yield self._part(chunk.table, chunk.columns, (day, chunk.cursor))

    def _part(self, table: Table, columns: Columns, place: tuple[str, str]) -> LoggedPart:
        ids = ids_of(table, columns) or (None,) * table.n
        n_rows = table.columns.get(self._n_rows)
        if isinstance(n_rows, np.ndarray):
            # The only row of a request is known by the request's id, as its reply carried it.
            alone = (n_rows == 1).tolist()
            ids = tuple(
                key.removesuffix("/0") if key is not None and single else key
                for key, single in zip(ids, alone, strict=True)
            )
        if self._answered:
            kept = answered_rows(table, self._outcome)
            return LoggedPart(rows_of(table, kept), tuple(ids[i] for i in kept.tolist()), place)
        return LoggedPart(table, ids, place)

    def _days(self, version: Read) -> list[str]:
        if not self._folder.is_dir():
            return []
        names = (path.name for path in self._folder.iterdir())
        days = sorted(found[1] for name in names if (found := _DAYS.fullmatch(name)))
        taken = [day for day in days if version.place(day) is not None]
        if not taken:
            return days
        oldest = (date.fromisoformat(taken[-1]) - _LATE).isoformat()
        return [day for day in days if day >= oldest]


def answered_rows(table: Table, outcome: str) -> NDArray[np.intp]:
    """The places of rows that were answered; all where no column says.

    Args: outcome: name of the column that says what became of a request.
    """
    column = table.columns.get(outcome)
    if not isinstance(column, Coded):
        return np.arange(table.n)
    if OK not in column.values:
        return np.arange(0)
    return np.flatnonzero(column.codes == column.values.index(OK))
