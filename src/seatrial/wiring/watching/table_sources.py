"""From the name of some data to the adapter that reads them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.monitoring.rows.by_column import ColumnSource
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceUnreadable, TableSource
from seatrial.monitoring.watching.data_config import DataConfig

_ADAPTERS = {
    "parquet": "seatrial.adapters.tables.parquet:ParquetSource",
    "csv": "seatrial.adapters.tables.csv:CsvSource",
    "sqlite": "seatrial.adapters.tables.sqlite:SqliteSource",
    "duckdb": "seatrial.adapters.tables.duckdb:DuckdbSource",
    "postgresql": "seatrial.adapters.tables.postgres:PostgresSource",
}

_BY_COLUMN = {"parquet": "seatrial.adapters.tables.parquet_columns:ParquetColumns"}


def open_columns(config: DataConfig, *, folder: Path) -> AbstractContextManager[ColumnSource]:
    """The data of a configuration, a column at a time.

    Args: the section; where relative paths begin.
    Raises: SourceUnreadable: they do not lie by column, or not as they would have to; MissingExtra;
        what sources raise.
    """
    adapter = _BY_COLUMN.get(config.kind)
    if adapter is None:
        raise SourceUnreadable(
            f"{config.source} does not lie by column.",
            remedy="Read it by rows.",
            source=config.kind,
        )
    module, _, name = adapter.partition(":")
    opened: Any = getattr(import_module(module), name)(_path(config.source, folder))
    return cast("AbstractContextManager[ColumnSource]", opened)


class OpenSource(Protocol):
    """Opens what a configuration names; `open_source` is one."""

    def __call__(
        self,
        config: DataConfig,
        *,
        folder: Path,
        columns: Columns | None = None,
        follow: bool = False,
    ) -> TableSource:
        """See `open_source`."""
        ...


def open_source(
    config: DataConfig,
    *,
    folder: Path,
    columns: Columns | None = None,
    follow: bool = False,
) -> TableSource:
    """The source that a configuration names; nothing is read yet.

    Args:
        config: the section.
        folder: where relative paths begin.
        columns: roles in place of those of the section, such as with the kinds of a profile.
        follow: whether it will be read again for what is new.
    Raises: MissingExtra, SourceUnreadable.
    """
    module, _, name = _ADAPTERS[config.kind].partition(":")
    with ONE_AT_A_TIME:
        adapter: Any = getattr(import_module(module), name)
    where = config.source if config.kind == "postgresql" else _path(config.source, folder)
    options: dict[str, Any] = {}
    if config.kind == "csv":
        options |= {"encoding": config.encoding, "delimiter": config.delimiter, "follow": follow}
    if config.kind in {"sqlite", "duckdb", "postgresql"}:
        options |= {"table": config.table, "query": config.query}
    if config.kind == "postgresql":
        options["follow"] = follow
    return cast("TableSource", adapter(where, columns or config.columns.columns(), **options))


def _path(source: str, folder: Path) -> Path:
    scheme, colon, rest = source.partition("://")
    # As in SQLAlchemy: three slashes before a relative path, four before an absolute one.
    path = rest.removeprefix("/") if colon and scheme in {"sqlite", "duckdb"} else source
    return folder / Path(path).expanduser()
