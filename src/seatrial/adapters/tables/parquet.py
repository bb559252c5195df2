"""Tables from Parquet: row groups one after the other, only the columns that have a role.

Files are never mapped into memory: one that is truncated meanwhile would end this process.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.tables.arrow import Place, arrow, places, to_table, values_a_row
from seatrial.adapters.tables.files import FileSource, Part, Roles, unreadable
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceProblem, rows_per_chunk

if TYPE_CHECKING:
    import pyarrow as pa

_MARKED_ROWS: Final = 16
_MARKED_COLUMNS: Final = 8
_BUFFER_BYTES: Final = 1 << 16  # of each column


class ParquetSource(FileSource):
    """Rows of Parquet files; `TableSource`.

    A folder of seatrial's prediction log is read as such: see `monitoring.columns.rename_log`. A
    row group that cannot be read is left out and reported.

    Args:
        path: a file, a folder or a pattern.
        columns: roles as asked for.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`.
    """

    def __init__(
        self, path: str | Path, columns: Columns | None = None, *, max_rows: int | None = None
    ) -> None:
        super().__init__(path, _Parquet(max_rows), columns or Columns())


@dataclass(frozen=True, slots=True)
class _Parquet:
    max_rows: int | None
    suffixes: tuple[str, ...] = (".parquet", ".parq", ".pq")

    def open(self, path: Path, where: str) -> _ParquetFile:
        return _ParquetFile(open_parquet(path, where), where, self.max_rows)


def open_parquet(path: Path, where: str, *, buffer_bytes: int = _BUFFER_BYTES) -> Any:
    """A file as pyarrow's ``ParquetFile``, texts left in the dictionaries it has.

    Args:
        path: of the file.
        where: what problems call it.
        buffer_bytes: read at once of each column.
    Raises: SourceUnreadable, MissingExtra, OSError.
    """
    pa = arrow()
    from pyarrow import parquet

    if not path.stat().st_size:
        raise unreadable(where, "is empty", "Give a Parquet file.")
    try:
        with parquet.ParquetFile(path, memory_map=False) as first:
            metadata, schema = first.metadata, first.schema_arrow
        # The file's own dictionaries spare decoding texts only to encode them again. Arrow
        # does not read them within structs.
        texts = [f.name for f in schema if pa.types.is_string(f.type)]
        return parquet.ParquetFile(
            path,
            metadata=metadata,
            read_dictionary=texts,
            memory_map=False,
            pre_buffer=False,
            buffer_size=buffer_bytes,
        )
    except (pa.ArrowException, ValueError) as error:
        raise unreadable(
            where,
            f"cannot be read as Parquet: {str(error).splitlines()[0]}",
            "Write it again as Parquet.",
        ) from error


class _ParquetFile:
    def __init__(self, file: Any, where: str, max_rows: int | None) -> None:
        self._file = file
        self._where = where
        self._max_rows = max_rows
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        self._starts = [0, *accumulate(groups)]
        self._places = places(file.schema_arrow)
        self.length: int = self._starts[-1]

    def begins_with(self, mark: Any) -> bool:
        """See OpenFile."""
        return mark is not None and mark[0] <= self.length and self._mark(mark[0]) == mark

    def parts(self, position: int, mark: Any, roles: Roles) -> Iterator[Part]:
        """See OpenFile."""
        columns, problems = roles.among(tuple(p.name for p in self._places), self._where)
        paths = _paths(self._places, columns.read)
        if position == 0:
            mark = self._mark(min(_MARKED_ROWS, self.length))
        if self.length == 0 and position == 0:
            yield self._part(no_rows(self._file.schema_arrow), columns, 0, mark, problems)
        size = self._max_rows or rows_per_chunk(values_a_row(self._file.schema_arrow, paths))
        for groups in self._runs(position, size):
            for found in self._batches(groups, paths, size, position):
                if isinstance(found, SourceProblem):
                    problems.append(found)
                    position += found.n or 0
                    continue
                position += len(found)
                yield self._part(found, columns, position, mark, problems)
                problems = []
        if problems:
            nothing = no_rows(self._file.schema_arrow)
            yield self._part(nothing, columns, position, mark, problems)

    def close(self) -> None:
        """See OpenFile."""
        self._file.close(force=True)

    def _part(
        self,
        batch: pa.RecordBatch,
        columns: Columns,
        position: int,
        mark: Any,
        problems: Sequence[SourceProblem],
    ) -> Part:
        table, more = to_table(batch, columns, self._where, whole=self._places)
        return Part(
            table=table,
            columns=columns,
            position=position,
            mark=mark,
            problems=(*problems, *more),
        )

    def _runs(self, position: int, size: int) -> Iterator[list[int]]:
        """Row groups to read together: neighbours that fit one chunk, or a larger one alone."""
        run: list[int] = []
        for i in range(len(self._starts) - 1):
            if self._starts[i + 1] <= position:
                continue
            if run and self._starts[i + 1] - self._starts[run[0]] > size:
                yield run
                run = []
            run.append(i)
        if run:
            yield run

    def _batches(
        self, groups: list[int], paths: list[str], size: int, position: int
    ) -> Iterator[pa.RecordBatch | SourceProblem]:
        """The batches of a run from ``position`` on; a problem for rows that cannot be read."""
        pa = arrow()
        try:
            for batch in self._of(groups, paths, size, position):
                yield batch
                position += len(batch)
            if position < self._starts[groups[-1] + 1]:  # Arrow says nothing when a file ends
                raise ValueError("the file ends before them")
        except (pa.ArrowException, OSError, ValueError) as error:
            if len(groups) > 1:  # neighbours of the broken one are fine
                for group in groups:
                    if self._starts[group + 1] > position:
                        yield from self._batches([group], paths, size, position)
                        position = self._starts[group + 1]
                return
            n = self._starts[groups[0] + 1] - max(position, self._starts[groups[0]])
            yield SourceProblem(
                flaw="part",
                where=self._where,
                n=n,
                message=f"{n} rows of {self._where}, in row group {groups[0]}, cannot be read and "
                f"are left out: {str(error).splitlines()[0]}.",
            )

    def _of(
        self, groups: list[int], paths: list[str], size: int, position: int
    ) -> Iterator[pa.RecordBatch]:
        skipped = max(0, position - self._starts[groups[0]])
        if not paths:  # rows without columns still count
            yield from _bare(self._starts[groups[-1] + 1] - self._starts[groups[0]] - skipped, size)
            return
        for batch in self._decoded(groups, paths, size):
            if skipped >= len(batch):
                skipped -= len(batch)
                continue
            yield batch.slice(skipped)
            skipped = 0

    def _decoded(self, groups: list[int], paths: list[str], size: int) -> Iterator[pa.RecordBatch]:
        if len(groups) == 1:
            yield from self._file.iter_batches(size, row_groups=groups, columns=paths)
            return
        # Batches end where dictionaries change, which is with every row group.
        table = self._file.read_row_groups(groups, columns=paths)
        yield from table.unify_dictionaries().combine_chunks().to_batches()

    def _mark(self, n: int) -> list[int] | None:
        """How the first ``n`` rows look in the first columns; None when they cannot be read."""
        pa = arrow()
        paths = [place.path for place in self._places[:_MARKED_COLUMNS]]
        crc, left = 0, n
        try:
            for group in range(self._file.metadata.num_row_groups):
                if left <= 0 or not paths:
                    break
                for batch in self._file.iter_batches(left, row_groups=[group], columns=paths):
                    rows = batch.slice(0, left).to_pylist()
                    crc = zlib.crc32(repr(rows).encode("utf-8", "backslashreplace"), crc)
                    left -= len(rows)
                    break
        except (pa.ArrowException, OSError, ValueError):
            return None
        return [n, crc]


def no_rows(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of that schema without rows."""
    pa = arrow()
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)


def _bare(n: int, size: int) -> Iterator[pa.RecordBatch]:
    """Batches with a number of rows and nothing else."""
    pa = arrow()
    for start in range(0, n, size):
        rows = pa.StructArray.from_arrays([pa.nulls(min(size, n - start))], ["none"])
        yield pa.RecordBatch.from_struct_array(rows).select([])


def _paths(named: Sequence[Place], read: Sequence[str]) -> list[str]:
    path_of = {place.name: place.path for place in named}
    return [path_of[name] for name in read]
