"""CSV and TSV: one document a file whose rows can be read, or one a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from seatrial.adapters.documents.encoding_detect import detect
from seatrial.adapters.documents.json import record_id
from seatrial.adapters.documents.text import read_text, told
from seatrial.rag.loading.decoding import decoded
from seatrial.rag.loading.loader import About, Flaw, Parsed, Record
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.packed import too_large, too_many
from seatrial.rag.loading.rows import TableLines, header_names, joined

_SIGNS = ",;\t|"
_HEAD_BYTES = 1 << 16


class CsvLoader:
    """See Loader; each row becomes a line ``column: value; ...``."""

    version = "2"
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        sign = about.delimiter or delimiter(text[:_HEAD_BYTES], about.name)
        rows = _rows(io.StringIO(text, newline=""), sign, about)
        table = TableLines(next(rows, []) if about.header else [])
        yield Parsed(text=joined(_lines(table, rows, about), about.limits), metadata=told(encoding))


def _lines(table: TableLines, rows: Iterator[list[str]], about: About) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        if number > about.limits.rows:
            raise too_many("rows", about.limits.rows, "rows")
        yield table.line(row)
    yield table.rest()


class CsvRecords:
    """See Splitter; a record is a JSON object of the columns."""

    version = "1"
    record_format = "record"

    def records(self, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
        """See Splitter."""
        encoding, head = _encoding(file, about)
        lines = io.TextIOWrapper(
            file, encoding, errors="replace" if about.replace else "strict", newline=""
        )
        sign = about.delimiter or delimiter(head, about.name)
        rows = _rows(_bounded(lines, about.limits.record_bytes), sign, about)
        try:
            names = header_names(next(rows, [])) if about.header else []
            for row in rows:
                columns = names or [str(number) for number in range(1, len(row) + 1)]
                values = dict(zip(columns, row, strict=False))
                content = orjson.dumps(values)
                yield Record(record_id(values, content, about.fields), content)
        except UnicodeDecodeError as error:
            raise Unloadable(
                f"is not {encoding} text throughout ({error.reason}).",
                remedy="Save it as UTF-8, or name its encoding with encoding.",
                reason=Reason.WRONG_ENCODING,
            ) from error
        finally:
            lines.detach()  # the file is not ours to close


def delimiter(head: str, name: str) -> str:
    """What stands between the cells: a tab by the file's name, else what cuts its lines best."""
    if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        return "\t"
    lines = [line for line in head.splitlines()[:20] if line.strip()]
    if not lines:
        return ","

    def alike(sign: str) -> tuple[int, int]:
        n_cells = [len(row) for row in csv.reader(lines, delimiter=sign)]
        return (sum(n == n_cells[0] for n in n_cells) if n_cells[0] > 1 else 0, n_cells[0])

    try:
        return max(_SIGNS, key=alike)
    except csv.Error:
        return ","


def _encoding(file: BinaryIO, about: About) -> tuple[str, str]:
    """The encoding of a file that is read bit by bit, and its beginning."""
    assert isinstance(file, io.BufferedReader)
    head = file.peek(_HEAD_BYTES)
    wide = b"\0" in head
    whole = head if wide else head[: head.rfind(b"\n") + 1] or head
    replace = about.replace or wide  # the last character may be cut in two
    text, encoding = decoded(whole, detect, encoding=about.encoding, replace=replace)
    if head.startswith(b"\xef\xbb\xbf") and encoding == "utf-8":
        return "utf-8-sig", text
    if encoding.startswith(("utf-16", "utf-32")) and text != whole.decode(encoding, "replace"):
        return encoding.rsplit("-", 1)[0], text  # the mark, which is there, tells the order
    return encoding, text


def _bounded(lines: io.TextIOWrapper, limit: int) -> Iterator[str]:
    while line := lines.readline(limit + 1):
        if len(line) > limit:
            raise too_large("in one line", limit, "record_bytes")
        yield line


def _rows(lines: Iterator[str] | io.StringIO, sign: str, about: About) -> Iterator[list[str]]:
    """Rows that are not blank.   Raises: Unloadable."""
    # The module's own limit is the whole process's; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), about.limits.record_bytes))
    try:
        for row in csv.reader(lines, delimiter=sign):
            if sum(map(len, row)) > about.limits.record_bytes:
                raise too_large("in one row", about.limits.record_bytes, "record_bytes")
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise Unloadable(
            f"is no table ({error}).",
            remedy="Name what stands between its cells with delimiter, or save it again.",
            reason=Reason.UNREADABLE,
        ) from error
