"""A chunk: a span of a document, small enough to embed, and the larger span around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.rag.text.document import Document, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What is embedded and found.

    Args:
        span: its characters in the document's text.
        parent: the span handed to the answer in its place; equal to `span` where chunks stand
            alone. It covers `span`.
        n_tokens: its length in tokens of the embedder (without the special ones), or in the
            chunker's own unit where it counts characters.
        section: the path of headings above it.
        page: the page (from 1) where it begins; None where the format has no pages.
    """

    span: Span
    parent: Span
    n_tokens: int
    section: tuple[str, ...] = ()
    page: int | None = None


class Chunker(Protocol):
    """Cuts documents. Pure: the same document and settings give the same chunks."""

    @property
    def name(self) -> str:
        """Kind and settings; equal names cut equally."""
        ...

    def chunks(self, document: Document) -> Sequence[Chunk]:
        """Chunks in order of their start. None is blank, none is over the limit, and every
        character that is not white space lies in at least one."""
        ...
