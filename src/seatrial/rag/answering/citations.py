"""Citations of one reply: numbered as they are first used, each a span of its document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from seatrial.rag.answering.reply import Citation
from seatrial.rag.groundedness.verdict import Evidence
from seatrial.rag.retrieval.found import ContextPassage, Found
from seatrial.rag.text.document import Outline, Span

Outlines = Callable[[int], Outline]
"""Gives the sections and pages of the document that a chunk, by its key, is of."""


class Citations:
    """Gives out numbers.

    Args: passages: whose spans are cited.
    """

    def __init__(self, passages: Sequence[ContextPassage]) -> None:
        self._passages = passages
        self._numbers: dict[Evidence, int] = {}

    def number(self, evidence: Evidence) -> int:
        """The number of a span, from 1; the same for the same span."""
        return self._numbers.setdefault(evidence, len(self._numbers) + 1)

    def all(self) -> tuple[Citation, ...]:
        """Those that have numbers, in their order."""
        return tuple(self._citation(number, one) for one, number in self._numbers.items())

    def _citation(self, number: int, evidence: Evidence) -> Citation:
        context = self._passages[evidence.passage]
        start = context.span.start + evidence.span.start
        end = context.span.start + evidence.span.end
        passage = _around(context, start).passage
        return Citation(
            number=number,
            document=passage.document,
            title=passage.title,
            source=passage.source,
            page=passage.page,
            section=passage.section,
            span=Span(start, end),
            text=context.text[evidence.span.start : evidence.span.end],
            score=context.best.score,
        )


def placed(
    citations: Sequence[Citation], passages: Sequence[ContextPassage], outlines: Outlines
) -> tuple[Citation, ...]:
    """Citations with section and page of where they begin, and not of the chunk they are in."""
    keys = {hit.passage.document: hit.passage.key for one in passages for hit in one.hits}
    found = []
    for one in citations:
        outline = outlines(keys[one.document])
        section, page = outline.section_at(one.span.start), outline.page_at(one.span.start)
        found.append(replace(one, section=section, page=page))
    return tuple(found)


def _around(context: ContextPassage, offset: int) -> Found:
    """What was found around a character: the last chunk that begins before it, else the best."""
    before = [one for one in context.hits if one.passage.span.start <= offset]
    return max(before, key=lambda one: one.passage.span.start, default=context.best)
