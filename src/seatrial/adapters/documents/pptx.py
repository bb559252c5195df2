"""Presentations by python-pptx: a slide is a page, its title a section."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from seatrial.adapters.documents.encoding_detect import library_version
from seatrial.adapters.documents.office_text import Gathered, facts
from seatrial.kernel.errors import MissingExtra
from seatrial.rag.loading.loader import About, Parsed
from seatrial.rag.loading.metadata import flat, language_code
from seatrial.rag.loading.packed import check_office_archive, too_many


class PptxLoader:
    """See Loader; notes of the speaker come after what is on the slide."""

    isolated = True

    @cached_property
    def version(self) -> str:
        """See Loader."""
        return f"1 {library_version('python-pptx')}"

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        try:
            import pptx
        except ImportError as error:
            raise MissingExtra("pptx", "documents") from error
        check_office_archive(content, about.limits)
        presentation = pptx.Presentation(io.BytesIO(content))
        if len(presentation.slides) > about.limits.pages:
            raise too_many("slides", about.limits.pages, "pages")
        gathered = Gathered()
        for slide in presentation.slides:
            gathered.page()
            title = slide.shapes.title
            if title is not None:
                gathered.paragraph(title.text_frame.text, level=1)
            for shape in _shapes(slide.shapes):
                if title is None or shape.shape_id != title.shape_id:
                    gathered.paragraph(_text(shape))
            if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
                gathered.paragraph(slide.notes_slide.notes_text_frame.text)
        properties = presentation.core_properties
        first = next((section.title for section in gathered.sections), None)
        yield Parsed(
            text=gathered.text,
            title=_given(properties.title) or first,
            language=language_code(properties.language),
            metadata=flat(facts(properties)),
            sections=tuple(gathered.sections),
            pages=gathered.page_starts(),
        )


def _given(title: str | None) -> str | None:
    """A title that somebody gave, not the one of the library's template."""
    bare = (title or "").strip()
    return None if bare in {"", "PowerPoint Presentation"} else bare


def _shapes(shapes: Any) -> Iterator[Any]:
    """All shapes, those of groups included, without recursion."""
    waiting = list(shapes)[::-1]
    while waiting:
        shape = waiting.pop()
        if hasattr(shape, "shapes"):
            waiting.extend(list(shape.shapes)[::-1])
        else:
            yield shape


def _text(shape: Any) -> str:
    if getattr(shape, "has_table", False):
        rows = (
            " | ".join(" ".join(cell.text.split()) for cell in row.cells)
            for row in shape.table.rows
        )
        return "\n".join(row for row in rows if row.strip(" |"))
    return str(shape.text_frame.text) if shape.has_text_frame else ""
