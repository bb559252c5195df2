"""The port through which rows come a column at a time: no more than one is held in memory.

For files that lie column by column. Whatever is unusual about them is left to `rows/source.py`,
which can leave out a part and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.columns import Columns, Kind
from seatrial.monitoring.rows.row_join import Room
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Column


class ColumnSource(Protocol):
    """All rows of some data, by column."""

    @property
    def n(self) -> int:
        """Number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, flattened, as the watch knows them."""

    @property
    def problems(self) -> tuple[SourceProblem, ...]:
        """What was wrong with the values read so far."""

    def column(self, name: str, kind: Kind | None, room: Room | None = None) -> Column | None:
        """Read a column, anew each time; None when it is of a type that the watch does not know.

        Args:
            name: of the column.
            kind: how to read it.
            room: to put it into, where it lies until the next takes its place.
        Raises: SourceUnreadable, SourceUnavailable: some of its values cannot be read.
        """

    def parts(self, name: str, kind: Kind | None) -> Iterator[Column]:
        """Read a column some rows at a time; nothing of a type that the watch does not know.

        Raises: as `column`.
        """

    def kind(self, name: str, kind: Kind | None) -> Kind | None:
        """What `column` would give, by its type alone; None for booleans and the rest."""

    def times(self, name: str, time_zone: str) -> NDArray[np.datetime64]:
        """Read a column as times, shape (n,), UTC, NaT where unknown.   Raises: as `column`."""


@dataclass(frozen=True, slots=True)
class RolesByColumn:
    """Rows by column, and what each column is.

    Args:
        source: of the rows.
        roles: as `Columns.among` found them in its names.
    """

    source: ColumnSource
    roles: Columns

    @property
    def features(self) -> tuple[str, ...]:
        """What the model saw, in order."""
        return self.roles.features or ()

    def column(
        self, name: str, kind: Kind | None = None, room: Room | None = None
    ) -> Column | None:
        """See `ColumnSource.column`.   Args: ``kind``: how to read it where no role says so."""
        return self.source.column(name, self.roles.kind_of(name) or kind, room)

    def parts(self, name: str, kind: Kind | None = None) -> Iterator[Column]:
        """See `ColumnSource.parts`."""
        return self.source.parts(name, self.roles.kind_of(name) or kind)

    def kind(self, name: str, kind: Kind | None = None) -> Kind | None:
        """See `ColumnSource.kind`."""
        return self.source.kind(name, self.roles.kind_of(name) or kind)

    def times(self) -> NDArray[np.datetime64] | None:
        """When each row was predicted; None when no column says."""
        if self.roles.at is None:
            return None
        return self.source.times(self.roles.at, self.roles.time_zone)
