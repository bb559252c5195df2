"""Tables from CSV: a few megabytes of whole records at a time, with byte positions to go on from.

Whether a column holds numbers is decided once, by the first megabyte of the file; `Columns.kinds`
decides it for good. Where at most one text in a hundred is no number, the column holds numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from seatrial.adapters.tables.arrow import arrow, to_table
from seatrial.adapters.tables.csv_block import CsvBlock, CsvShape
from seatrial.adapters.tables.csv_records import record_ends
from seatrial.adapters.tables.files import FileSource, Part, Roles, unreadable
from seatrial.adapters.tables.values import coded_texts, numbers_of
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceProblem, rows_per_chunk

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES: Final = 8 << 20
_LOOK_BYTES: Final = 1 << 20
_MAX_RECORD_BYTES: Final = 64 << 20
_MARKED_BYTES: Final = 4_096
_NUMERIC_SHARE: Final = 0.99
_DELIMITERS: Final = ",;\t|"
_MARK: Final = codecs.BOM_UTF8


class CsvSource(FileSource):
    """Rows of CSV files with a header; `TableSource`.

    Malformed lines are left out and reported by number; a text among numbers counts as missing
    and is reported. Lines with nothing on them are no rows.

    Args:
        path: a file, a folder or a pattern.
        columns: roles as asked for.
        encoding: such as ``gbk``, in which line feeds and delimiters are one byte; None for UTF-8
            with or without a byte order mark.
        delimiter: one character; None for the one of ``, ; tab |`` that the header has most of.
        follow: leave a last line alone that has no line feed yet, since it may still be written.
        max_rows: of a chunk, >= 1; None for `rows_per_chunk`, as far as 8 MB of text go.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Columns | None = None,
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
        follow: bool = False,
        max_rows: int | None = None,
    ) -> None:
        reading = _Csv(encoding, delimiter, follow, max_rows)
        super().__init__(path, reading, columns or Columns())


@dataclass(frozen=True, slots=True)
class _Csv:
    encoding: str | None
    delimiter: str | None
    follow: bool
    max_rows: int | None
    suffixes: tuple[str, ...] = (".csv", ".tsv")

    def open(self, path: Path, where: str) -> _CsvFile:
        file = path.open("rb")
        try:
            return _CsvFile(file, where, self)
        except BaseException:
            file.close()
            raise


