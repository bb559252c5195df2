"""Parquet a column at a time, for what needs whole columns and not whole rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.arrow import arrow, leaves, places, to_times
from seatrial.adapters.tables.arrow_columns import to_column
from seatrial.adapters.tables.files import unreadable
from seatrial.adapters.tables.parquet import ParquetSource, no_rows, open_parquet
from seatrial.monitoring.rows.columns import Kind, check_distinct
from seatrial.monitoring.rows.row_join import Joining, Room
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Coded, Column

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_FILES: Final = 64
_ROWS: Final = 65_536
"""Decoded at once: more take memory and no less time."""

_BUFFER_BYTES: Final = 1 << 20
"""About a page. Arrow puts a page together from smaller ones in memory that it then keeps."""


class ParquetColumns:
    """Parquet files of one schema; `ColumnSource`. A context that closes them.

    Args:
        path: a file, a folder or a pattern, as for `ParquetSource`.
    Raises: SourceUnreadable: files differ, are too many or are none; what `ParquetSource` raises.
    """

    def __init__(self, path: str | Path) -> None:
        files = ParquetSource(path).files()
        if not 0 < len(files) <= _MOST_FILES:
            raise unreadable(str(path), f"has {len(files)} files", "Read them by rows.")
        self._open = ExitStack()
        self._files: dict[str, Any] = {}
        self._problems: dict[SourceProblem, None] = {}
        pa = arrow()
        # Columns are large and short-lived, and Arrow's own pool would keep 20 MB of them.
        self._open.callback(pa.set_memory_pool, pa.default_memory_pool())
        pa.set_memory_pool(pa.system_memory_pool())
        try:
            for name, one in files.items():
                self._files[name] = self._opened(one, name)
            schema: Any = next(iter(self._files.values())).schema_arrow
            for name, file in self._files.items():
                if not file.schema_arrow.equals(schema):
                    raise unreadable(name, "has other columns", "Read its folder by rows.")
            named = places(schema)
            check_distinct([place.name for place in named])
        except BaseException:
            self._open.close()
            raise
        self._first = next(iter(self._files))
        self._paths = {place.name: place.path for place in named}
        nothing = leaves(no_rows(schema))
        self._empty = dict(zip(self._paths, nothing, strict=True))
        self.n = sum(file.metadata.num_rows for file in self._files.values())
        self.names = tuple(self._paths)

    def __enter__(self) -> ParquetColumns:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def problems(self) -> tuple[SourceProblem, ...]:
        """See ColumnSource."""
        return tuple(self._problems)

    def column(self, name: str, kind: Kind | None, room: Room | None = None) -> Column | None:
        """See ColumnSource."""
        joining = Joining(self.n, room)
        for part in self._parts(name, kind):
            joining.add(part)
        return joining.column(name)

    def parts(self, name: str, kind: Kind | None) -> Iterator[Column]:
        """See ColumnSource."""
        return (part for part in self._parts(name, kind) if part is not None)

    def kind(self, name: str, kind: Kind | None) -> Kind | None:
        """See ColumnSource."""
        sample, _ = to_column(self._empty[name], name, kind, name)
        if isinstance(sample, Coded):
            return "name"
        if sample is None or sample.dtype.kind == "b":
            return None
        return "number" if sample.ndim == 1 else "embedding"

    def times(self, name: str, time_zone: str) -> NDArray[np.datetime64]:
        """See ColumnSource."""
        parts: list[NDArray[np.datetime64]] = []
        for where, array in self._arrays(name):
            part, problems = to_times(array, name, time_zone, where)
            self._problems |= dict.fromkeys(problems)
            parts.append(part)
        return np.concatenate(parts)

    def _opened(self, path: Path, name: str) -> Any:
        file = open_parquet(path, name, buffer_bytes=_BUFFER_BYTES)
        self._open.callback(file.close, force=True)
        return file

    def _parts(self, name: str, kind: Kind | None) -> Iterator[Column | None]:
        for where, array in self._arrays(name):
            part, problems = to_column(array, name, kind, where)
            self._problems |= dict.fromkeys(problems)
            yield part

    def _arrays(self, name: str) -> Iterator[tuple[str, pa.Array]]:
        """A column's values, some at a time, each with their file; once none without rows."""
        pa = arrow()
        path, n = self._paths[name], 0
        if not self.n:
            yield self._first, self._empty[name]
        for where, file in self._files.items():
            try:
                for batch in file.iter_batches(_ROWS, columns=[path], use_threads=False):
                    n += len(batch)
                    yield where, next(leaves(batch))
            except (pa.ArrowException, OSError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise unreadable(where, f"cannot be read: {reason}", "Write it again.") from error
        if n != self.n:  # Arrow says nothing when a file ends
            raise unreadable(self._first, "ends before its rows do", "Write it again.")
