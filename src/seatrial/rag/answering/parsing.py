"""From what a model wrote to sentences with the passages they cite."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seatrial.rag.text.document import Span
from seatrial.rag.text.sentences import sentences

_CITED = r"[\[【]\s*\^?\d{1,3}(?:\s*[,，、;-]\s*\^?\d{1,3})*\s*[\]】]"
_MARKS = re.compile(rf"(?<![ \t])[ \t]*{_CITED}")
# "It is so. [1]" cites for the sentence before; there it is written in front of the full stop.
_BEHIND = re.compile(rf"(?<![.!?。！？])([.!?。！？]++[”’\"'」』）)]*+)((?:[ \t]*+{_CITED})+)")
_NUMBERS = re.compile(r"\d{1,3}")
_RANGE = re.compile(r"(\d{1,3})\s*-\s*\^?(\d{1,3})")
_BULLET = re.compile(r"(?:[-*+•·]|\d{1,3}[.)、])\s+")
_LONGEST_RANGE = 20


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence that a model wrote.

    Args:
        before: the white space and the list mark in front of it.
        text: without citations.
        cited: numbers of passages, from 1, as written; there may be no such passage.
    """

    before: str
    text: str
    cited: tuple[int, ...]


def written_sentences(text: str) -> list[WrittenSentence]:
    """The sentences of an answer in order. Linear in its length."""
    text = _BEHIND.sub(lambda found: found.group(2) + found.group(1), text)
    found: list[WrittenSentence] = []
    last = 0
    for span in sentences(text):
        before = _between(text[last : span.start])
        last = span.end
        marked = text[span.start : span.end]
        bullet = _BULLET.match(marked)
        if bullet is not None:
            before, marked = before + bullet.group(), marked[bullet.end() :]
        cited = _cited(marked)
        bare = _MARKS.sub("", marked).strip()
        if any(char.isalnum() for char in bare):
            found.append(WrittenSentence(before, bare, cited))
        elif found and cited:
            previous = found[-1]
            found[-1] = WrittenSentence(previous.before, previous.text, previous.cited + cited)
    return found


def _between(gap: str) -> str:
    return gap if "\n" in gap else gap[:1]


def _cited(marked: str) -> tuple[int, ...]:
    numbers: dict[int, None] = {}
    for mark in _MARKS.findall(marked):
        for first, last in _RANGE.findall(mark):
            if int(first) < int(last) <= int(first) + _LONGEST_RANGE:
                numbers |= dict.fromkeys(range(int(first), int(last) + 1))
        numbers |= dict.fromkeys(map(int, _NUMBERS.findall(mark)))
    return tuple(numbers)


def with_citations(text: str, numbers: tuple[int, ...]) -> str:
    """A sentence with its citations, in front of its last mark."""
    if not numbers:
        return text
    marks = "".join(f"[{number}]" for number in numbers)
    body = text.rstrip(".!?。！？")
    space = "" if body[-1:] > "⺀" else " "
    return f"{body}{space}{marks}{text[len(body) :]}"


def spans_of(pieces: list[tuple[str, str]]) -> tuple[str, list[Span]]:
    """The text of pieces with what stands before each, and where each piece lies in it."""
    text = ""
    spans: list[Span] = []
    for before, piece in pieces:
        text += before if text else before.lstrip()
        spans.append(Span(len(text), len(text) + len(piece)))
        text += piece
    return text, spans
