"""What SQL sources have in common: a table or a query to select from, and names as SQL quotes them.

How the rows are fetched, and whether they can be followed, is each database's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A table or view, or a query; one of the two.

    Args:
        table: its name.
        query: a SELECT, with or without a semicolon at its end.
        where: how a person calls the database.
        schemas: whether a dot in ``table`` parts the schema from the name.
    """

    table: str | None
    query: str | None
    where: str
    schemas: bool

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.table or 'a query'} of {self.where}"

    @property
    def sql(self) -> str:
        """What stands behind FROM."""
        if self.table is None:
            return f"({(self.query or '').strip().rstrip(';')})"
        return ".".join(map(quoted, self.table.split("."))) if self.schemas else quoted(self.table)


class DatabaseFile:
    """A source whose rows are in a file of a database that runs in this process.

    Args:
        path: the file.
        columns: roles as asked for.
        table: a table or view; or ``query``, a SELECT. One of the two.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    """

    has_schemas = False
    """Whether a dot in the name of a table parts its schema from it."""

    def __init__(
        self,
        path: str | Path,
        columns: Columns | None = None,
        *,
        table: str | None = None,
        query: str | None = None,
        max_rows: int | None = None,
    ) -> None:
        self._path = Path(path)
        self._asked = columns or Columns()
        self._selected = Selected(
            table=table, query=query, where=str(self._path), schemas=self.has_schemas
        )
        self._max_rows = max_rows

    @property
    def name(self) -> str:
        """See TableSource."""
        return self._selected.name

    def _check_there(self) -> None:
        if not self._path.is_file():
            raise SourceMissing(
                f"There is no file {str(self._path)!r}.",
                remedy="Give the path of the database.",
                source=self.name,
            )


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'
