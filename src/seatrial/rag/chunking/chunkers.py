"""Chunkers that cut by what a text shows: its sections, paragraphs, sentences and words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.chunking.cutting import Plan, Rule, spans
from seatrial.rag.chunking.levels import (
    LineEnds,
    Places,
    SentenceEnds,
    WordEnds,
    paragraph_places,
    section_places,
)
from seatrial.rag.chunking.ruler import Unit
from seatrial.rag.text.document import Document, Section

Kind = Literal["recursive", "sentence", "fixed"]
_OF_LINES = frozenset(["code", "csv", "json", "jsonl", "xlsx"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How long chunks are, in the chunker's unit.

    Args:
        length: none is longer; >= 1.
        overlap: how much of a chunk the next one repeats at most; below half of `length`.
        parent: the most that the span around a chunk, which an answer sees, may hold; at least
            `length`. None: chunks stand alone.
    """

    length: int
    overlap: int = 0
    parent: int | None = None

    def __str__(self) -> str:
        within = f" in {self.parent}" if self.parent else ""
        return f"{self.length}+{self.overlap}{within}"


class StructureChunker:
    """Cuts by structure.

    Args:
        kind: ``recursive`` cuts between sections, else paragraphs, else sentences, else words;
            ``sentence`` between sentences, else words; ``fixed`` between words.
    """

    def __init__(self, kind: Kind, sizes: Sizes, unit: Unit) -> None:
        self._kind: Kind = kind
        self._sizes = sizes
        self._unit = unit

    @property
    def name(self) -> str:
        """See `Chunker`."""
        return f"{self._kind} {self._sizes} {self._unit.name}"

    def chunks(self, document: Document) -> Sequence[Chunk]:
        """See `Chunker`."""
        above = structure(document) if self._sizes.parent or self._kind == "recursive" else ()
        text = document.text
        if self._kind == "recursive":
            rules: Sequence[Rule] = above
        elif self._kind == "sentence":
            rules = (Rule(SentenceEnds(text)), Rule(WordEnds(text)))
        else:
            rules = (Rule(WordEnds(text)),)
        return cut(document, self._unit, self._sizes, rules, above)


def structure(document: Document) -> Sequence[Rule]:
    """The levels of a document, the highest first.

    How full each must leave a chunk is set by hand: a section leaves it up to three quarters empty
    rather than share it with the next, a paragraph or sentence two thirds.
    """
    text = document.text
    between = [Rule(SentenceEnds(text), 0.35), Rule(LineEnds(text), 0.5)]
    rules = [*(reversed(between) if document.format in _OF_LINES else between)]
    rules.append(Rule(WordEnds(text)))
    if paragraphs := paragraph_places(document):
        rules.insert(0, Rule(Places(paragraphs), 0.35))
    if sections := section_places(document):
        rules.insert(0, Rule(Places(sections), 0.25, severs=True))
    return rules


def cut(
    document: Document, unit: Unit, sizes: Sizes, rules: Sequence[Rule], above: Sequence[Rule]
) -> list[Chunk]:
    """The chunks of a document, cut by `rules`, within parents cut by the rules `above`."""
    text = document.text
    ruler = unit.ruler(text)
    plan = Plan(length=sizes.length, overlap=sizes.overlap, rules=rules)
    if sizes.parent is None:
        parents = []
        found = spans(text, 0, len(text), ruler, plan)
    else:
        around = Plan(length=sizes.parent, overlap=0, rules=above)
        parents = spans(text, 0, len(text), ruler, around)
        found = [span for parent in parents for span in spans(text, *parent, ruler, plan)]
    starts = [parent.start for parent in parents]
    measured = ruler.sized(found, sizes.length)
    paths = _paths(document, (span.start for span, _ in measured))
    return [
        Chunk(
            span=span,
            parent=parents[bisect_right(starts, span.start) - 1] if parents else span,
            n_tokens=length,
            section=path,
            page=bisect_right(document.pages, span.start) or None,
        )
        for (span, length), path in zip(measured, paths, strict=True)
    ]


def _paths(document: Document, starts: Iterable[int]) -> Iterator[tuple[str, ...]]:
    """`Outline.section_at` of each of rising places, in one pass."""
    path: list[Section] = []
    titles: tuple[str, ...] = ()
    sections = iter(document.sections)
    following = next(sections, None)
    for start in starts:
        while following is not None and following.start <= start:
            while path and path[-1].level >= following.level:
                path.pop()
            path.append(following)
            titles = tuple(section.title for section in path)
            following = next(sections, None)
        yield titles
