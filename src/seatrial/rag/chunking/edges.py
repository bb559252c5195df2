"""Where a span begins and ends when the white space around it is left out."""

from __future__ import annotations

import re

from seatrial.rag.text.document import Span
from seatrial.rag.text.graphemes import grapheme_before

_NOT_SPACE = re.compile(r"\S")


def next_start(text: str, at: int, end: int) -> int:
    """The first character in ``[at, end)`` that is not white space; `end` where there is none.

    White space that carries an accent is one character with it, and counts.
    """
    if at < end and " " < text[at] < "\u00a0":
        return at
    found = _NOT_SPACE.search(text, at, end)
    return grapheme_before(text, found.start(), at) if found else end


def bare(text: str, start: int, end: int) -> Span:
    """``[start, end)`` without the white space at its end."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)
