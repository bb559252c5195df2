"""Where a text may be cut: between sections, paragraphs, sentences, lines, words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from seatrial.rag.text.document import Document
from seatrial.rag.text.sentences import last_sentence_end

_BLANK_LINES = re.compile(r"\n[^\S\n]*+\n\s*+")
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_FENCE_BEGINS = re.compile(r"\n {0,3}(?:```|~~~)")  # sought by its first character: fast
_HEADING_ALONE = re.compile(r"[^\n]*(?:\n[^\S\n]*[=-]{2,}[^\S\n]*)?\s*")
_LONGEST_WORD = 100
# What may not begin a line in Chinese and Japanese, and what may not end one.
_NOT_FIRST = frozenset(
    "。，、！？；：」』”’）】》〉…—～·.!?,;:)]}%ーゃゅょっぁぃぅぇぉャュョッァィゥェォ々"
)
_NOT_LAST = frozenset("「『“‘（【《〈([{")
_AFTER = frozenset("-–—/\\|")


class Level(Protocol):
    """One kind of place where a text may be cut."""

    def last(self, after: int, to: int) -> int | None:
        """The best such place in ``(after, to]``; None where there is none."""
        ...


class Places:
    """Places known beforehand, in order: of sections, of paragraphs."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places

    def last(self, after: int, to: int) -> int | None:
        """See `Level`."""
        index = bisect_right(self._places, to) - 1
        return self._places[index] if index >= 0 and self._places[index] > after else None


class SentenceEnds:
    """Ends of sentences, headings, items of lists and rows of tables."""

    def __init__(self, text: str) -> None:
        self._text = text

    def last(self, after: int, to: int) -> int | None:
        """See `Level`."""
        return last_sentence_end(self._text, after, to)


class LineEnds:
    """Ends of lines: where rows of a log, a table or a program are cut."""

    def __init__(self, text: str) -> None:
        self._text = text

    def last(self, after: int, to: int) -> int | None:
        """See `Level`."""
        place = self._text.rfind("\n", after, to) + 1
        return place if place > after else None


class WordEnds:
    """Gaps between words; in scripts without spaces, gaps that typesetters allow."""

    def __init__(self, text: str) -> None:
        self._text = text

    def last(self, after: int, to: int) -> int | None:
        """See `Level`. Words of more than 100 characters have no gaps near: None."""
        text = self._text
        for place in range(to, max(after, to - _LONGEST_WORD), -1):
            if place >= len(text) or may_part(text[place - 1], text[place]):
                return place
        return None


def may_part(before: str, after: str) -> bool:
    """Whether a line may end between two neighbouring characters."""
    if before.isspace() or after.isspace():
        return True
    if _is_dense(before) or _is_dense(after):
        return after not in _NOT_FIRST and before not in _NOT_LAST
    return before in _AFTER and after.isalpha()


def _is_dense(mark: str) -> bool:
    """Whether a script of this character writes no spaces between words."""
    return mark >= "\u0e00" and (
        "\u2e80" <= mark <= "\ua4cf"
        or "\uac00" <= mark <= "\ud7a3"
        or "\uf900" <= mark <= "\ufaff"
        or "\uff00" <= mark <= "\uffef"
        or "\U00020000" <= mark <= "\U0003ffff"
        or mark <= "\u0eff"
        or "\u1000" <= mark <= "\u109f"
        or "\u1780" <= mark <= "\u17ff"
    )


def section_places(document: Document) -> list[int]:
    """Where sections begin."""
    return [section.start for section in document.sections]


def paragraph_places(document: Document) -> list[int]:
    """Where paragraphs begin, but for those straight below a heading and within fenced code; in
    program code, only those that are not indented."""
    text = document.text
    if "\n" not in text:
        return []
    places = [blank.end() for blank in _BLANK_LINES.finditer(text)]
    if document.format == "code":
        places = [place for place in places if text[place - 1] == "\n"]
    unwanted = set()
    for section in document.sections:
        heading = _HEADING_ALONE.match(text, section.start)
        if heading:
            unwanted.add(heading.end())
    if _FENCE_BEGINS.search(f"\n{text[:6]}") or _FENCE_BEGINS.search(text):
        for fence in _FENCE.finditer(text):
            first = bisect_right(places, fence.start())
            unwanted.update(places[first : bisect_right(places, fence.end() - 1)])
    return [place for place in places if place not in unwanted] if unwanted else places
