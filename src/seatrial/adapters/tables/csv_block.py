"""Records of CSV text to an Arrow batch, whatever stands in them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seatrial.adapters.tables.arrow import arrow
from seatrial.adapters.tables.times import times_of
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceProblem

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN_LINES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvShape:
    """What the beginning of a file says of all of it.

    Args:
        names: of its columns, in order.
        delimiter: one character.
        encoding: of its text.
        start: where its first record begins, in bytes.
        types: Arrow types of the columns to read; empty while they are not known.
    """

    names: tuple[str, ...]
    delimiter: str
    encoding: str
    start: int
    types: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CsvBlock:
    """Some whole records.

    Args:
        shape: of their file.
        text: the records as they lie in the file.
        where: the file, for problems.
        line: number of their first line.
        quoted: False when a quote that never closes makes quotes mean nothing here.
    """

    shape: CsvShape
    text: bytes
    where: str
    line: int
    quoted: bool = True
    problems: list[SourceProblem] = field(default_factory=list)

    def rows(self, columns: Columns) -> tuple[pa.RecordBatch, Columns]:
        """The columns with a role; and those roles, with what must be read as numbers said so."""
        pa = arrow()
        utf8 = self._utf8()
        wanted = frozenset(columns.read)
        names = [name for name in self.shape.names if name in wanted]
        types = dict(self.shape.types)
        try:
            return self._parsed(utf8, names, types, report=True), columns
        except pa.ArrowException:
            pass
        whole = {name: pa.float64() if t == pa.int64() else t for name, t in types.items()}
        try:
            return self._parsed(utf8, names, whole, report=False), columns
        except pa.ArrowException:
            texts = self._parsed(utf8, names, dict.fromkeys(names, pa.string()), report=False)
        return self._mended(texts, types, columns)

    def _parsed(
        self, utf8: bytes, names: list[str], types: Mapping[str, Any], *, report: bool
    ) -> pa.RecordBatch:
        pa = arrow()
        from pyarrow import csv

        bad: list[Any] = []

        def skip(row: Any) -> str:
            bad.append(row)
            return "skip"

        table = csv.read_csv(
            io.BytesIO(utf8 or b"\n"),
            read_options=csv.ReadOptions(
                column_names=list(self.shape.names), use_threads=False, block_size=len(utf8) + 16
            ),
            parse_options=csv.ParseOptions(
                delimiter=self.shape.delimiter,
                quote_char='"' if self.quoted else False,
                newlines_in_values=True,
                invalid_row_handler=skip,
            ),
            convert_options=csv.ConvertOptions(
                include_columns=names, column_types=types, strings_can_be_null=True
            ),
        )
        if report and bad:
            self.problems.append(self._malformed(utf8, bad))
        batches = table.combine_chunks().to_batches()
        if batches:
            return batches[0]
        return pa.RecordBatch.from_arrays(
            [pa.array([], f.type) for f in table.schema], schema=table.schema
        )

    def _utf8(self) -> bytes:
        utf8 = self.shape.encoding == "utf-8"
        try:
            decoded = self.text.decode(self.shape.encoding)
        except UnicodeDecodeError as error:
            line = self.line + self.text.count(b"\n", 0, error.start)
            self.problems.append(
                SourceProblem(
                    flaw="value",
                    where=self.where,
                    message=f"Line {line} of {self.where} holds bytes that are no "
                    f"{self.shape.encoding}; they are read as '\N{REPLACEMENT CHARACTER}'.",
                )
            )
            return self.text.decode(self.shape.encoding, errors="replace").encode()
        return self.text if utf8 else decoded.encode()

    def _malformed(self, utf8: bytes, bad: list[Any]) -> SourceProblem:
        shown, at = [], 0
        for row in bad[:_SHOWN_LINES]:
            text = row.text.encode()
            at = max(utf8.find(text, at), at)
            line = self.line + utf8.count(b"\n", 0, at)
            shown.append(f"{line} ({row.actual_columns} fields)")
            at += len(text)
        more = "" if len(bad) <= _SHOWN_LINES else f" and {len(bad) - _SHOWN_LINES} more"
        return SourceProblem(
            flaw="line",
            where=self.where,
            n=len(bad),
            message=f"{self.where} has lines without {bad[0].expected_columns} fields, which are "
            f"left out: line {', '.join(shown)}{more}.",
        )

    def _mended(
        self, texts: pa.RecordBatch, types: Mapping[str, Any], columns: Columns
    ) -> tuple[pa.RecordBatch, Columns]:
        """Texts of columns whose type they do not have, one value at a time."""
        pa = arrow()
        kinds, arrays = dict(columns.kinds), list(texts.columns)
        for i, name in enumerate(texts.schema.names):
            kind = types.get(name, pa.string())
            if name == columns.at or kind == pa.string():
                continue
            if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
                arrays[i] = self._seconds(name, arrays[i])
            else:
                kinds.setdefault(name, "number")
        read = replace(columns, kinds=kinds)
        return pa.RecordBatch.from_arrays(arrays, names=texts.schema.names), read

    def _seconds(self, name: str, array: pa.Array) -> pa.Array:
        pa = arrow()
        at, n_bad = times_of(array, "UTC")
        if n_bad:
            self.problems.append(
                SourceProblem(
                    flaw="value",
                    where=self.where,
                    column=name,
                    n=n_bad,
                    message=f"{n_bad} values of {name!r} are no times; counted as missing.",
                )
            )
        seconds = at.astype(np.int64) / 1e6
        return pa.array(np.where(np.isnat(at), np.nan, seconds))
