"""Which characters of a text are marked: words of a question, a quotation in its document.

Texts stay texts: they are cut into pieces, which templates escape one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seatrial.rag.knowledge.desk import Surroundings
from seatrial.rag.retrieval.keywords import keywords
from seatrial.rag.text.stemming import english_stem
from seatrial.rag.text.words import words

_MOST_QUESTION = 2_000
"""Characters of a question whose words are marked."""
_LEAST_SHOWN = 700
_TORN_HEAD = re.compile(r"^\w{1,20}\s+")
_TORN_TAIL = re.compile(r"\s+\w{1,20}$")
_EMPTY_LINES = re.compile(r"\n\s*\n")
_NUMBER = re.compile(r"\[(\d{1,3})\]")


class Piece(NamedTuple):
    """A part of a text."""

    text: str
    marked: bool


class Linked(NamedTuple):
    """A part of an answer: text, or the ``[n]`` of a citation."""

    text: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Extract:
    """A passage as it is shown: its beginning, and the rest, which is folded away.

    Args: unfold: all that is marked is in the rest.
    """

    first: Sequence[Piece]
    rest: Sequence[Piece]
    unfold: bool


@dataclass(frozen=True, slots=True)
class Quotation:
    """A citation within the text around it."""

    before: str
    quoted: str
    after: str


def extract(text: str, question: str, language: str | None) -> Extract:
    """A passage with the words of a question marked.

    Args: language: of the question, ISO 639-1.
    """
    text = _closer(text)
    pieces = marked(text, asked_words(text, question, language))
    first: list[Piece] = []
    n = 0
    while pieces and n < _LEAST_SHOWN:
        piece = pieces.pop(0)
        at = _LEAST_SHOWN - n
        if len(piece.text) > 1.5 * at and not piece.marked:
            cut = piece.text.rfind(" ", at // 2, at) + 1 or at
            pieces.insert(0, Piece(piece.text[cut:], marked=False))
            piece = Piece(piece.text[:cut], marked=False)
        first.append(piece)
        n += len(piece.text)
    unfold = any(one.marked for one in pieces) and not any(one.marked for one in first)
    return Extract(first, pieces, unfold)


def asked_words(text: str, question: str, language: str | None) -> list[tuple[int, int]]:
    """Where the words of a question stand in a text, in any of their forms, by their start."""
    sought = words(keywords(question[:_MOST_QUESTION], language))
    asked = {english_stem(word.text) for word in sought}
    found = [(one.start, one.end) for one in words(text) if english_stem(one.text) in asked]
    alone = "".join(
        re.escape(word.text) for word in sought if len(word.text) == 1 and word.text > "\u2e80"
    )
    if alone:  # a Han character that stands alone in the question is in pairs in the text
        found += [one.span() for one in re.finditer(f"[{alone}]", text)]
    return sorted(found)


def marked(text: str, spans: Iterable[tuple[int, int]]) -> list[Piece]:
    """A text in pieces; those of the spans are marked, and those that touch are one.

    Args: spans: sorted, within the text.
    """
    pieces: list[Piece] = []
    merged: list[list[int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    last = 0
    for start, end in merged:
        pieces += [Piece(text[last:start], marked=False), Piece(text[start:end], marked=True)]
        last = end
    pieces.append(Piece(text[last:], marked=False))
    return [one for one in pieces if one.text]


def quotation(quoted: str, around: Surroundings | None) -> Quotation:
    """A citation with what stands around it; words that are torn are left out.

    Args: around: None where that is not to be had.
    """
    if around is None:
        return Quotation("", quoted, "")
    before, after = around.before, around.after
    if not around.begins:
        before = "…" + _TORN_HEAD.sub("", before)
    if not around.ends:
        after = _TORN_TAIL.sub("", after) + "…"
    return Quotation(_closer(before), quoted, _closer(after))


def _closer(text: str) -> str:
    """A text whose paragraphs begin a line without an empty one before it."""
    return _EMPTY_LINES.sub("\n", text)


def linked(text: str, numbers: Iterable[int]) -> list[Linked]:
    """An answer in pieces.

    Args: numbers: of its citations; another ``[n]`` is text.
    """
    known = set(numbers)
    pieces: list[Linked] = []
    last = 0
    for found in _NUMBER.finditer(text):
        number = int(found[1])
        if number in known:
            pieces += [Linked(text[last : found.start()], None), Linked(found[0], number)]
            last = found.end()
    pieces.append(Linked(text[last:], None))
    return [one for one in pieces if one.text]