class _CsvFile:
    def __init__(self, file: BinaryIO, where: str, options: _Csv) -> None:
        self._file = file
        self._where = where
        self._options = options
        self.length: int = os.fstat(file.fileno()).st_size
        self._head = self._at(0, _LOOK_BYTES)
        self._shape = None if options.follow and not self._head else self._look()

    def begins_with(self, mark: Any) -> bool:
        """See OpenFile."""
        if mark is None or self.length < mark[0]:
            return False
        return bool(zlib.crc32(self._head[: mark[0]]) == mark[1])

    def parts(self, position: int, mark: Any, roles: Roles) -> Iterator[Part]:
        """See OpenFile."""
        if self._shape is None:  # nothing was written yet
            return
        columns, problems = roles.among(self._shape.names, self._where)
        types, mixed = self._types(columns)
        shape = replace(self._shape, types=types)
        line = mark[2] if position else 1 + self._head.count(b"\n", 0, shape.start)
        if not position:
            problems += mixed
            position = shape.start
            if position >= self.length:
                block = CsvBlock(shape, b"", self._where, line)
                yield self._part(block, columns, position, problems)
        size = self._options.max_rows or rows_per_chunk(len(columns.read))
        for text, quoted in self._blocks(position, size):
            position += len(text)
            block = CsvBlock(shape, text, self._where, line, quoted)
            yield self._part(block, columns, position, problems)
            line += text.count(b"\n")
            problems = []

    def close(self) -> None:
        """See OpenFile."""
        self._file.close()

    def _part(
        self, block: CsvBlock, columns: Columns, position: int, problems: list[SourceProblem]
    ) -> Part:
        batch, read = block.rows(columns)
        table, more = to_table(batch, read, self._where)
        n = min(_MARKED_BYTES, position)
        line = block.line + block.text.count(b"\n")
        return Part(
            table=table,
            columns=columns,
            position=position,
            mark=[n, zlib.crc32(self._head[:n]), line],
            problems=(*problems, *block.problems, *more),
        )

    def _blocks(self, position: int, n_rows: int) -> Iterator[tuple[bytes, bool]]:
        """Whole records from ``position`` on, at most ``n_rows`` at once."""
        size = _BLOCK_BYTES
        while position < self.length:
            block = self._at(position, min(size, self.length - position))
            if not block:
                return
            at_end = position + len(block) >= self.length
            ends, quoted = record_ends(block, self._delimiter), True
            if not len(ends) and not at_end and size < _MAX_RECORD_BYTES:
                size *= 2
                continue
            if not len(ends) and b"\n" in block and (at_end or size >= _MAX_RECORD_BYTES):
                # A quote that never closes would swallow the rest of the file.
                if self._options.follow and at_end and len(block) < _MAX_RECORD_BYTES:
                    return
                ends, quoted = record_ends(block.replace(b'"', b"'"), self._delimiter), False
            cut = int(ends[min(n_rows, len(ends)) - 1]) if len(ends) else 0
            last = at_end and len(ends) < n_rows and not self._options.follow
            if last and b"\n" not in block[cut:-1]:
                cut = len(block)
            if not cut:
                return
            yield block[:cut], quoted
            position += cut
            size = _BLOCK_BYTES

    @property
    def _delimiter(self) -> str:
        return self._shape.delimiter if self._shape else ","

    def _at(self, position: int, n: int) -> bytes:
        self._file.seek(position)
        return self._file.read(n)

    def _look(self) -> CsvShape:
        if not self._head:
            raise unreadable(self._where, "is empty", "Give a file with a header and rows.")
        if self._head.startswith(b"\x1f\x8b"):
            raise unreadable(self._where, "is compressed", "Unpack it, or convert it to Parquet.")
        encoding = self._encoding()
        skipped = len(_MARK) if self._head.startswith(_MARK) else 0
        line = self._head[skipped:].partition(b"\n")[0].decode(encoding, "replace")
        delimiter = self._options.delimiter or max(_DELIMITERS, key=line.count)
        ends = record_ends(self._head[skipped:], delimiter)
        start = skipped + int(ends[0]) if len(ends) else len(self._head)
        header = self._head[skipped:start].decode(encoding, "replace")
        names = next(csv.reader(io.StringIO(header), delimiter=delimiter), [])
        if not any(names):
            raise unreadable(self._where, "has no header", "Name the columns in its first line.")
        return CsvShape(names=tuple(names), delimiter=delimiter, encoding=encoding, start=start)

    def _encoding(self) -> str:
        named = self._options.encoding
        wide = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        if self._head.startswith(wide):
            raise unreadable(self._where, "is UTF-16", "Save it as UTF-8.")
        if self._head.startswith(_MARK):
            return "utf-8"
        if named:
            return "utf-8" if named.lower() in {"utf8", "utf-8", "utf-8-sig"} else named
        try:
            codecs.getincrementaldecoder("utf-8")().decode(self._head)
        except UnicodeDecodeError as error:
            raise unreadable(
                self._where,
                f"is not UTF-8 text: byte {error.start} is wrong",
                "Save it as UTF-8; where seatrial.yaml names the file, `encoding: gbk` does too.",
            ) from error
        return "utf-8"

    def _types(self, columns: Columns) -> tuple[dict[str, Any], list[SourceProblem]]:
        """Arrow types of the columns with a role, and which of them hold numbers and texts."""
        pa = arrow()
        if self._shape is None:
            return {}, []
        kinds = {name: columns.kind_of(name) for name in columns.read}
        fixed = {name: pa.string() for name, kind in kinds.items() if kind == "name"}
        ends = record_ends(self._head[self._shape.start :], self._delimiter)
        whole = len(self._head) >= self.length
        end = len(self._head) if whole or not len(ends) else self._shape.start + int(ends[-1])
        sample = CsvBlock(
            replace(self._shape, types=fixed), self._head[self._shape.start : end], self._where, 1
        )
        batch, _ = sample.rows(columns)
        types, problems = dict(fixed), []
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            if name in fixed:
                continue
            if kinds[name] == "number":
                # Arrow reads numbers as such; texts among them make a block be read as texts.
                types[name] = _number_type(array.type)
                continue
            types[name] = pa.string() if pa.types.is_null(array.type) else array.type
            if pa.types.is_string(array.type) and name != columns.at:
                types[name], more = self._mixed(name, array)
                problems += more
        return types, problems

    def _mixed(self, name: str, array: pa.Array) -> tuple[Any, list[SourceProblem]]:
        """How to read texts of which some are numbers, and what to say about it."""
        pa = arrow()
        numbers, n_texts, example = numbers_of(coded_texts(array))
        n_numbers = int(np.count_nonzero(~np.isnan(numbers)))
        if n_numbers <= n_texts:
            return pa.string(), []
        numeric = n_numbers >= _NUMERIC_SHARE * (n_numbers + n_texts)
        how = (
            "numbers, and those texts count"
            if numeric
            else "names. Say that it is numeric to count those texts"
        )
        problem = SourceProblem(
            flaw="value",
            where=self._where,
            column=name,
            message=f"{name!r} of {self._where} holds numbers and texts such as {example!r}; it is "
            f"read as {how} as missing.",
        )
        return pa.float64() if numeric else pa.string(), [problem]


def _number_type(found: Any) -> Any:
    """How to read a column of numbers whose first rows Arrow found to be of that type."""
    pa = arrow()
    if pa.types.is_null(found):
        return pa.float64()
    numbers = pa.types.is_integer(found) or pa.types.is_floating(found)
    return found if numbers else pa.string()
