"""The prediction log of a workspace as the watch of performance follows it."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.rows.columns import Columns, ids_of
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.wiring.table_sources import open_source

_DAY = "date="
_DAYS = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_LATE = timedelta(days=2)
"""A day's part may be written so long after that of a later day: when a server was down between."""


@dataclass(frozen=True, slots=True)
class LoggedPart:
    """See `monitoring.version_performance.Logged`."""

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
    """

    def __init__(
        self, folder: Path, version: int, *, features: Sequence[str], needed: Sequence[str]
    ) -> None:
        self._folder = folder
        self._version = version
        self._n_rows = "log.n_rows" if "n_rows" in features else "n_rows"
        self._columns = Columns(features=(*needed, self._n_rows))
        self._read: dict[str, int] = {}

    def new(self, version: VersionPerformance) -> Iterator[LoggedPart]:
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
        return LoggedPart(table, ids, place)

    def _days(self, version: VersionPerformance) -> list[str]:
        if not self._folder.is_dir():
            return []
        names = (path.name for path in self._folder.iterdir())
        days = sorted(found[1] for name in names if (found := _DAYS.fullmatch(name)))
        taken = [day for day in days if version.place(day) is not None]
        if not taken:
            return days
        oldest = (date.fromisoformat(taken[-1]) - _LATE).isoformat()
        return [day for day in days if day >= oldest]
