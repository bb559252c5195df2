"""Answers to a file, which appears whole or not at all.

They are written under a hidden name beside it, flushed, and then given the name. Who is killed
meanwhile leaves only the hidden file; the next one to write there takes it away.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

import msgspec
import numpy as np

from seatrial.adapters.scoring.rows import numbers_of
from seatrial.adapters.scoring.table import ROW, array_of
from seatrial.kernel.errors import Invalid
from seatrial.serving.scoring import OutputExists, OutputNotWritten, Scored

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE: Final = 1_000
_BETWEEN: Final = b"},{"
FORMS: Final = (".parquet", ".csv", ".jsonl")


class OutputUnknown(Invalid):
    """The name of the file to write does not say its format."""

    code = "scoring.output_unknown"


class TableWriter(Protocol):
    """Writes tables of one schema to a file."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class JsonLines:
    """Rows as JSON objects, one a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write_table(self, table: pa.Table) -> None:
        """See TableWriter."""
        for start in range(0, table.num_rows, _AT_ONCE):
            self._file.write(_lines_of(table.slice(start, _AT_ONCE).to_pylist()))

    def close(self) -> None:
        """See TableWriter."""


def _lines_of(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows as lines of JSON; written as one list, a tenth of the time of one by one."""
    import orjson

    listed = orjson.dumps(rows, default=str)[1:-1]
    if listed.count(_BETWEEN) == len(rows) - 1:  # it stands in no text and in no nested value
        return listed.replace(_BETWEEN, b"}\n{") + b"\n"
    return b"".join(orjson.dumps(row, default=str) + b"\n" for row in rows)


class Answers:
    """The answers of pieces, given in order, and beside them the rows that have none.

    Args:
        file: where they go.
        form: a suffix of `FORMS`.
        schema: their columns.
        rejected: where rows without an answer are described, a JSON object a line, if anywhere.
    """

    def __init__(
        self, file: BinaryIO, form: str, schema: pa.Schema, rejected: BinaryIO | None
    ) -> None:
        self._schema = schema
        self._writer: Any = _writer(file, form, schema)
        self._rejected = rejected
        self.n_rows = 0
        self.n_bad = 0
        self.first = ""

    def write(self, scored: Scored) -> None:
        """Append the answers of the next piece."""
        import pyarrow as pa

        with pa.ipc.open_stream(pa.py_buffer(np.ascontiguousarray(scored.table))) as stream:
            table = stream.read_all()
        rows = numbers_of(table.column(ROW).combine_chunks()) + self.n_rows
        table = table.set_column(0, ROW, array_of(rows)).cast(self._schema)
        if table.num_rows:
            self._writer.write_table(table)
        if scored.flaws and not self.first:
            self.first = scored.flaws[0].problem
        if self._rejected is not None:
            for flaw in scored.flaws:
                moved = replace(flaw, row=flaw.row + self.n_rows)
                self._rejected.write(msgspec.json.encode(moved) + b"\n")
        self.n_rows += scored.n_rows
        self.n_bad += len(scored.flaws)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def _writer(file: BinaryIO, form: str, schema: pa.Schema) -> TableWriter:
    if form == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Hardly a row number or a fraction comes twice: looking for it would take half of the time.
        often = [
            field.name
            for field in schema
            if field.name != ROW and not pa.types.is_floating(field.type)
        ]
        return pq.ParquetWriter(  # type: ignore[no-any-return]
            file, schema, compression="zstd", use_dictionary=often
        )
    if form == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(file, schema)  # type: ignore[no-any-return]
    return JsonLines(file)


def form_of(path: Path) -> str:
    """The format that a name stands for.   Raises: OutputUnknown."""
    if path.suffix.lower() in FORMS:
        return path.suffix.lower()
    raise OutputUnknown(
        f"The name {path.name!r} does not say which format to write.",
        remedy=f"End it in {', '.join(FORMS)}.",
        path=str(path),
    )


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken.   Raises: OutputExists."""
    if path.is_dir() or (path.exists() and not overwrite):
        raise OutputExists(
            f"There is something at {str(path)!r} already.",
            remedy="Name another file, or say --overwrite to replace it.",
            path=str(path),
        )


@contextmanager
def landing(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write that has the name ``path`` once the block has ended well, not before.

    Raises: OutputExists: somebody else wrote it meanwhile; OutputNotWritten for what the operating
        system refuses inside the block.
    """
    hidden = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        _sweep(path)
        with hidden.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _land(hidden, path, overwrite=overwrite)
    except OSError as error:
        raise OutputNotWritten(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            remedy="Make room there or name another place; nothing is left of this attempt.",
            path=str(path),
        ) from error
    finally:
        with suppress(OSError):
            hidden.unlink()


def _land(hidden: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        hidden.replace(path)
        return
    try:
        path.hardlink_to(hidden)
    except FileExistsError:
        check_free(path, overwrite=False)
        raise


def _sweep(path: Path) -> None:
    """Take away what writers left that were killed: nobody holds it locked."""
    for left in path.parent.glob(f".{path.name}.writing-*"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
