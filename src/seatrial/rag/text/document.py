"""A document: the text that is cited, and what is known about it.

Every offset in seatrial counts characters (code points) of `Document.text`, which never changes
after loading: ``chunk text == document.text[start:end]`` holds everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

MetaValue: TypeAlias = str | int | float | bool | tuple[str, ...]
"""What a metadata field may hold. Times are ISO 8601 strings in UTC, which sort as they should;
a tuple (tags, authors) satisfies a condition when one of its members does."""

Metadata: TypeAlias = Mapping[str, MetaValue]


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading: its level (1 is the highest), its title, and where its text begins."""

    level: int
    title: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Where the sections and pages of a text begin.

    Args: as of `Document`.
    """

    sections: tuple[Section, ...] = ()
    pages: tuple[int, ...] = ()

    def section_at(self, offset: int) -> tuple[str, ...]:
        """The path of headings above a character, from the highest level down."""
        path: list[Section] = []
        for section in self.sections:
            if section.start > offset:
                break
            while path and path[-1].level >= section.level:
                path.pop()
            path.append(section)
        return tuple(section.title for section in path)

    def page_at(self, offset: int) -> int | None:
        """The page (from 1) that holds a character; None where the format has no pages."""
        return bisect_right(self.pages, offset) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One source, loaded.

    Args:
        id: stable over re-ingestion, unique in an index: the source, with ``#part`` where one
            file holds several (rows of JSONL, messages of a mailbox).
        text: the whole text, as decoded or extracted; offsets count its characters.
        title: the best known; the source's name where there is none.
        source: the path relative to the folder that was named, with ``/``, or a URL.
        format: ``text``, ``markdown``, ``html``, ``pdf``, ...
        language: ISO 639-1 of the larger part of the text; None where it cannot be told.
        digest: SHA-256 (hex) of what the loader read and how it reads it: equal digests mean an
            equal document.
        metadata: fields to filter by: author, created, modified, tags, and the user's own.
        sections: headings in order of `start`.
        pages: where each page begins; empty where the format has none.
        readers: groups and users who may read it; None: everybody.
    """

    id: str
    text: str
    title: str
    source: str
    format: str
    language: str | None
    digest: str
    metadata: Metadata = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    pages: tuple[int, ...] = ()
    readers: frozenset[str] | None = None

    @property
    def outline(self) -> Outline:
        """Its sections and pages."""
        return Outline(sections=self.sections, pages=self.pages)
