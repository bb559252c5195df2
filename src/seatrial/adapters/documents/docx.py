"""Word documents by python-docx: paragraphs, headings and tables in their order."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from seatrial.adapters.documents.encoding_detect import library_version
from seatrial.adapters.documents.office_text import Gathered, facts
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code
from seatrial.rag.loading.packed import check_office_archive, too_many

_HEADING = re.compile(r"(?:heading|标题|überschrift|titre)\s*([1-9])\Z", re.IGNORECASE)


class DocxLoader:
    """See Loader."""

    isolated = True

    @cached_property
    def version(self) -> str:
        """See Loader."""
        return f"1 {library_version('python-docx')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        try:
            import docx
        except ImportError as error:
            raise MissingExtra("docx", "documents") from error
        check_office_archive(content, about.limits)
        document = docx.Document(io.BytesIO(content))
        gathered = Gathered()
        titles: list[str] = []
        for block in document.iter_inner_content():
            if hasattr(block, "rows"):
                gathered.paragraph(_table(block, about.limits.rows))
                continue
            style = block.style.name if block.style is not None else ""
            level = _level(style or "")
            if style == "Title":
                titles.append(" ".join(block.text.split()))
            gathered.paragraph(block.text, level=level)
        properties = document.core_properties
        heading = next((s.title for s in gathered.sections if s.level == 1), None)
        yield Parsed(
            text=gathered.text,
            title=(properties.title or "").strip() or next(filter(None, titles), heading),
            language=language_code(properties.language),
            metadata=flat(facts(properties)),
            sections=tuple(gathered.sections),
        )


def _level(style: str) -> int | None:
    found = _HEADING.match(style)
    return int(found.group(1)) if found else None


def _table(table: Any, max_rows: int) -> str:
    """Rows as lines. Cells are taken from the XML: the library's own way is quadratic."""
    from docx.oxml.ns import qn

    lines: list[str] = []
    for row in table._tbl.tr_lst:
        if len(lines) == max_rows:
            raise too_many("rows in a table", max_rows, "rows")
        cells = (_cell(cell, qn("w:t"), qn("w:p")) for cell in row.tc_lst)
        lines.append(" | ".join(cells))
    return "\n".join(line for line in lines if line.strip(" |"))


def _cell(cell: Any, text: str, paragraph: str) -> str:
    paragraphs = (
        "".join(run.text or "" for run in part.iter(text)) for part in cell.iter(paragraph)
    )
    return " ".join(" ".join(paragraphs).split())
