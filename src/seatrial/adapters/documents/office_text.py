"""What the loaders of Office files share: their properties, and text that is put together."""

from __future__ import annotations

from typing import Any

from seatrial.rag.text.document import Section


class Gathered:
    """Text made of paragraphs, with the places of headings and pages."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.pages: list[int] = []
        self._parts: list[str] = []
        self._length = 0

    def paragraph(self, text: str, *, level: int | None = None) -> None:
        """Add one, unless it is blank; with a level it is a heading."""
        bare = text.strip()
        if not bare:
            return
        if level is not None:
            title = " ".join(bare.split())
            self.sections.append(Section(level=level, title=title, start=self._length))
        self._parts.append(bare)
        self._length += len(bare) + 2

    def page(self) -> None:
        """A page, or a slide, begins."""
        self.pages.append(self._length)

    @property
    def text(self) -> str:
        """All of it; paragraphs stand apart by an empty line."""
        return "\n\n".join(self._parts)

    def page_starts(self) -> tuple[int, ...]:
        """Where pages begin; those without text at the end begin where the text ends."""
        end = max(self._length - 2, 0)
        return tuple(min(start, end) for start in self.pages)


def facts(properties: Any) -> dict[str, object]:
    """Metadata out of core properties, as python-docx, python-pptx and openpyxl have them."""
    author = getattr(properties, "author", None) or getattr(properties, "creator", None)
    return {
        "author": author,
        "subject": properties.subject,
        "tags": properties.keywords,
        "created": properties.created,
        "modified": properties.modified,
    }
