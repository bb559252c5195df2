"""Spreadsheets by openpyxl: a sheet is a section, a row a line ``column: value; ...``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from seatrial.adapters.documents.encoding_detect import library_version
from seatrial.adapters.documents.office_text import facts
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code
from seatrial.rag.loading.packed import check_office_archive, too_many
from seatrial.rag.loading.rows import TableLines
from seatrial.rag.text.document import Section


class XlsxLoader:
    """See Loader; values as they were last computed, formulas are not run."""

    isolated = True

    @cached_property
    def version(self) -> str:
        """See Loader."""
        return f"2 {library_version('openpyxl')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        try:
            import openpyxl
        except ImportError as error:
            raise MissingExtra("openpyxl", "documents") from error
        check_office_archive(content, about.limits)
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        blocks: list[str] = []
        sections: list[Section] = []
        n_rows = at = 0
        for sheet in book.worksheets:
            lines = []
            for line in _lines(sheet, about):
                n_rows += 1
                if n_rows > about.limits.rows:
                    raise too_many("rows", about.limits.rows, "rows")
                lines.append(line)
            if lines:
                sections.append(Section(level=1, title=sheet.title, start=at))
                block = "\n".join([sheet.title, *lines])
                blocks.append(block)
                at += len(block) + 2
        properties = book.properties
        yield Parsed(
            text="\n\n".join(blocks),
            title=(properties.title or "").strip() or None,
            language=language_code(properties.language),
            metadata=flat(facts(properties)),
            sections=tuple(sections),
        )


def _lines(sheet: Any, about: About) -> Iterator[str]:
    """The rows of a sheet that hold something, after the one that names the columns."""
    sheet.reset_dimensions()  # what a file says of its size may be a lie
    table = None if about.header else TableLines()
    for row in sheet.iter_rows(values_only=True):
        cells = [_shown(value) for value in row]
        if not any(cells):
            continue
        if table is None:
            table = TableLines(cells)
        else:
            yield table.line(cells)
    if table is not None and (rest := table.rest()):
        yield rest


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()
